"""Sessions without sockets: frames in, calls fed, answers out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tonfall.errors import AudioError, ServiceError
from tonfall.serve.carriers import Close, Session, Switchboard, Timeouts
from tonfall.serve.carriers.turn import EMPTY_AT_ONCE
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    EndReason,
    Event,
    Native,
)
from tonfall.serve.codecs.audiohook import AudioHook
from tonfall.serve.codecs.audiohook_client import AudioHookClient
from tonfall.serve.codecs.twilio import Stream as TwilioStream
from tonfall.serve.codecs.twilio import Twilio
from tonfall.serve.codecs.twilio import messages_of as twilio_messages
from tonfall.serve.records import StoredEvent

SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
ORGANIZATION = "d7934305-0972-4844-938e-9060eef73d05"
CONVERSATION = "e160e428-53e2-487c-977d-96989bf5c99d"


class Heard:
    """What a call was told."""

    id = "the-call"
    congested = False
    counters: Any = None

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._callbacks: list[Callable[[], None]] = []

    def take(self, event: Event) -> None:
        self.events.append(event)

    def on_finished(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def finish(self) -> None:
        for each in self._callbacks:
            each()


class Office:
    """A switchboard, and the calls that it opened."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[Heard] = []
        self.error: Exception | None = None
        self.board = Switchboard(
            self._open,  # type: ignore[arg-type]
            soon=lambda work: work(),
            timeouts=Timeouts(first_s=5, silent_s=10, last_s=3),
            **options,
        )

    def _open(self, tenant: str, carrier: str, started: CallStarted) -> Heard:
        if self.error is not None:
            raise self.error
        self.calls.append(Heard())
        return self.calls[-1]

    def native(self, tenant: str = "a") -> Session:
        return self.board.session(Native(), carrier="native", tenant=tenant, now=0.0)

    def audiohook(self) -> tuple[Session, AudioHookClient]:
        codec = AudioHook(session_id=SESSION, organization_id=ORGANIZATION)
        client = AudioHookClient(
            session_id=SESSION, conversation_id=CONVERSATION, organization_id=ORGANIZATION
        )
        session = self.board.session(codec, carrier="audiohook", tenant="a", now=0.0)
        return session, client


def start(call_id: str = "c1") -> str:
    content = {
        "type": "start",
        "version": 1,
        "call_id": call_id,
        "sampling_rate": 8000,
        "encoding": "s16le",
        "channels": ["customer"],
    }
    return json.dumps(content)


def kinds(client: AudioHookClient, out: list[Any]) -> list[str]:
    """What was said, and ``Close`` where the connection is to be closed."""
    return [client.receive(each).type if isinstance(each, str) else "Close" for each in out]


def event(kind: str, number: int = 1, **payload: Any) -> StoredEvent:
    return StoredEvent(number, "a", "the-call", kind, datetime(2026, 11, 30, tzinfo=UTC), payload)


def asking(office: Office, *results: str) -> tuple[Session, list[Any]]:
    """A call whose client asked for results, and what is sent of them."""
    session, sent = office.native(), list[Any]()
    session.attach(sent.extend)
    session.receive(json.dumps({**json.loads(start()), "results": list(results)}), now=1)
    return session, sent


def test_results_that_were_asked_for_come_on_the_same_connection() -> None:
    office = Office()
    session, sent = asking(office, "window", "alert")
    kinds = ["call.opened", "window", "turn", "alert.opened", "alert.moved", "notice"]
    for number, kind in enumerate(kinds, 1):
        office.board.tell(event(kind, number, level=0.5))
    told = [json.loads(each) for each in sent]
    assert [each["kind"] for each in told] == ["window", "alert.opened", "alert.moved"]
    assert told[0] == {
        "type": "result",
        "id": 2,
        "kind": "window",
        "call": "the-call",
        "at": "2026-11-30T00:00:00.000Z",
        "level": 0.5,
    }
    session.gone(clean=True)
    office.board.tell(event("window"))
    assert len(sent) == 3


def test_the_connection_stays_for_the_last_results() -> None:
    office = Office()
    session, sent = asking(office, "turn")
    (stopped,) = session.receive('{"type": "stop"}', now=2)
    assert json.loads(str(stopped))["type"] == "stopped"
    assert not session.over
    office.board.tell(event("turn"))
    office.board.tell(event("call.closed", 2, complete=True))
    assert [json.loads(each)["kind"] for each in sent[:-1]] == ["turn", "call.closed"]
    assert sent[-1] == Close(1000, "The call is over.")
    assert session.over


