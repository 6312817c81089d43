"""What the server says of the calls: its events, and how soon they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tonfall.errors import ServiceError
from tonfall.serve.client.dialogues import CallResult

__all__ = ["Heard", "Listener", "listening"]

KINDS = "call.opened,window,alert.opened,call.closed"
AGAIN_S = 0.5
TRIES = 10


@dataclass(slots=True)
class Heard:
    """What the server said of one call.

    Attributes:
        carrier: through which it came.
        windows: of each, its channel, its end in seconds, and ``time.monotonic()`` when the
            event came.
        alerts: how many rules fired.
        closed: what the server said at the end; None before that.
    """

    carrier: str = ""
    windows: list[tuple[int, float, float]] = field(default_factory=list)
    alerts: int = 0
    closed: dict[str, Any] | None = None


class Listener:
    """Listens to the server's events.

    Args:
        url: of ``/v1/events``.
        token: of the API; None on a server without accounts.
        trust: certificates that are trusted; None for the system's.
    """

    def __init__(
        self, url: str, *, token: str | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._trust = trust
        self._last: str | None = None
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._heard: defaultdict[str, Heard] = defaultdict(Heard)
        self._calls: dict[str, str] = {}
        self.failure: ServiceError | None = None

    def of(self, external_id: str) -> Heard:
        """What was heard of a call, by the telephone system's name for it."""
        return self._heard[self._calls.get(external_id, "")]

    def latencies_s(
        self, results: Sequence[CallResult], *, speed: float = 1.0, packet_s: float = 0.0
    ) -> list[float]:
        """How long it took from a window's last sample to its event, of all windows.

        Args:
            results: of the calls.
            speed: at which they were played.
            packet_s: of audio in one message, with whose end the last sample is sent; 0 counts
                from the sample itself.

        Returns:
            Seconds, one a window.
        """
        return [
            came - result.started - _sent(end, packet_s) / speed
            for result in results
            if result.external_id is not None
            for _, end, came in self.of(result.external_id).windows
        ]

    async def until_closed(
        self, results: Sequence[CallResult], *, carrier: str, patience_s: float
    ) -> bool:
        """Wait until the server has closed all calls that were begun.

        Args:
            results: of the calls; those whose name only the server knows (RTP) are given it, in
                the order in which they began.
            carrier: through which they came.
            patience_s: how long to wait.

        Returns:
            False where it did not.
        """
        begun = [each for each in results if each.frames]
        until = time.monotonic() + patience_s
        while not self._are_closed(begun, carrier):
            left = until - time.monotonic()
            if left <= 0 or self.failure is not None:
                return False
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()
        return True

    def _are_closed(self, begun: Sequence[CallResult], carrier: str) -> bool:
        known = {each.external_id for each in begun}
        unknown = sorted((each for each in begun if not each.external_id), key=_started)
        strangers = [
            name
            for name, call in self._calls.items()
            if self._heard[call].carrier == carrier and name not in known
        ]
        for result, name in zip(unknown, strangers, strict=False):
            result.external_id = name
        return all(
            each.external_id and self.of(each.external_id).closed is not None for each in begun
        )

    async def run(self) -> None:
        """Listen until cancelled; come back where the connection breaks."""
        failed = 0
        verify = True if self._trust is None else self._trust
        async with httpx.AsyncClient(verify=verify, timeout=httpx.Timeout(10, read=60)) as client:
            while failed < TRIES:
                try:
                    if not await self._listen(client):
                        return
                    failed = 0
                except httpx.HTTPError as error:
                    failed += 1
                    if failed == TRIES or not self._ready.is_set():
                        self._fail(f"{self._url}: cannot be listened to ({error}).")
                        return
                await asyncio.sleep(AGAIN_S)

    async def ready(self) -> None:
        """Wait until the server has begun to tell.

        Raises:
            ServiceError: it does not.
        """
        await self._ready.wait()
        if self.failure is not None:
            raise self.failure

    async def _listen(self, client: httpx.AsyncClient) -> bool:
        """Listen until the server ends the answer; False where it refuses one."""
        headers = self._headers | ({"Last-Event-ID": self._last} if self._last else {})
        async with client.stream(
            "GET", self._url, params={"kinds": KINDS}, headers=headers
        ) as response:
            if response.status_code != 200:
                await response.aread()
                self._fail(f"{self._url}: the server answers {response.status_code}; see --token.")
                return False
            async for line in _lines(response):
                self._ready.set()
                self._on_line(line)
        return True

    def _fail(self, sentence: str) -> None:
        self.failure = ServiceError(sentence, retry=True)
        self._ready.set()
        self._news.set()

    def _on_line(self, line: str) -> None:
        if line.startswith("id:"):
            self._last = line[3:].strip()
        elif line.startswith("data:"):
            self._on_event(json.loads(line[5:]), time.monotonic())

    def _on_event(self, event: dict[str, Any], now: float) -> None:
        call, kind = event.get("call"), event.get("kind")
        if call is None:
            return
        heard = self._heard[call]
        if kind == "window":
            heard.windows.append((event["channel"], event["end"], now))
        elif kind == "call.opened":
            heard.carrier = event["carrier"]
            self._calls[event["external_id"]] = call
            self._news.set()
        elif kind == "alert.opened":
            heard.alerts += 1
        elif kind == "call.closed":
            heard.closed = event
            self._news.set()


def _sent(end: float, packet_s: float) -> float:
    """When the message that holds a sample is sent, a rounding error apart."""
    return packet_s * math.ceil(end / packet_s - 1e-6) if packet_s else end


def _started(result: CallResult) -> float:
    return result.started


@asynccontextmanager
async def listening(
    url: str, *, token: str | None = None, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """Listen while something else happens.

    Raises:
        ServiceError: the server does not tell its events.
    """
    listener = Listener(url, token=token, trust=trust)
    task = asyncio.ensure_future(listener.run())
    try:
        await listener.ready()
        yield listener
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    """Lines as they come; httpx's own reader looks for a dozen kinds of line ends."""
    rest = b""
    async for data in response.aiter_raw():
        *whole, rest = (rest + data).split(b"\n")
        for line in _decoded(whole):
            yield line


def _decoded(lines: Sequence[bytes]) -> Iterator[str]:
    return (line.rstrip(b"\r").decode(errors="replace") for line in lines)
