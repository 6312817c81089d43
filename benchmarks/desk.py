"""What the scoring of live calls costs, and how long a window takes: the desk alone.

    python -m benchmarks.desk [--calls 1 50 200] [--seconds 20] [--speed 1 4] [--serve 1]
                              [--mono 0 20] [--model small]

Two-channel calls at 8 kHz, the first channel scored, in packets of 20 ms as a carrier tells them,
without sockets and protocol. CPU is that of the process less the thread that plays the calls.
Latency is from the packet with a window's last sample to its submitted change; at a speed above 1
the packets come that much faster, so that load is made with fewer calls. Without a recording of
your own (``--recording``), the example call is played, over and over. ``--serve`` are seconds of
audio that a call collects before it is served if no window is due: less costs more, and gains only
earlier news of turns. ``--mono`` are calls beside them that have both sides in one channel, told
apart; latency is that of the others.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.runtime import Predictor, load
from tonfall.serve.calls import CallLimits, Desk, LiveCall, ScoringPolicy
from tonfall.serve.codecs import Audio, CallEnded, CallStarted, Channel, EndReason, Role
from tonfall.serve.records import Change, WindowHeard
from tonfall.timeline import SAMPLING_RATE

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "call.wav"
RATE = 8000
PACKET = 160
_MIXED = (Channel(Role.UNKNOWN, "mix"),)
_PHASES = 50
"""Packets over which the calls begin: not all of them end their seconds at once."""


@dataclass
class Playing:
    """One call, and when each of its packets came."""

    call: LiveCall
    offset: int
    begins: int
    samples: FloatArray
    came: list[float] = field(default_factory=list)


@dataclass
class Outcome:
    """What one run gave.

    Attributes:
        call_s: seconds of call that were played, over all calls.
        cpu_s: seconds of CPU.
        latencies: seconds, one a window.
        shed: windows that were given up.
        behind_s: seconds by which the player came late, at worst.
    """

    call_s: float
    cpu_s: float
    latencies: FloatArray
    shed: int
    behind_s: float


def play(
    predictor: Predictor,
    samples: FloatArray,
    *,
    calls: int,
    seconds: float,
    speed: float,
    serve_s: float,
    mono: int,
) -> Outcome:
    """Play calls side by side."""
    heard: list[tuple[float, WindowHeard]] = []

    def submit(change: Change) -> None:
        if isinstance(change, WindowHeard):
            heard.append((time.monotonic(), change))

    desk = Desk(
        predictor,
        submit=submit,
        limits=CallLimits(calls=calls + mono, serve_s=serve_s),
        policy=ScoringPolicy(unknown_is_customer=True),
    )
    playing = _open(desk, samples, calls, mono)
    cpu, own = time.process_time(), time.thread_time()
    behind = _play_packets(playing, packets=round(seconds * 50), speed=speed)
    for each in playing:
        each.call.take(CallEnded(EndReason.STOP, complete=True))
    for each in playing:
        assert each.call.finished(60)
    cpu_s = (time.process_time() - cpu) - (time.thread_time() - own)
    shed = desk.statistics().shed_windows
    desk.close()
    latencies = _latencies(playing[:calls], heard)
    return Outcome((calls + mono) * seconds, cpu_s, latencies, shed, behind)


def _open(desk: Desk, samples: FloatArray, calls: int, mono: int) -> list[Playing]:
    rng = np.random.default_rng(0)
    sides = (Channel(Role.CUSTOMER, "inbound"), Channel(Role.AGENT, "outbound"))
    mixed = samples.mean(axis=0, keepdims=True)
    return [
        Playing(
            desk.open(
                CallStarted(str(number), RATE, sides if number < calls else _MIXED),
                tenant="bench",
                carrier="native",
            ),
            offset=int(rng.integers(samples.shape[1] // PACKET)) * PACKET,
            begins=int(rng.integers(_PHASES)) if calls + mono > 1 else 0,
            samples=samples if number < calls else mixed,
        )
        for number in range(calls + mono)
    ]


def _play_packets(playing: list[Playing], *, packets: int, speed: float) -> float:
    """Tell every call its packets in time; return by how much we came late."""
    begin, behind = time.monotonic(), 0.0
    for tick in range(packets + _PHASES):
        until = begin + tick * PACKET / RATE / speed
        behind = max(behind, time.monotonic() - until)
        time.sleep(max(0.0, until - time.monotonic()))
        for each in playing:
            number = tick - each.begins
            if 0 <= number < packets:
                start = (each.offset + number * PACKET) % each.samples.shape[1]
                part = each.samples[:, start : start + PACKET]
                each.came.append(time.monotonic())
                each.call.take(Audio(part, number * PACKET))
    return behind


def _latencies(playing: list[Playing], heard: list[tuple[float, WindowHeard]]) -> FloatArray:
    """Seconds between the packet with a window's last sample and its submission."""
    came = {each.call.id: each.came for each in playing}
    found = []
    for at, change in heard:
        if change.call not in came:
            continue
        last = change.window.segment.end * RATE // SAMPLING_RATE - 1
        packets = came[change.call]
        if last // PACKET < len(packets) - 1:  # The last second is judged when the call ends.
            found.append(at - packets[last // PACKET])
    return np.array(found, np.float32)


def _recording(path: Path) -> FloatArray:
    samples, rate = read(path)
    if rate != RATE or len(samples) != 2:
        raise SystemExit(f"{path} has {len(samples)} channels at {rate} Hz; two at {RATE} are due.")
    whole = samples.shape[1] // PACKET * PACKET
    return np.ascontiguousarray(samples[:, :whole])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", nargs="+", type=int, default=[1, 50, 200])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--speed", nargs="+", type=float, default=[1, 4])
    parser.add_argument("--serve", nargs="+", type=float, default=[1])
    parser.add_argument("--mono", nargs="+", type=int, default=[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--recording", type=Path, default=EXAMPLE)
    options = parser.parse_args()
    samples, predictor = _recording(options.recording), load(options.model)
    print(heading("The desk", settings={"model": predictor.name, "seconds": options.seconds}))
    titles = ["calls", "mono", "speed", "served every s", "CPU ms a call-second", "windows", "shed"]
    titles += ["latency p50 ms", "p95 ms", "p99 ms", "player late ms"]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    choices = product(options.speed, options.calls, options.serve, options.mono)
    for speed, calls, serve_s, mono in choices:
        out = play(
            predictor,
            samples,
            calls=calls,
            seconds=options.seconds,
            speed=speed,
            serve_s=serve_s,
            mono=mono,
        )
        p50, p95, p99 = np.percentile(1000 * out.latencies, [50, 95, 99])
        cells = [
            f"{calls}",
            f"{mono}",
            f"{speed:g}",
            f"{serve_s:g}",
            f"{1000 * out.cpu_s / out.call_s:.2f}",
        ]
        cells += [f"{len(out.latencies)}", f"{out.shed}", f"{p50:.0f}", f"{p95:.0f}", f"{p99:.0f}"]
        print("| " + " | ".join([*cells, f"{1000 * out.behind_s:.0f}"]) + " |", flush=True)


if __name__ == "__main__":
    main()
