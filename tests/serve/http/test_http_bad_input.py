"""What is malformed, too large, too slow or too much: a clear answer, and nobody else disturbed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from running_node import EXAMPLE, PATIENCE_S, RATE, Running, frames, running
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tonfall.serve.http.gate import Gate
from tonfall.serve.http.problems import Problem
from tonfall.serve.settings import read_settings

START = frames(seconds=1, stop=False)[0]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running]:
    """A server with limits that a test can reach."""
    limits = {
        "upload_bytes": 2_000_000,
        "upload_s": 3,
        "upload_stalled_s": 1,
        "header_s": 1,
        "audio_s": 30,
        "clip_s": 5,
        "first_message_s": 1,
        "silent_s": 2,
        "calls": 2,
        "calls_per_tenant": 2,
        "event_streams": 2,
        "event_backlog": 10,
    }
    with running(tmp_path_factory.mktemp("strict"), model, limits=limits) as node:
        yield node


def close_code(node: Running, *sent: str | bytes, path: str = "/v1/stream") -> int:
    with node.socket(path) as socket:
        for each in sent:
            socket.send(each)
        with contextlib.suppress(ConnectionClosed):
            for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([b"\x00\x00"], 1002),
        (["{"], 1007),
        (["{}"], 1002),
        (['{"type": "stop"}'], 1002),
        ([START, START], 1002),
        ([START, b"\x00" * 3], 1007),
        ([START, b"\x00" * 262_145], 1009),
        ([START, b"\x00" * 300_000], 1009),
        ([], 1008),
        ([START], 1008),
        ([str(START).replace('"sampling_rate": 8000', '"sampling_rate": 5')], 1002),
    ],
    ids=[
        "audio first",
        "no JSON",
        "no type",
        "stop first",
        "two starts",
        "half a sample",
        "a long frame",
        "a very long frame",
        "never starts",
        "never speaks",
        "a rate that no line has",
    ],
)
def test_each_mistake_has_its_close_code(
    strict: Running, sent: list[str | bytes], code: int
) -> None:
    # Of a very long frame so much is read on that our code arrives, but no longer than 2 s.
    reset = {1006} if code == 1009 else set()
    assert close_code(strict, *sent) in {code} | reset


def test_two_streams_with_one_id_are_refused(open_node: Running) -> None:
    with open_node.socket() as first:
        first.send(START)
        first.recv()
        assert close_code(open_node, START) == 1008


def test_a_full_server_says_try_again_later(strict: Running) -> None:
    with strict.socket() as one, strict.socket() as two:
        for socket, name in ((one, "full-1"), (two, "full-2")):
            socket.send(frames(seconds=1, call_id=name, stop=False)[0])
            socket.recv()
        assert close_code(strict, frames(seconds=1, call_id="full-3")[0]) == 1013
    with strict.client() as client:
        assert 'tonfall_carrier_busy_total{carrier="native"} 1.0' in client.get("/metrics").text


def test_a_client_that_sends_a_frame_byte_by_byte_is_read(open_node: Running) -> None:
    with open_node.socket() as socket:
        raw = socket.socket
        text = frames(seconds=1, call_id="slow", stop=False)[0].encode()
        head = bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4)
        for byte in head + text:
            raw.sendall(bytes([byte]))
        assert json.loads(socket.recv(timeout=PATIENCE_S)) == {"type": "started", "version": 1}


def test_fragments_and_pings_between_them_are_read(open_node: Running) -> None:
    with open_node.socket() as socket:
        text = str(frames(seconds=1, call_id="parts", stop=False)[0])
        socket.send([text[:10], text[10:50], text[50:]])
        assert json.loads(socket.recv(timeout=PATIENCE_S)) == {"type": "started", "version": 1}
        assert socket.ping().wait(60)
        socket.send([b"\x00" * 100, b"\x00" * 60])
        socket.send(json.dumps({"type": "stop"}))
        assert json.loads(socket.recv(timeout=PATIENCE_S)) == {"type": "stopped", "samples": 80}


def test_a_frame_that_is_not_masked_is_refused(open_node: Running) -> None:
    with open_node.socket() as socket:
        socket.socket.sendall(b"\x81\x02{}    ")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002


def test_text_that_is_not_utf_8_is_refused(open_node: Running) -> None:
    with open_node.socket() as socket:
        socket.socket.sendall(b"\x81\x82\x00\x00\x00\x00\xff\xff")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007


def test_unknown_paths_refuse_a_websocket(
    open_node: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus), open_node.socket("/v1/nothing"):
        pass
    with (
        pytest.raises(InvalidStatus) as refused,
        open_node.socket(additional_headers={"Origin": "https://elsewhere.example"}),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def post(node: Running, content: bytes, *, path: str = "/v1/analyze", name: str = "a.wav") -> Any:
    with node.client() as client:
        return client.post(path, files={"file": (name, content)})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"rubbish" * 100, "not a recording"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "a.wav"),
        (b"fLaC" + bytes(100), "a.wav"),
    ],
    ids=["empty", "rubbish", "half a header", "broken FLAC"],
)
def test_what_is_no_recording_is_said_in_a_sentence(
    open_node: Running, content: bytes, says: str
) -> None:
    answer = post(open_node, content)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()["detail"]
    assert says in told
    assert "/tmp" not in told


def test_audio_that_unpacks_to_more_than_may_be_is_refused(strict: Running) -> None:
    packed = io.BytesIO()
    soundfile.write(packed, np.zeros(RATE * 3600, np.int16), RATE, format="FLAC")
    assert len(packed.getvalue()) < 100_000
    answer = post(strict, packed.getvalue(), name="bomb.flac")
    assert answer.status_code == 422
    assert "longer than 30 s" in answer.json()["detail"]


def test_a_clip_has_a_limit_of_its_own(strict: Running) -> None:
    answer = post(strict, EXAMPLE.read_bytes(), path="/predict")
    assert answer.status_code == 422
    assert "longer than 5 s" in answer.json()["detail"]


def test_names_of_files_are_not_believed(open_node: Running) -> None:
    answer = post(open_node, EXAMPLE.read_bytes(), name="../../etc/pass\x1bwd.wav")
    assert answer.status_code == 200
    assert answer.json()["recording"]["file"] == "pass_wd.wav"


def test_a_large_upload_is_refused_before_and_while_it_comes(strict: Running) -> None:
    assert post(strict, bytes(2_100_000)).status_code == 413

    def parts() -> Iterator[bytes]:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        yield head
        for _ in range(30):
            yield bytes(100_000)

    with strict.client(headers={"Content-Type": "multipart/form-data; boundary=x"}) as client:
        assert client.post("/v1/analyze", content=parts()).status_code == 413


@pytest.mark.parametrize("path", ["/v1/analyze", "/predict"])
def test_a_form_has_one_file_and_short_fields(open_node: Running, path: str) -> None:
    clip = ("a.wav", EXAMPLE.read_bytes())
    with open_node.client() as client:
        two = client.post(path, files=[("file", clip), ("other", ("b.wav", b"x"))])
        long = client.post(path, files={"file": clip}, data={"more": "x" * 2000})
        many = client.post(path, files={"file": clip}, data={f"f{n}": "x" for n in range(20)})
        other = client.post(path, data={"file": "x" * 10_000})
    assert [each.status_code for each in (two, long, many, other)] == [400, 400, 400, 415]
    assert "Too many files" in two.json()["detail"]
    assert "multipart/form-data" in other.json()["detail"]
    for each in (two, long, many, other):
        assert each.headers["content-type"] == "application/problem+json"


def test_other_bodies_are_small(open_node: Running) -> None:
    with open_node.client() as client:
        answer = client.post("/v1/objections", content=bytes(70_000))
    assert answer.status_code == 413


def raw(node: Running) -> sockets.socket:
    host, port = node.node.addresses["http"]
    return sockets.create_connection((host, port), timeout=PATIENCE_S)


def test_a_head_that_never_ends_is_cut_off(strict: Running) -> None:
    with raw(strict) as socket:
        socket.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert socket.recv(100) == b""


def test_a_body_that_stalls_is_answered_and_cut_off(strict: Running) -> None:
    with raw(strict) as socket:
        socket.sendall(
            b"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        assert b" 408 " in socket.recv(1000)


def test_a_body_that_drips_is_answered_and_cut_off(strict: Running) -> None:
    with raw(strict) as socket:
        socket.sendall(
            b"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        socket.settimeout(0.2)
        answer = b""
        for _ in range(100):
            try:
                socket.sendall(b"x")
                answer = socket.recv(1000)
                break
            except TimeoutError:
                continue
        assert b" 408 " in answer


def test_a_small_body_that_drips_has_less_time_than_an_upload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reading(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def drip() -> Any:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    gate = Gate(reading, settings=read_settings(options={"limits": {"upload_s": 300}}))
    monkeypatch.setattr("tonfall.serve.http.gate.SMALL_BODY_S", 0.05)
    head = {"type": "http", "method": "POST", "scheme": "http", "query_string": b""}
    scope = {**head, "path": "/v1/objections", "headers": [(b"host", b"127.0.0.1")]}
    with pytest.raises(Problem, match="too slowly"):
        asyncio.run(gate(scope, drip, None))  # type: ignore[arg-type]


def test_a_reader_that_reads_nothing_is_dropped(strict: Running) -> None:
    with raw(strict) as socket:
        socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        request = "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        socket.sendall(request.encode())
        hub = strict.node.services.hub
        strict.wait_for(lambda: len(hub) == 1)
        flood(strict, hub)
        strict.wait_for(lambda: hub.dropped == 1 and len(hub) == 0)


def flood(node: Running, hub: Any) -> None:
    """More events than sockets and backlog hold: as many as a busy day brings."""
    from datetime import UTC, datetime

    from tonfall.serve.records import StoredEvent

    payload = {"filler": "x" * 10_000}
    events = [
        StoredEvent(hub.last + 1 + n, "default", "0" * 32, "window", datetime.now(UTC), payload)
        for n in range(2000)
    ]
    for first in range(0, len(events), 5):
        hub.committed(events[first : first + 5])
        time.sleep(0.001)


def test_a_tenant_has_so_many_streams_and_no_more(strict: Running) -> None:
    with strict.client() as client:
        with client.stream("GET", "/v1/events"), client.stream("GET", "/v1/events"):
            strict.wait_for(lambda: len(strict.node.services.hub) == 2)
            assert client.get("/v1/events").status_code == 429
        strict.wait_for(lambda: len(strict.node.services.hub) == 0)


def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path, model: Path) -> None:
    with (
        running(tmp_path, model, limits={"requests_per_minute": 5}) as node,
        node.client() as client,
    ):
        answers = [client.get("/v1/calls") for _ in range(7)]
    assert [each.status_code for each in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/calls/none", None),
        ("GET", "/v1/calls?limit=0", None),
        ("GET", "/v1/calls?cursor=rubbish", None),
        ("GET", "/v1/calls?since=yesterday", None),
        ("GET", f"/v1/calls/{'0' * 32}/windows?after=-1", None),
        ("GET", "/v1/alerts?state=angry", None),
        ("POST", "/v1/objections", {"caller": ""}),
        ("POST", "/v1/objections", {"caller": "a", "more": 1}),
        ("POST", f"/v1/calls/{'0' * 32}/notice", {"notice": "perhaps"}),
    ],
)
def test_a_request_that_makes_no_sense_is_a_problem(
    open_node: Running, method: str, path: str, body: Any
) -> None:
    with open_node.client() as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["detail"].endswith(".")


def test_a_call_goes_on_while_others_misbehave(strict: Running) -> None:
    good = frames(seconds=8, call_id="good")
    with strict.socket() as socket:
        for number, frame in enumerate(good):
            if number % 100 == 50:
                assert close_code(strict, "{") == 1007
            socket.send(frame)
        assert json.loads(list(socket)[-1])["samples"] == 8 * RATE
