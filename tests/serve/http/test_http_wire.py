"""HTTP/1.1 on the wire: what is held of a client is bounded, and each waits its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import h11
import pytest

from tonfall.serve.http import exchange, http1
from tonfall.serve.http.forwarded import Forwarded
from tonfall.serve.http.http1 import HEAD_BYTES, HEAD_LINES, HttpConnection
from tonfall.serve.http.serving import BEGUN_AT_ONCE, Serving

App = Callable[[Any, Any, Any], Awaitable[None]]
GET = b"GET /a?b HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """A socket of which only the written bytes are kept."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.paused = self.closed = self.ended = False

    def write(self, data: Any) -> None:
        assert not self.ended
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def set_protocol(self, protocol: Any) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Answering:
    """An app that keeps what it was asked, reads the body or not, and answers."""

    def __init__(self, *, reads: bool = True, status: int = 200) -> None:
        self.asked: list[Any] = []
        self.bodies: list[bytes] = []
        self.active = self.most_active = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._reads, self._status = reads, status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        body, more = b"", self._reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await self.may_answer.wait()
        await answer(send, self._status)
        self.active -= 1


async def answer(send: Any, status: int = 200, body: bytes = b"ok") -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def connected(app: App, *, header_s: float = 60) -> tuple[HttpConnection, Wire]:
    connection, wire = HttpConnection(Serving(app=app, header_s=header_s)), Wire()
    connection.connection_made(wire)
    return connection, wire


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def status_of(wire: Wire) -> int:
    return int(wire.written.split(b" ")[1]) if wire.written else 0


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def taken_until_closed(connection: HttpConnection, wire: Wire, more: bytes) -> int:
    """Bytes that are taken before the server says no; 10 MB if it never does."""
    taken = 0
    while not (wire.ended or wire.closed) and taken < 10_000_000:
        connection.data_received(more)
        taken += len(more)
    return taken


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (GET, b"x: " + b"y" * 60 + b"\r\n"),
        (GET, b"a: b\r\n"),
        (GET + b"x: ", b"y" * 100),
        (b"GET /?", b"a=b&" * 10),
        (b"", b"G" * 100),
    ],
    ids=["long head", "many lines", "long line", "long URL", "no line at all"],
)
def test_a_head_without_an_end_is_refused_and_little_of_it_taken(begin: bytes, more: bytes) -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(begin)
        assert taken_until_closed(connection, wire, more) < HEAD_BYTES + len(more) + 1
        assert status_of(wire) == 431
        assert b"connection: close" in wire.written.lower()
        assert app.asked == []

    run(test())


def head(*, size: int = 0, lines: int = 2) -> bytes:
    """A whole head of so many lines after the first, and of so many bytes."""
    begun = GET + b"".join(b"x%d: y\r\n" % each for each in range(lines - 2))
    return begun + b"z: " + b"z" * (size - len(begun) - 7) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("whole", "status"),
    [
        (head(size=HEAD_BYTES), 200),
        (head(size=HEAD_BYTES + 1), 431),
        (head(lines=HEAD_LINES), 200),
        (head(lines=HEAD_LINES + 1), 431),
    ],
    ids=["as long as may be", "a byte more", "as many lines as may be", "a line more"],
)
def test_a_head_that_comes_at_once_has_the_same_limits(whole: bytes, status: int) -> None:
    async def test() -> None:
        connection, wire = connected(Answering())
        connection.data_received(whole)
        await until(lambda: wire.written)
        assert status_of(wire) == status

    run(test())


@pytest.mark.parametrize("more", [b"a: b\r\n", b"a: " + b"b" * 500 + b"\r\n"])
def test_trailers_without_an_end_are_refused_while_the_app_waits_for_them(more: bytes) -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(CHUNKED + b"1\r\na\r\n0\r\n")
        await until(lambda: app.asked)
        assert taken_until_closed(connection, wire, more) < HEAD_BYTES + len(more) + 1
        assert status_of(wire) == 431
        assert app.bodies == []

    run(test())


