"""Calls through a whole server: sent, judged, told, read, objected to, erased."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from running_node import EXAMPLE, Running, events_of, frames
from websockets.exceptions import ConnectionClosed

from tonfall.analysis import analyze
from tonfall.analysis.exports import export
from tonfall.audio import read
from tonfall.serve.codecs import Role

CALLER = "+49 170 1234567"


@pytest.fixture(scope="module")
def played(open_node: Running) -> str:
    return open_node.play(parameters={"caller": CALLER, "notice": "given"})


def test_results_come_on_the_same_connection_to_who_asks(open_node: Running) -> None:
    start, *audio = frames(seconds=12, call_id="asks-for-results")
    asked = json.dumps({**json.loads(str(start)), "results": ["window", "turn"]})
    with open_node.socket() as socket:
        for frame in [asked, *audio]:
            socket.send(frame)
        told = [json.loads(message) for message in socket]
    assert socket.close_code == 1000
    results = [each for each in told if each["type"] == "result"]
    call = results[-1]["call"]
    assert [each["kind"] for each in results if each["kind"] not in ("window", "turn")] == [
        "call.closed"
    ]
    with open_node.client() as client:
        kept = client.get(f"/v1/calls/{call}/windows").json()["windows"]
        turns = client.get(f"/v1/calls/{call}/turns").json()["turns"]
    assert kept
    for kind, rows in (("window", kept), ("turn", turns)):
        found = [each for each in results if each["kind"] == kind]
        names = ("id", "at", "start", "end", "label", "probabilities")
        assert [[each[name] for name in names] for each in found] == [
            [each[name] for name in names] for each in rows
        ]


def test_results_are_for_keys_that_may_read(keyed_node: Running) -> None:
    start = json.loads(str(frames(seconds=1, call_id="asks")[0]))
    asked = json.dumps({**start, "results": ["window"]})
    for scopes, code in ((("ingest",), 1008), (("ingest", "read"), None)):
        headers = {"Authorization": f"Bearer {keyed_node.key(*scopes)}"}
        with keyed_node.socket(additional_headers=headers) as socket:
            socket.send(asked)
            if code is None:
                assert json.loads(socket.recv())["type"] == "started"
                continue
            with pytest.raises(ConnectionClosed):
                socket.recv()
        assert socket.close_code == code


NAMED = "PJSIP/hans.mueller-0000001"


def test_no_name_in_an_id_is_kept_and_the_call_is_found_by_it(open_node: Running) -> None:
    call = open_node.play(seconds=2, call_id=NAMED)
    with open_node.client() as client:
        told = client.get(f"/v1/calls/{call}").json()

        def found(external_id: str) -> list[str]:
            answer = client.get("/v1/calls", params={"external_id": external_id})
            return [each["id"] for each in answer.raise_for_status().json()["calls"]]

        assert "mueller" not in json.dumps(told)
        assert (found(NAMED), found(told["external_id"]), found("another")) == ([call], [call], [])


def test_a_call_is_read_back_as_it_was_told(open_node: Running, played: str) -> None:
    with open_node.client() as client:
        call = client.get(f"/v1/calls/{played}").raise_for_status().json()
        windows = client.get(f"/v1/calls/{played}/windows").json()["windows"]
        turns = client.get(f"/v1/calls/{played}/turns").json()["turns"]
    assert (call["state"], call["carrier"], call["reason"]) == (
        "ended",
        "native",
        "end of recording",
    )
    assert call["complete"] is True
    assert call["seconds"] == pytest.approx(12.0)
    assert call["notice"] == "given"
    assert len(windows) > 5
    assert turns
    assert all(abs(sum(each["probabilities"].values()) - 1) < 1e-4 for each in windows)


def test_nothing_of_the_caller_is_in_any_answer(open_node: Running, played: str) -> None:
    with open_node.client() as client:
        for path in (f"/v1/calls/{played}", "/v1/audit", "/metrics", "/v1/calls"):
            text = client.get(path).raise_for_status().text
            assert "1234567" not in text
            assert "caller" not in text


def test_windows_can_be_read_on_from_the_last(open_node: Running, played: str) -> None:
    path = f"/v1/calls/{played}/windows"
    with open_node.client() as client:
        whole = client.get(path).json()["windows"]
        first = client.get(path, params={"limit": 3}).json()
        rest = client.get(path, params={"after": first["after"]}).json()
    assert first["windows"] + rest["windows"] == whole


def test_the_same_recording_gives_the_same_windows(open_node: Running) -> None:
    sides = (Role.CUSTOMER, Role.AGENT)
    call = open_node.play(seconds=90.0, call_id="whole", roles=sides)
    with open_node.client() as client, EXAMPLE.open("rb") as file:
        live = client.get(f"/v1/calls/{call}/windows").json()["windows"]
        answer = client.post("/v1/analyze", files={"file": file}, data={"customer": "0"})
    recorded = answer.raise_for_status().json()["windows"]
    assert len(recorded) > 20
    for one, other in zip(live, recorded, strict=True):
        for name in ("start", "end", "channel", "label"):
            assert one[name] == other[name]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=2e-6)


def test_an_objection_ends_a_live_call_and_deletes_what_was_judged(open_node: Running) -> None:
    sent = frames(seconds=10, call_id="objected", stop=False)
    with open_node.socket() as socket, open_node.client() as client:
        for frame in sent:
            socket.send(frame)
        call = open_node.newest(state="live")
        windows = f"/v1/calls/{call}/windows"
        open_node.wait_for(lambda: client.get(windows).json()["windows"])
        purged = client.post(f"/v1/calls/{call}/objection").raise_for_status().json()
        assert (purged["state"], purged["notice"]) == ("purged", "refused")
        for frame in sent[1:]:
            socket.send(frame)
        socket.send(json.dumps({"type": "stop"}))
        for _ in socket:
            pass
        assert client.get(windows).json()["windows"] == []
        refused = client.post(f"/v1/calls/{call}/notice", json={"notice": "given"})
        assert refused.status_code == 409


def test_a_caller_who_objected_is_not_scored_in_the_next_call(open_node: Running) -> None:
    with open_node.client() as client:
        said = client.post("/v1/objections", json={"caller": "+1 555 0100"})
        assert said.raise_for_status().json() == {"added": True, "calls": []}
        call = open_node.play(call_id="next", parameters={"caller": "+1 (555) 0100"})
        found = client.get(f"/v1/calls/{call}").json()
        assert found["notice"] == "refused"
        assert client.get(f"/v1/calls/{call}/windows").json()["windows"] == []


def test_a_caller_who_refused_in_one_call_is_not_scored_in_the_next(open_node: Running) -> None:
    said = {"caller": "+1 555 0101", "notice": "refused"}
    first = open_node.play(call_id="refusing", parameters=said, seconds=2)
    second = open_node.play(call_id="after", parameters={"caller": "tel:0015550101"})
    with open_node.client() as client:
        for call in (first, second):
            assert client.get(f"/v1/calls/{call}").json()["notice"] == "refused"
            assert client.get(f"/v1/calls/{call}/windows").json()["windows"] == []


def test_an_objection_can_be_withdrawn(open_node: Running) -> None:
    said = {"caller": "wanda"}
    with open_node.client() as client:
        assert client.post("/v1/objections", json=said).json()["added"]
        for removed in (True, False):
            answer = client.post("/v1/objections/withdrawals", json=said)
            assert answer.raise_for_status().json() == {"removed": removed}
        call = open_node.play(call_id="back", parameters=said)
        assert client.get(f"/v1/calls/{call}/windows").json()["windows"]
        refused = client.post("/v1/objections", json={"caller": "Anonymous"})
        assert refused.status_code == 422
        assert "tells nobody apart" in refused.json()["detail"]


def test_an_objection_finds_a_call_that_has_just_opened(open_node: Running) -> None:
    with open_node.client() as client:
        for number in range(8):
            caller, before = {"caller": f"quick-{number}"}, open_node.last_written()
            with open_node.socket() as socket:
                socket.send(frames(call_id=f"q{number}", parameters=caller)[0])
                client.post("/v1/objections", json=caller).raise_for_status()
                desk = open_node.node.services.desk
                open_node.wait_for(lambda desk=desk: all(x.silenced for x in desk.live()))
                socket.send(json.dumps({"type": "stop"}))
                for _ in socket:
                    pass
            call = open_node.newest(after=before)
            assert client.get(f"/v1/calls/{call}").json()["notice"] == "refused"


@pytest.mark.parametrize("by_caller", [False, True])
def test_a_live_call_is_erased_whole_and_its_caller_did_not_object(
    open_node: Running, by_caller: bool
) -> None:
    said = {"caller": f"erika-{by_caller}"}
    with open_node.socket() as socket, open_node.client() as client:
        for frame in frames(seconds=10, call_id="erased", parameters=said, stop=False):
            socket.send(frame)
        call = open_node.newest(state="live")
        windows = f"/v1/calls/{call}/windows"
        open_node.wait_for(lambda: client.get(windows).json()["windows"])
        if by_caller:
            answer = client.post("/v1/erasures", json=said)
        else:
            answer = client.delete(f"/v1/calls/{call}")
        counts = answer.raise_for_status().json()
        assert (counts["calls"], counts["windows"] > 0) == (1, True)
        assert client.get(f"/v1/calls/{call}").status_code == 404
        assert client.delete(f"/v1/calls/{call}").status_code == 404
        socket.send(json.dumps({"type": "stop"}))
        for _ in socket:
            pass
        later = open_node.play(call_id="erased-later", parameters=said)
        assert client.get(f"/v1/calls/{later}/windows").json()["windows"]


def test_a_refusal_that_could_not_be_written_is_not_forgotten(open_node: Running) -> None:
    with open_node.socket() as socket, open_node.client() as client:
        for frame in frames(seconds=10, call_id="unwritten", stop=False):
            socket.send(frame)
        call = open_node.newest(state="live")
        windows, notice = f"/v1/calls/{call}/windows", f"/v1/calls/{call}/notice"
        open_node.wait_for(lambda: client.get(windows).json()["windows"])
        with open_node.store.database.raw_writing():
            answer = client.post(notice, json={"notice": "refused"})
            assert answer.status_code == 503
            assert "not deleted yet" in answer.json()["detail"]
        told = client.post(notice, json={"notice": "refused"}).raise_for_status().json()
        assert (told["state"], told["notice"]) == ("purged", "refused")
        assert client.get(windows).json()["windows"] == []
        socket.send(json.dumps({"type": "stop"}))
        for _ in socket:
            pass


@pytest.mark.parametrize("part", ["tonfall.serve.store.exporting._write", "zipfile.ZipFile.write"])
def test_an_export_that_the_disk_has_no_room_for_is_answered_507(
    open_node: Running, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(part, full)
    with open_node.client() as client:
        answer = client.post("/v1/exports", json={"caller": "somebody"})
    assert answer.status_code == 507
    assert answer.json()["detail"].startswith("The server has no room for the archive")


def test_an_export_holds_one_caller_and_an_erasure_leaves_nothing(open_node: Running) -> None:
    mine = open_node.play(call_id="mine", parameters={"caller": "anna"})
    other = open_node.play(call_id="other", parameters={"caller": "bert"})
    with open_node.client() as client:
        packed = client.post("/v1/exports", json={"caller": "anna"}).raise_for_status()
        archive = zipfile.ZipFile(io.BytesIO(packed.content))
        assert [call["id"] for call in json.loads(archive.read("calls.json"))] == [mine]
        assert {"windows.parquet", "turns.parquet"} <= set(archive.namelist())
        counts = client.post("/v1/erasures", json={"caller": "anna"}).raise_for_status().json()
        assert counts["calls"] == 1
        assert counts["windows"] > 0
        assert client.get(f"/v1/calls/{mine}").status_code == 404
        assert client.get(f"/v1/calls/{other}").status_code == 200
        assert client.delete(f"/v1/calls/{other}").json()["calls"] == 1
        assert client.delete(f"/v1/calls/{other}").status_code == 404


def test_events_come_in_order_and_are_resumed_from_the_last(open_node: Running) -> None:
    with open_node.client() as client:
        with client.stream("GET", "/v1/events") as stream:
            events = events_of(stream.iter_lines())
            call = open_node.play(call_id="told")
            first = list(until(events, "call.closed"))
        assert {"call.opened", "window", "turn", "call.closed"} <= {e["kind"] for e in first}
        ids = [event["id"] for event in first]
        assert ids == sorted(set(ids))
        assert {event["call"] for event in first} == {call}
        middle = first[len(first) // 2]
        with client.stream("GET", "/v1/events", headers={"Last-Event-ID": middle["last"]}) as again:
            rest = list(until(events_of(again.iter_lines()), "call.closed"))
        assert rest == first[len(first) // 2 + 1 :]


def test_events_can_be_chosen_by_call_and_kind(open_node: Running) -> None:
    with open_node.client() as client:
        call = open_node.play(call_id="chosen")
        open_node.play(call_id="another")
        asked = {"call": call, "kinds": "call.opened,call.closed", "after": 0}
        with client.stream("GET", "/v1/events", params=asked) as stream:
            events = list(until(events_of(stream.iter_lines()), "call.closed"))
    assert [event["kind"] for event in events] == ["call.opened", "call.closed"]
    assert {event["call"] for event in events} == {call}


def until(events: Iterator[dict[str, object]], kind: str) -> Iterator[dict[str, object]]:
    for event in events:
        yield event
        if event["event"] == kind:
            return


@pytest.mark.slow
def test_a_recording_gives_what_the_library_gives(open_node: Running, tmp_path: Path) -> None:
    waveform, rate = read(EXAMPLE)
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, waveform.mean(axis=0), rate)
    expected = analyze(mono, model=open_node.node.services.desk.predictor, speakers=2)
    with open_node.client() as client, mono.open("rb") as file:
        answer = client.post("/v1/analyze", files={"file": file}, data={"speakers": "2"})
    document = export(expected.timeline, "json").decode().replace(str(mono), "mono.wav")
    assert answer.raise_for_status().json() == json.loads(document)
    with open_node.client() as client, mono.open("rb") as file:
        answer = client.post("/v1/analyze", files={"file": file}, data={"channels": "both"})
    assert answer.status_code == 422
    with open_node.client() as client, EXAMPLE.open("rb") as file:
        answer = client.post("/v1/analyze", files={"file": file}, data={"channels": "mix"})
    assert {turn["channel"] for turn in answer.raise_for_status().json()["turns"]} == {0}
