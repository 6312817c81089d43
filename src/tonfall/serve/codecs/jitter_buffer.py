"""Audio in the order in which it was spoken, whatever the order in which it came.

Several tracks of one call (Twilio's two, or RTP's one) share a clock. What is complete comes
out at once. What lacks is waited for until ``depth`` of audio that belongs after it has come.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Generic

import numpy as np

from tonfall.serve.codecs.events import Counters
from tonfall.serve.codecs.stream_clock import Packet, Samples, StreamClock

__all__ = ["JitterBuffer", "Track"]

REMEMBERED = 512
"""Packets of a track by which a duplicate is told from one that is late."""


class Track(Generic[Samples]):
    """The audio of one track that waits for its turn.

    What is pending does not overlap and lies ahead of all that was taken, so that memory is
    bounded by how far ahead of that it may be.

    Args:
        clock: of the track's sender.
        channels: of its audio.
        counters: counts what is dropped.
        wobbles: True where time stamps are rounded: a packet that is off by less than half its
            length from the end of the one before is taken to follow it.
    """

    def __init__(
        self,
        clock: StreamClock[Samples],
        *,
        channels: int,
        counters: Counters,
        wobbles: bool = False,
    ) -> None:
        self.clock: StreamClock[Samples] = clock
        self.channels = channels
        self.end = 0
        self.newest = 0
        self._counters = counters
        self._wobbles = wobbles
        self.starts: list[int] = []
        self.pieces: list[Samples] = []
        self._known: deque[int] = deque(maxlen=REMEMBERED)

    @property
    def first(self) -> int | None:
        """Position of the first pending sample."""
        return self.starts[0] if self.starts else None

    def ready(self, cursor: int) -> int:
        """Position up to which nothing lacks from ``cursor`` on."""
        for start, piece in zip(self.starts, self.pieces, strict=True):
            if start > cursor:
                break
            cursor = start + piece.shape[1]
        return cursor

    def insert(self, position: int, samples: Samples, *, cursor: int) -> None:
        """Keep samples until they are taken, except for those that come too late or twice."""
        if position < self.newest or (position == self.newest and self._known):
            self._insert_behind(position, samples, cursor)
            return
        self.newest = position
        self._known.append(position)
        if self._wobbles and 2 * abs(position - self.end) < samples.shape[1]:
            position = self.end
        if cursor <= position >= self.end:  # After all that ever came, as nearly always.
            self.starts.append(position)
            self.pieces.append(samples)
            self._counters.packets += 1
            self.end = position + samples.shape[1]
        else:
            self._place(position, samples, max(cursor, self.end))

    def take(self, start: int, stop: int, *, into: Samples) -> int:
        """Move what is pending in [start, stop) into (channels, stop - start) samples.

        Returns:
            How many samples there were.
        """
        found = 0
        while self.starts and self.starts[0] < stop:
            begin, piece = self.starts.pop(0), self.pieces.pop(0)
            if begin + piece.shape[1] > stop:
                self.starts.insert(0, stop)
                self.pieces.insert(0, piece[:, stop - begin :])
                piece = piece[:, : stop - begin]
            into[:, begin - start : begin - start + piece.shape[1]] = piece
            found += piece.shape[1]
        return found

    def _insert_behind(self, position: int, samples: Samples, cursor: int) -> None:
        """A packet that is older than the newest: a duplicate, late, or only out of order."""
        if position in self._known:
            self._counters.duplicates += 1
        elif self._place(position, samples, cursor):
            self._counters.reordered += 1
            self._known.append(position)

    def _place(self, position: int, samples: Samples, floor: int) -> bool:
        """Put samples where there is room for them, from ``floor`` on."""
        index = bisect_right(self.starts, position)
        if index:
            floor = max(floor, self.starts[index - 1] + self.pieces[index - 1].shape[1])
        start, stop = max(position, floor), position + samples.shape[1]
        if index < len(self.starts):
            stop = min(stop, self.starts[index])
        if start >= stop:
            self._counters.late += 1
            return False
        if stop - start < samples.shape[1]:  # A copy: a part must not hold on to the whole.
            samples = samples[:, start - position : stop - position].copy()
        self.starts.insert(index, start)
        self.pieces.insert(index, samples)
        self._counters.packets += 1
        self.end = max(self.end, stop)
        return True


class JitterBuffer(Generic[Samples]):
    """Packets of one or more tracks in, one stream of all their channels out.

    Args:
        tracks: their channels become the rows of what comes out, in this order.
        depth: in samples: how much audio after a hole must have come before the hole is given
            up; at the same time how far one track may be behind another.
        counters: counts what is filled with silence.
        silence: (1, 1), the sample or the code that stands for it.
    """

    def __init__(
        self,
        tracks: tuple[Track[Samples], ...],
        *,
        depth: int,
        counters: Counters,
        silence: Samples,
    ) -> None:
        self._tracks: tuple[Track[Samples], ...] = tracks
        self._depth = depth
        self._counters = counters
        self._silent: Samples = silence
        self._channels = sum(track.channels for track in tracks)
        self._cursor = 0
        self._newest = 0
        self._quiet_from: int | None = None
        self._quiet_again: int | None = None

    def put(self, track: Track[Samples], packet: Packet[Samples]) -> int | None:
        """Take the next packet of one of the tracks.

        Returns:
            The position at which another stream began, where this packet shows that one did.
        """
        position = track.clock.follow(packet, newest=self._newest)
        if position is not None:
            self._keep(track, position, packet)
            return None
        placed = track.clock.consider(packet, end=max(track.end, self._cursor))
        if not placed:
            return None
        self._quiet_from = self._quiet_again = None  # That was another sender's word.
        for position, each in placed:
            self._keep(track, position, each)
        return placed[0][0]

    def take(self, *, rest: bool = False) -> list[Samples | int]:
        """What is due, in order.

        Args:
            rest: True where nothing more comes, so that nothing is waited for.

        Returns:
            (channels, n) samples, and the lengths of gaps in samples.
        """
        if self._quiet_from is None:
            together = self._together()
            if together is not None:
                return [together]
            if not rest and self._must_wait():
                return []
        return list(self._pieces(rest))

    def _keep(self, track: Track[Samples], position: int, packet: Packet[Samples]) -> None:
        if position > self._newest:
            self._newest = position
        if packet.samples.shape[1]:
            track.insert(position, packet.samples, cursor=self._cursor)
        else:
            self._say_quiet(max(position, self._cursor))

    def _say_quiet(self, position: int) -> None:
        """From here on there is silence, until audio comes."""
        if self._quiet_from is None:
            self._quiet_from = position
        else:  # Audio that is still waited for may lie between the two.
            self._quiet_again = position

    def _together(self) -> Samples | None:
        """What nearly always is all that is due: one piece of each track, of equal length."""
        cursor = self._cursor
        pieces: list[Samples] = []
        for track in self._tracks:
            if len(track.starts) != 1 or track.starts[0] != cursor:
                return None
            pieces.append(track.pieces[0])
        length = pieces[0].shape[1]
        for piece in pieces:
            if piece.shape[1] != length:
                return None
        for track in self._tracks:
            track.starts.clear()
            track.pieces.clear()
        self._cursor = cursor + length
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0]

    def _pieces(self, rest: bool) -> Iterator[Samples | int]:
        """What is due, piece by piece."""
        while (first := self._first()) is not None and (rest or not self._must_wait()):
            if first <= self._cursor:
                stop = self._stop(rest)
                if stop <= self._cursor:
                    return
                yield self._audio(stop)
            elif rest or self._newest - first >= self._depth:
                yield self._hole(first)
            else:
                return
        yield from self._silence()

    def _must_wait(self) -> bool:
        """A quick no: a track is still to come, and not yet too far behind."""
        if self._newest - self._cursor >= self._depth:
            return False
        for track in self._tracks:  # noqa: SIM110 - twice as fast, 100 times a second of a call
            if track.end <= self._cursor:
                return True
        return False

    def _first(self) -> int | None:
        """Position of the first pending sample of any track."""
        first: int | None = None
        for track in self._tracks:
            if (start := track.first) is not None and (first is None or start < first):
                first = start
        return first

    def _stop(self, rest: bool) -> int:
        """Where the audio that is due ends: one track waits for another, but not for ever."""
        ready = [track.ready(self._cursor) for track in self._tracks]
        longest = max(ready)
        due = longest if rest else min(longest, self._newest - self._depth)
        return max(min(ready), due)

    def _audio(self, stop: int) -> Samples:
        if self._quiet_from is not None and self._quiet_from < stop:
            again, self._quiet_again = self._quiet_again, None
            self._quiet_from = again if again is not None and again >= stop else None
        return self._fill(stop)

    def _hole(self, stop: int) -> Samples | int:
        """Nothing on any track until ``stop``: silence if the sender said so, else a gap."""
        if self._is_quiet():
            return self._audio(stop)
        if self._quiet_from is not None:
            stop = min(stop, self._quiet_from)
        gap, self._cursor = stop - self._cursor, stop
        return gap

    def _silence(self) -> Iterator[Samples]:
        """What is silence for sure although nothing is pending."""
        stop = self._newest - self._depth
        if self._is_quiet() and self._cursor < stop:
            yield self._fill(stop)

    def _is_quiet(self) -> bool:
        return self._quiet_from is not None and self._quiet_from <= self._cursor

    def _fill(self, stop: int) -> Samples:
        """The pending audio up to ``stop``, with silence where a track lacks it."""
        samples = self._silent.repeat(self._channels, axis=0).repeat(stop - self._cursor, axis=1)
        row = 0
        for track in self._tracks:
            into = samples[row : row + track.channels]
            found = track.take(self._cursor, stop, into=into)
            self._counters.filled_samples += stop - self._cursor - found
            row += track.channels
        self._cursor = stop
        return samples