def test_trailers_within_the_limits_are_read_over() -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(CHUNKED + b"1\r\na\r\n0\r\n" + b"a: b\r\n" * HEAD_LINES + b"\r\n")
        await until(lambda: wire.written)
        assert (status_of(wire), app.bodies) == (200, [b"a"])

    run(test())


def test_what_follows_an_answer_that_came_before_the_body_is_thrown_away_and_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http1, "LINGER_BYTES", 100_000)

    async def test() -> None:
        for begin in (CHUNKED, CHUNKED + b"0\r\n", POST + b"Content-Length: 9\r\n\r\n"):
            connection, wire = connected(Answering(reads=False, status=401))
            connection.data_received(begin)
            await until(lambda: wire.ended)  # noqa: B023 - awaited at once
            assert status_of(wire) == 401
            assert b"connection: close" in wire.written.lower()
            for _ in range(10):
                connection.data_received(b"a: b\r\n" * 1_000)
                assert not connection._waiting
            assert not wire.closed
            taken = 0
            while not wire.closed:
                connection.data_received(b"a: b\r\n" * 1_000)
                taken += 6_000
            assert taken < 100_000

    run(test())


@pytest.mark.parametrize(
    "begin",
    [b"", b"G", GET, CHUNKED + b"1", CHUNKED + b"1\r\na\r\n0\r\n", CHUNKED + b"0\r\na: b\r\n"],
    ids=["nothing", "a byte", "half a head", "half a chunk's head", "no trailers", "trailers"],
)
def test_a_part_that_is_never_whole_ends_the_connection(begin: bytes) -> None:
    async def test() -> None:
        connection, wire = connected(Answering(), header_s=0.05)
        for byte in begin:
            connection.data_received(bytes([byte]))
        await until(lambda: wire.closed)

    run(test())


def test_a_client_that_left_before_its_answer_was_ended_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        connection, wire = connected(Answering(reads=False, status=401))

        def fail() -> None:
            raise OSError(107, "Transport endpoint is not connected")

        wire.write_eof = fail  # type: ignore[method-assign]
        connection.data_received(CHUNKED)
        await until(lambda: connection._exchange is None and wire.written)
        await until(lambda: not connection._serving.tasks)

    run(test())
    assert caplog.records == []


def test_a_client_that_drips_after_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "LINGER_S", 0.05)

    async def test() -> None:
        connection, wire = connected(Answering(reads=False, status=401))
        connection.data_received(CHUNKED)
        await until(lambda: wire.ended)
        while not wire.closed:
            connection.data_received(b"x")
            await asyncio.sleep(0.001)

    run(test())


def test_requests_sent_without_waiting_are_answered_one_after_the_other() -> None:
    async def test() -> None:
        app = Answering()
        app.may_answer.clear()
        connection, wire = connected(app)
        connection.data_received((GET + b"\r\n") * 5)
        await until(lambda: app.asked)
        assert wire.paused
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(app.asked) == 1
        app.may_answer.set()
        await until(lambda: wire.written.count(b"200 OK") == 5)
        assert app.most_active == 1
        assert not wire.paused

    run(test())


def test_between_requests_that_did_not_wait_the_connection_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http1, "TICK_S", 1_000)

    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received((GET + b"\r\n") * 3)
        for number in (1, 2):
            await until(lambda: connection._resting)
            assert (len(app.asked), wire.paused) == (number, True)
            connection._resting.cancel()  # type: ignore[union-attr]
            connection._resume()
        await until(lambda: len(app.asked) == 3)

    run(test())


def test_a_connection_is_kept_for_longer_than_a_proxy_keeps_it() -> None:
    async def test() -> None:
        connection, wire = connected(Answering(), header_s=10)
        loop = asyncio.get_running_loop()
        connection.data_received(GET + b"\r\n")
        await until(lambda: wire.written)
        assert connection._deadline is not None
        assert connection._deadline.when() - loop.time() > 120  # Caddy's; nginx has 60.
        connection.data_received(b"GET")
        assert connection._deadline.when() - loop.time() <= 10

    run(test())


