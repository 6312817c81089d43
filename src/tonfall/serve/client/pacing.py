"""Sending each thing when it is due, and what a bad network does to it."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol as Shape

import numpy as np

from tonfall.errors import ConfigError
from tonfall.serve.client.scripts import Cue

__all__ = ["Impairments", "Pacer", "Sink"]

AT_ONCE_S = 0.0005
"""What is due this soon is sent together with what is due now."""
MOST_AT_ONCE = 64
"""Frames; then others have their turn."""


class Sink(Shape):
    """Where frames go."""

    @property
    def full(self) -> bool:
        """True where the other side does not take what was sent."""

    @property
    def gone(self) -> bool:
        """True where the connection is closed."""

    def send(self, frames: list[str | bytes]) -> None:
        """Send frames, in order."""

    def on_change(self, wake: object) -> None:
        """Call ``wake`` when it is no longer full, or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """What a bad network does.

    Attributes:
        jitter_s: each frame comes up to so much later; datagrams may overtake each other.
        loss: share of the audio that gets lost, from 0 to 1.
        seed: of the dice.

    Raises:
        ConfigError: outside these.
    """

    jitter_s: float = 0.0
    loss: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.jitter_s <= 10 or not 0 <= self.loss < 1:
            raise ConfigError(
                f"Jitter of {1000 * self.jitter_s:g} ms and loss of {self.loss:g} were asked for, "
                "but jitter is 0 to 10,000 ms and loss is a share from 0 to below 1."
            )

    def applied(self, cues: Iterator[Cue], *, call: int, overtaking: bool) -> Iterator[Cue]:
        """The cues as they get through.

        Args:
            cues: in order.
            call: its number, so that each call has dice of its own.
            overtaking: True where they may change places.
        """
        rng = np.random.default_rng([self.seed, call])
        kept = (cue for cue in cues if not (cue.audio and rng.random() < self.loss))
        if not self.jitter_s:
            return kept
        late = (cue._replace(seconds=cue.seconds + rng.uniform(0, self.jitter_s)) for cue in kept)
        return self._sorted(late) if overtaking else _in_order(late)

    def _sorted(self, cues: Iterator[Cue]) -> Iterator[Cue]:
        """By their time; nothing comes more than the jitter before what was sent before it."""
        waiting: list[tuple[float, int, Cue]] = []
        for number, cue in enumerate(cues):
            while waiting and waiting[0][0] <= cue.seconds - self.jitter_s:
                yield heapq.heappop(waiting)[2]
            heapq.heappush(waiting, (cue.seconds, number, cue))
        while waiting:
            yield heapq.heappop(waiting)[2]


def _in_order(cues: Iterator[Cue]) -> Iterator[Cue]:
    latest = 0.0
    for cue in cues:
        latest = max(latest, cue.seconds)
        yield cue._replace(seconds=latest)


class Pacer:
    """Sends cues when they are due, without a task of its own.

    Args:
        sink: where they go.
        cues: in order of their time.
        speed: how many times faster than they say.
    """

    def __init__(self, sink: Sink, cues: Iterator[Cue], *, speed: float) -> None:
        self.started = time.monotonic()
        self.frames = 0
        self.seconds = 0.0
        self.behind_s = 0.0
        self._sink = sink
        self._cues = cues
        self._speed = speed
        self._next = next(cues, None)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] = self._loop.create_future()

    async def run(self) -> bool:
        """Send all.

        Returns:
            False where the connection was closed before that.
        """
        self._sink.on_change(self._wake)
        self._step()
        await self._done
        return self._next is None

    def stop(self) -> None:
        """Send no more audio; what was written already, and is counted, is sent."""
        if self._done.done():
            return
        if self._next is not None and not self._next.audio and not self._sink.gone:
            self._sink.send([self._next.content])
        self._done.set_result(None)

    def _wake(self) -> None:
        if not self._done.done() and (self._sink.gone or not self._sink.full):
            self._step()

    def _step(self) -> None:
        try:
            self._send_due()
        except Exception as error:  # A callback has nobody to raise to.
            if not self._done.done():
                self._done.set_exception(error)

    def _send_due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._done.done() or (self._sink.full and not self._sink.gone):
            return
        now = time.monotonic()
        if not self._sink.gone and (batch := self._due(now)):
            self._sink.send(batch)
            self.frames += len(batch)
        if self._next is None or self._sink.gone:
            self._done.set_result(None)
        else:
            wait = self.started + self._next.seconds / self._speed - now
            self._timer = self._loop.call_later(max(0.0, wait), self._step)

    def _due(self, now: float) -> list[str | bytes]:
        """Take what is due."""
        batch: list[str | bytes] = []
        passed = (now - self.started + AT_ONCE_S) * self._speed
        cue = self._next
        if cue is not None and cue.seconds <= passed:
            late = now - self.started - cue.seconds / self._speed
            self.behind_s = max(self.behind_s, late)
        while cue is not None and cue.seconds <= passed and len(batch) < MOST_AT_ONCE:
            batch.append(cue.content)
            self.seconds = cue.seconds
            cue = next(self._cues, None)
        self._next = cue
        return batch
