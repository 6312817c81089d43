"""One load: calls are played, the server is watched, and its events are held against the file's."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from benchmarks.live_figures import Figures
from benchmarks.live_server import BenchmarkServer, Probe, Sample
from tonfall.analysis import analyze_blocks
from tonfall.audio import AudioInfo, decode_mulaw, encode_mulaw
from tonfall.runtime import Predictor
from tonfall.serve.client import (
    CallResult,
    Listener,
    Plan,
    Protocol,
    Recording,
    listening,
    play_calls,
    read_address,
)

__all__ = ["Load", "expected_windows", "measure"]

SETTLED_S = 5.0
"""After the last call's start, before CPU is counted."""
SAMPLE_S = 1.0
CLOSED_S = 60.0
PACKETS_S = {Protocol.NATIVE: 0.02, Protocol.TWILIO: 0.02, Protocol.AUDIOHOOK: 0.2}
"""Of audio in one message: a window's last sample goes out with the rest of its message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is played.

    Attributes:
        protocol: over which.
        recordings: of two channels each, in turn, again and again.
        calls: at once.
        seconds: of each call.
        stagger_s: from one call's start to the next one's.
    """

    protocol: Protocol
    recordings: Sequence[Recording]
    calls: int
    seconds: float
    stagger_s: float

    def plan(self, server: BenchmarkServer) -> Plan:
        """The calls."""
        lasting = [recording.first(2).lasting(self.seconds) for recording in self.recordings]
        return Plan(
            address=read_address(server.url(self.protocol)),
            recordings=lasting[: self.calls],
            calls=self.calls,
            stagger_s=self.stagger_s,
        )


async def measure(server: BenchmarkServer, load: Load, *, expected: Sequence[int]) -> Figures:
    """Play the load, and say what it cost.

    Args:
        server: that is called.
        load: that is played.
        expected: of each recording, how many windows a call of it has.
    """
    idle = server.sample()
    plan = load.plan(server)
    probe, samples = Probe(server.port), [idle]
    mine, started = psutil.Process().cpu_times(), time.monotonic()
    async with listening(server.events) as listener:
        watching = asyncio.ensure_future(_watch(server, samples))
        with probe.asking():
            results = await play_calls(plan)
        await listener.until_closed(results, carrier=load.protocol, patience_s=CLOSED_S)
        watching.cancel()
        latencies = listener.latencies_s(results, packet_s=PACKETS_S[load.protocol])
    now = psutil.Process().cpu_times()
    generator_s = now.user + now.system - mine.user - mine.system
    steady = _steady(samples, results, load)
    _tell_errors(results)
    return Figures(
        protocol=str(load.protocol),
        calls=load.calls,
        minutes=load.seconds / 60,
        cpu_ms=1000 * (steady[-1].cpu_s - steady[0].cpu_s) / _call_seconds(steady, load),
        latencies_s=np.array(latencies or [np.nan]),
        windows=len(latencies),
        lost=_lost(listener, results, expected),
        failed=sum(bool(result.error) for result in results),
        answers_s=np.array(probe.answers_s or [np.nan]),
        memory=tuple(sample.memory for sample in steady),
        idle_memory=idle.memory,
        generator_cores=generator_s / (time.monotonic() - started),
        generator_late_s=max(result.behind_s for result in results),
    )


def expected_windows(load: Load, predictor: Predictor) -> list[int]:
    """How many windows ``tonfall analyze`` finds in a call of each recording."""
    return [_windows(each.first(2).lasting(load.seconds), predictor) for each in load.recordings]


def _windows(recording: Recording, predictor: Predictor) -> int:
    """Of the customer's channel, after G.711 as the protocols have it."""
    spoken = recording.at(8000)
    waveform = np.stack([decode_mulaw(encode_mulaw(row)) for row in spoken.waveform])
    info = AudioInfo("", 8000, 2, waveform.shape[1], "G.711")
    blocks = (waveform[:, at : at + 8000] for at in range(0, waveform.shape[1], 8000))
    analysis = analyze_blocks(blocks, info=info, predictor=predictor, scored=[True, False])
    return len(analysis.timeline.windows)


def _tell_errors(results: Sequence[CallResult]) -> None:
    """Why calls failed, on standard error: the table only counts them."""
    errors = Counter(re.sub(r"[0-9.]+ s", "... s", each.error) for each in results if each.error)
    for error, count in errors.most_common(5):
        print(f"{count} calls: {error}", file=sys.stderr)


async def _watch(server: BenchmarkServer, samples: list[Sample]) -> None:
    while True:
        await asyncio.sleep(SAMPLE_S)
        samples.append(server.sample())


def _steady(
    samples: Sequence[Sample], results: Sequence[CallResult], load: Load
) -> Sequence[Sample]:
    """The samples while all calls were live, and had been for a while."""
    begun = [result.started for result in results if result.frames]
    if not begun:
        return samples
    since = max(begun) + min(SETTLED_S, load.seconds / 4)
    until = min(begun) + load.seconds
    steady = [sample for sample in samples if since <= sample.at <= until]
    return steady if len(steady) > 1 else samples


def _call_seconds(steady: Sequence[Sample], load: Load) -> float:
    return load.calls * (steady[-1].at - steady[0].at)


def _lost(listener: Listener, results: Sequence[CallResult], expected: Sequence[int]) -> int:
    """Windows that the file has and the call did not bring."""
    lost = 0
    for number, result in enumerate(results):
        heard = len(listener.of(result.external_id).windows) if result.external_id else 0
        lost += max(0, expected[number % len(expected)] - heard)
    return lost