def test_a_client_that_waits_for_its_answer_does_not_rest() -> None:
    async def test() -> None:
        connection, wire = connected(Answering())
        for number in range(1, 4):
            connection.data_received(GET + b"\r\n")
            await until(lambda: wire.written.count(b"200 OK") == number)  # noqa: B023
            assert connection._resting is None
            assert not wire.paused

    run(test())


def test_a_body_that_the_app_does_not_take_is_not_read_on() -> None:
    async def test() -> None:
        body = bytes(range(256)) * 4_096
        app = Answering()
        may_read = asyncio.Event()

        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            await may_read.wait()
            await app(scope, receive, send)

        connection, wire = connected(waiting)
        connection.data_received(POST + b"Content-Length: %d\r\n\r\n" % len(body))
        sent = 0
        while not wire.paused:
            connection.data_received(body[sent : sent + 10_000])
            sent += 10_000
        assert sent <= exchange.MOST_WAITING + 10_000
        may_read.set()
        while sent < len(body):
            await until(lambda: not wire.paused)
            connection.data_received(body[sent : sent + 200_000])
            sent += 200_000
        await until(lambda: wire.written)
        assert app.bodies == [body]

    run(test())


def test_tiny_chunks_are_taken_in_turns() -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(CHUNKED + b"1\r\na\r\n" * 2_000)
        assert wire.paused
        assert connection._resting is not None
        connection._resting.cancel()
        connection._resume()
        assert wire.paused
        await until(lambda: not wire.paused)
        connection.data_received(b"0\r\n\r\n")
        await until(lambda: wire.written)
        assert app.bodies == [b"a" * 2_000]

    run(test())


def test_any_cut_of_the_bytes_brings_the_same_requests() -> None:
    async def test() -> None:
        sent = GET + b"\r\n" + CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n"
        sent += POST + b"Content-Length: 4\r\n\r\nfour" + GET + b"Connection: close\r\n\r\n"
        for step in (1, 2, 3, 7, 50, len(sent)):
            app = Answering()
            connection, wire = connected(app)
            for at in range(0, len(sent), step):
                await until(lambda: not wire.paused)  # noqa: B023
                connection.data_received(sent[at : at + step])
            await until(lambda: wire.closed)  # noqa: B023
            assert app.bodies == [b"", b"abcde", b"four", b""]
            assert wire.written.count(b"HTTP/1.1 200 OK") == 4

    run(test())


def test_the_scope_says_what_was_asked() -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(b"GET /a%20b?c=%20d HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n\r\n")
        await until(lambda: wire.written)
        [scope] = app.asked
        assert (scope["path"], scope["raw_path"]) == ("/a b", b"/a%20b")
        assert (scope["query_string"], scope["scheme"]) == (b"c=%20d", "http")
        assert scope["headers"] == [(b"host", b"h"), (b"x-y", b"z")]
        assert (scope["client"], scope["server"]) == (("127.0.0.1", 1), ("127.0.0.1", 2))

    run(test())