@pytest.mark.parametrize(("reason", "closes"), [("erasure", True), ("objection", False)])
def test_of_a_purged_call_it_is_told_and_of_an_erased_one_nothing_more(
    reason: str, closes: bool
) -> None:
    office = Office()
    session, sent = asking(office, "window")
    session.receive('{"type": "stop"}', now=2)
    office.board.tell(event("call.purged", reason=reason))
    assert json.loads(sent[0])["reason"] == reason
    assert session.over is closes


def test_a_client_that_waits_for_ever_for_results_is_sent_away() -> None:
    session, _ = asking(Office(), "window")
    session.receive('{"type": "stop"}', now=2)
    assert session.expire(11) == []
    assert isinstance(session.expire(12.5)[-1], Close)


def test_who_asks_for_no_results_gets_none() -> None:
    office = Office()
    session, sent = asking(office)
    office.board.tell(event("window"))
    assert sent == []
    assert isinstance(session.receive('{"type": "stop"}', now=2)[-1], Close)


def test_no_audio_is_read_while_results_are_not() -> None:
    office = Office()
    session, _ = asking(office, "window")
    unread = 0
    session.attach(lambda out: None, unread=lambda: unread)
    assert not session.congested
    unread = 100_000
    assert session.congested


def test_results_need_the_right_to_read() -> None:
    session = Office().board.session(Native(may_read=False), carrier="native", tenant="a", now=0.0)
    asked = json.dumps({**json.loads(start()), "results": ["turn"]})
    (close,) = session.receive(asked, now=1)
    assert isinstance(close, Close)
    assert (close.code, "has not the scope read" in close.reason) == (1008, True)


@pytest.mark.parametrize(("dropped", "said"), [(10, False), (60, True)])
def test_a_call_of_which_much_was_dropped_is_logged(
    caplog: pytest.LogCaptureFixture, dropped: int, said: bool
) -> None:
    office = Office()
    session = office.board.session(Twilio(), carrier="twilio", tenant="a", now=0.0)
    stream = TwilioStream(call_sid="CA1", tracks=("inbound",))
    sent = [
        each.content for each in twilio_messages(np.zeros((1, 8000), np.float32), stream=stream)
    ]
    for frame in [*sent[:12], *sent[11:12] * dropped, *sent[12:]]:
        session.receive(frame, now=1)
    assert office.calls[0].counters["duplicates"] == dropped
    assert (f"the-call: 50 packets were heard and {dropped} dropped" in caplog.text) is said


def test_audio_goes_to_the_call_and_nothing_comes_back() -> None:
    office = Office()
    session = office.native()
    assert [json.loads(str(each))["type"] for each in session.receive(start(), now=1)] == [
        "started"
    ]
    assert session.receive(b"\x00" * 320, now=1.02) == []
    [call] = office.calls
    assert [type(each) for each in call.events] == [Audio]
    out = session.receive('{"type": "stop"}', now=2)
    assert json.loads(str(out[0]))["samples"] == 160
    assert out[1] == Close(1000, "The call is over.")
    assert isinstance(call.events[-1], CallEnded)
    assert call.counters["packets"] == 1


def test_a_connection_that_breaks_ends_the_call_once_and_is_forgotten() -> None:
    office = Office()
    session = office.native()
    session.receive(start(), now=1)
    session.gone(clean=False)
    session.gone(clean=False)
    [ended] = [each for each in office.calls[0].events if isinstance(each, CallEnded)]
    assert not ended.complete
    assert len(office.board) == 0
    totals = office.board.totals["native"]
    assert (totals.open, totals.incomplete, totals.seen["packets"]) == (0, 1, 0)


def test_no_room_is_said_without_the_lie_that_the_call_started() -> None:
    office = Office()
    office.error = ServiceError("Full.", retry=True)
    assert office.native().receive(start(), now=1) == [Close(1013, "Full.")]
    assert office.board.totals["native"].busy == 1


def test_a_call_that_cannot_be_is_refused() -> None:
    office = Office()
    office.error = AudioError("Not such a rate.")
    assert office.native().receive(start(), now=1) == [Close(1008, "Not such a rate.")]


def test_audiohook_is_told_that_there_is_no_room_and_its_close_is_answered() -> None:
    office = Office()
    office.error = ServiceError("Full.", retry=True)
    session, client = office.audiohook()
    out = session.receive(client.open(), now=1)
    assert kinds(client, out) == ["opened", "disconnect", "Close"]
    assert out[-1] == Close(1013, "Full.", after_s=3)
    closed = session.receive(client.message("close", {"reason": "disconnect"}), now=1)
    assert kinds(client, closed) == ["closed"]