def test_a_head_request_gets_no_body_and_an_old_client_is_closed() -> None:
    async def test() -> None:
        connection, wire = connected(Answering())
        connection.data_received(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        await until(lambda: wire.written)
        assert wire.written.endswith(b"\r\n\r\n")
        assert b"content-length: 2" in wire.written.lower()
        connection, wire = connected(Answering())
        connection.data_received(b"GET / HTTP/1.0\r\n\r\n")
        await until(lambda: wire.closed)
        assert wire.written.endswith(b"ok")

    run(test())


def test_a_client_that_waits_to_be_told_is_told_to_send_its_body() -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        expecting = POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.data_received(expecting)
        await until(lambda: wire.written)
        assert status_of(wire) == 100
        connection.data_received(b"hi")
        await until(lambda: b"200 OK" in wire.written)
        assert app.bodies == [b"hi"]
        refusing, wire = connected(Answering(reads=False, status=413))
        refusing.data_received(expecting)
        await until(lambda: wire.ended)
        assert status_of(wire) == 413

    run(test())


@pytest.mark.parametrize("sent", [b"rubbish\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_http_is_answered_and_closed(sent: bytes) -> None:
    async def test() -> None:
        connection, wire = connected(Answering())
        connection.data_received(sent)
        assert status_of(wire) == 400
        assert wire.ended

    run(test())


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (CHUNKED[:-2] + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + GET + b"\r\n", 400, b"Bad Request"),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, b"HTTP Version Not Supported"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, b"HTTP Version Not Supported"),
    ],
    ids=["two lengths", "version 2.0", "preface of HTTP/2"],
)
def test_what_a_proxy_may_read_in_another_way_is_refused(
    sent: bytes, status: int, reason: bytes
) -> None:
    async def test() -> None:
        app = Answering()
        connection, wire = connected(app)
        connection.data_received(sent)
        await asyncio.sleep(0.05)
        assert wire.written.startswith(b"HTTP/1.1 %d %s\r\n" % (status, reason))
        assert wire.written.lower().count(b"content-length: ") == 1
        assert wire.ended
        assert app.asked == []

    run(test())


@pytest.mark.parametrize("more", [b"\r\n", GET + b"\r\n", b"\0rubbish"])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "last", [GET + b"Connection: close\r\n\r\n", b"POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"]
)
def test_what_follows_the_last_request_does_not_cost_its_answer(
    last: bytes, more: bytes, at_once: bool
) -> None:
    async def test() -> None:
        app = Answering()
        app.may_answer.clear()
        connection, wire = connected(app)
        connection.data_received(last + more if at_once else last)
        await until(lambda: app.asked)
        if not at_once:
            connection.data_received(more)
        app.may_answer.set()
        await until(lambda: wire.closed or wire.ended)
        assert status_of(wire) == 200
        assert wire.written.count(b"HTTP/1.1 ") == len(app.asked) == 1

    run(test())


def test_of_too_many_that_wait_the_one_that_waits_longest_is_closed() -> None:
    async def test() -> None:
        app = Answering()
        serving = Serving(app=app, header_s=60, most_waiting=2)
        wires = [Wire() for _ in range(5)]
        for wire in wires:
            wire.connection = HttpConnection(serving)  # type: ignore[attr-defined]

        def comes(number: int) -> None:
            wires[number].connection.connection_made(wires[number])  # type: ignore[attr-defined]

        def sends(number: int, data: bytes) -> None:
            wires[number].connection.data_received(data)  # type: ignore[attr-defined]

        app.may_answer.clear()
        comes(0)
        sends(0, GET + b"\r\n")  # Has a request: is not in the way of the others.
        comes(1)
        sends(1, GET)
        comes(2)
        comes(3)
        assert [wire.closed for wire in wires] == [False, True, False, False, False]
        await until(lambda: app.asked)
        app.may_answer.set()
        await until(lambda: wires[0].written)  # Waits again, as the latest of three.
        assert [wire.closed for wire in wires] == [False, True, True, False, False]
        wires[3].connection.connection_lost(None)  # type: ignore[attr-defined]
        comes(4)
        assert [wire.closed for wire in wires] == [False, True, True, False, False]

    run(test())


def test_of_many_requests_that_come_together_a_few_begin_in_each_round() -> None:
    async def test() -> None:
        begun: list[int] = []
        rounds: list[int] = []

        async def ask(number: int) -> None:
            begun.append(number)

        serving = Serving(app=Answering(), header_s=60)
        for number in range(50):
            serving.run(ask(number))
        while len(begun) < 40:
            before = len(begun)
            await asyncio.sleep(0)  # All others' turn.
            rounds.append(len(begun) - before)
        assert max(rounds) == BEGUN_AT_ONCE
        assert sum(rounds) >= BEGUN_AT_ONCE * (len(rounds) - 2)  # And none is lost.
        serving.stop()
        await asyncio.sleep(0)
        assert begun == list(range(50))

    run(test())


def test_an_app_that_fails_is_answered_for(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("of ours")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("of ours")

    async def test() -> None:
        for app, status in ((failing, 500), (silent, 500), (half, 200)):
            connection, wire = connected(app)
            connection.data_received(GET + b"\r\n")
            await until(lambda: wire.closed)  # noqa: B023
            assert status_of(wire) == status

    run(test())
    assert [each.message for each in caplog.records] == [
        "A request failed by an error of ours."
    ] * 2


def test_an_app_is_told_that_the_client_went() -> None:
    async def test() -> None:
        told = []

        async def following(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            told.append((await receive())["type"])
            told.append((await receive())["type"])
            await send({"type": "http.response.body", "body": b"into the void"})

        connection, _ = connected(following)
        connection.data_received(GET + b"\r\n")
        await until(lambda: told)
        connection.connection_lost(None)
        await until(lambda: len(told) == 2)
        assert told == ["http.request", "http.disconnect"]

    run(test())


def test_a_reader_that_makes_no_room_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "STALLED_S", 0.05)

    async def test() -> None:
        connection, wire = connected(Answering())
        connection.pause_writing()
        connection.data_received(GET + b"\r\n")
        await until(lambda: wire.closed)
        assert wire.written == b""

    run(test())


def test_a_server_that_stops_closes_who_waits_and_answers_who_asked() -> None:
    async def test() -> None:
        app = Answering()
        app.may_answer.clear()
        serving = Serving(app=app, header_s=60)
        idle, asking = Wire(), Wire()
        for wire in (idle, asking):
            HttpConnection(serving).connection_made(wire)
        [busy] = [each for each in serving.connections if each._transport is asking]  # type: ignore[attr-defined]
        busy.data_received(GET + b"\r\n")  # type: ignore[attr-defined]
        await until(lambda: app.asked)
        serving.stops = True
        for each in list(serving.connections):
            each.shutdown()
        assert (idle.closed, asking.closed) == (True, False)
        app.may_answer.set()
        await until(lambda: asking.closed)
        assert b"200 OK" in asking.written
        assert b"connection: close" in asking.written.lower()

    run(test())


def test_an_oversized_websocket_handshake_is_refused() -> None:
    async def test() -> None:
        connection, wire = connected(Answering())
        connection.data_received(
            GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"
        )
        assert status_of(wire) == 400
        assert wire.closed

    run(test())


def believed(client: str, *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """Scheme and client that an app behind the proxies 10.0.0.0/8 sees."""
    scope = {"type": "http", "scheme": "http", "client": (client, 5), "headers": list(headers)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    proxies = Forwarded(app, proxies=("10.0.0.0/8",))
    asyncio.run(proxies(scope, None, None))  # type: ignore[arg-type]
    return scope["scheme"], scope["client"][0]  # type: ignore[return-value, index]


def test_only_trusted_proxies_are_believed_and_only_up_to_the_first_stranger() -> None:
    tls, hops = (b"x-forwarded-proto", b"https"), b"x-forwarded-for"
    assert believed("192.0.2.1", tls, (hops, b"192.0.2.7")) == ("http", "192.0.2.1")
    assert believed("10.0.0.1", tls, (hops, b"192.0.2.7")) == ("https", "192.0.2.7")
    made_up = (hops, b"192.0.2.9, 192.0.2.7, 10.0.0.2")
    assert believed("10.0.0.1", made_up) == ("http", "192.0.2.7")
    assert believed("10.0.0.1", (hops, b"10.0.0.3, 10.0.0.2")) == ("http", "10.0.0.3")
    assert believed("10.0.0.1", (hops, b"192.0.2.9"), (hops, b"[2001:db8::1]:99")) == (
        "http",
        "2001:db8::1",
    )
    assert believed("10.0.0.1", (b"x-forwarded-proto", b"gopher")) == ("http", "10.0.0.1")


def test_the_parser_is_the_one_whose_limits_these_are() -> None:
    """h11 before 0.16 read over what stands where a chunk should end (CVE-2025-43859)."""
    assert tuple(map(int, h11.__version__.split(".")[:2])) >= (0, 16)