def test_audiohook_hears_closed_once_the_call_is_judged() -> None:
    office = Office()
    session, client = office.audiohook()
    sent: list[Any] = []
    session.attach(sent.extend)
    kinds(client, session.receive(client.open(), now=1))
    assert session.receive(client.message("close", {"reason": "end"}), now=2) == []
    assert sent == []
    office.calls[0].finish()
    assert kinds(client, sent) == ["closed", "Close"]


def test_audiohook_hears_closed_in_time_even_if_the_call_is_not_judged() -> None:
    office = Office()
    session, client = office.audiohook()
    sent: list[Any] = []
    session.attach(sent.extend)
    kinds(client, session.receive(client.open(), now=1))
    session.receive(client.message("close", {"reason": "end"}), now=2)
    office.board.sweep(3)
    assert sent == []
    office.board.sweep(10.5)
    assert kinds(client, sent) == ["closed", "Close"]


@pytest.mark.parametrize(("frames", "until"), [([], 6), ([start()], 12)])
def test_who_keeps_us_waiting_is_sent_away(frames: list[str], until: float) -> None:
    office = Office()
    session = office.native()
    sent: list[Any] = []
    session.attach(sent.extend)
    for frame in frames:
        session.receive(frame, now=1)
    office.board.sweep(until - 1.5)
    assert sent == []
    office.board.sweep(until)
    assert [each.code for each in sent] == [1008]
    assert office.board.totals["native"].expired == 1


def test_one_name_is_live_once_a_tenant() -> None:
    office = Office()
    first = office.native()
    first.receive(start("same"), now=1)
    assert office.native("b").receive(start("same"), now=1)[0] != Close(1008, "")
    [close] = office.native().receive(start("same"), now=1)
    assert isinstance(close, Close)
    assert close.code == 1008
    first.gone(clean=True)
    assert isinstance(office.native().receive(start("same"), now=1)[0], str)


def test_a_tenant_has_so_many_calls_and_others_have_theirs() -> None:
    office = Office(most_per_tenant=1)
    office.native().receive(start("1"), now=1)
    [close] = office.native().receive(start("2"), now=1)
    assert isinstance(close, Close)
    assert close.code == 1013
    assert isinstance(office.native("b").receive(start("2"), now=1)[0], str)


def test_draining_asks_each_in_its_own_words() -> None:
    office = Office()
    native, (audiohook, client) = office.native(), office.audiohook()
    said: dict[str, list[Any]] = {"native": [], "audiohook": []}
    native.attach(said["native"].extend)
    audiohook.attach(said["audiohook"].extend)
    native.receive(start(), now=1)
    kinds(client, audiohook.receive(client.open(), now=1))
    office.board.ask_to_reconnect()
    assert [json.loads(each) for each in said["native"]] == [{"type": "reconnect"}]
    assert kinds(client, said["audiohook"]) == ["reconnect"]
    [close] = office.native().receive(start("late"), now=2)
    assert isinstance(close, Close)
    assert close.code == 1013
    office.board.stop_all()
    assert [each.code for each in said["native"][1:]] == [1012]
    assert kinds(client, said["audiohook"][1:]) == ["disconnect", "Close"]
    native.gone(clean=True)
    stopped = CallEnded("The server stopped before the call ended.", complete=False)
    assert [call.events[-1] for call in office.calls] == [stopped, stopped]


def test_the_record_of_a_call_that_was_given_up_says_why() -> None:
    office = Office()
    session = office.native()
    session.receive(start(), now=1)
    session.expire(100)
    session.gone(clean=True)
    reason = "Nothing came for too long; the call was given up."
    assert office.calls[0].events[-1] == CallEnded(reason, complete=False)


def test_frames_without_audio_are_counted_and_too_many_end_the_call() -> None:
    office = Office()
    session = office.native()
    session.receive(start(), now=0.0)
    gap = json.dumps({"type": "gap", "samples": 1})
    out: list[Any] = []
    for number in range(3 * EMPTY_AT_ONCE):
        frame: str | bytes = gap if number % 3 else bytes(2 * (number % 2))
        out = session.receive(frame, now=0.0)
        if out:
            break
    assert out == [Close(1008, EndReason.EMPTY)]
    assert EMPTY_AT_ONCE - 2 <= number < EMPTY_AT_ONCE + 2
    assert office.board.totals["native"].rejects == {"policy_violation": 1}
    assert session.receive(gap, now=0.0) == []
    session.gone(clean=True)
    [ended] = [each for each in office.calls[0].events if isinstance(each, CallEnded)]
    assert ended == CallEnded(EndReason.EMPTY, complete=False)


def test_a_fast_call_of_ordinary_frames_is_never_taken_for_a_flood() -> None:
    session = Office().native()
    session.receive(start(), now=0.0)
    for _ in range(20_000):  # 20 ms each, sent as fast as they go
        assert session.receive(bytes(320), now=0.0) == []
