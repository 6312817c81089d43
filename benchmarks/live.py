"""A real server under real calls: CPU a call-second, latency, losses, memory, how many it holds.

    python -m benchmarks.live cpu [--calls 1 50 200] [--minutes 1]
    python -m benchmarks.live load [--protocol twilio audiohook] [--calls 200] [--minutes 5]
    python -m benchmarks.live search [--protocol twilio] [--calls 200] [--minutes 1]
    python -m benchmarks.live all [--minutes 5] [--soak-minutes 30]

``tonfall serve`` runs in a process of its own with a new SQLite file; this process plays two-track
calls to it in real time over loopback and listens to its events, so the load generator shares the
machine. Every call begins anew in a recording that is played again and again; the calls' starts
are spread over seconds, so that their windows do not end together. Only the customer's track is
scored. Latency is from the moment that the packet with a window's last sample was due to that in
which the window's event was read. What ``tonfall analyze`` finds in the same audio says how many
windows there should be: fewer are lost.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.live_figures import Figures, heading_of, row_of, table_head
from benchmarks.live_run import Load, expected_windows, measure
from benchmarks.live_server import benchmark_server
from tonfall.runtime import load as find_model
from tonfall.serve.client import Protocol, Recording, read_recording, run_quickly

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "call.wav"
STAGGER_S = 0.0973
"""No part of a second, so that the calls' windows end at all times of it."""
LONGEST_SPREAD = 0.3
"""Of a call's length: over more, the calls would hardly be live at one time."""
FINEST = 0.05
"""The search ends where holding and failing are this near to each other."""


def recordings_of(paths: Sequence[Path]) -> list[Recording]:
    """The recordings that are played; the example call where none is named."""
    return [read_recording(path) for path in paths or [EXAMPLE]]


def run(options: argparse.Namespace, *, protocol: str, calls: int, minutes: float) -> Figures:
    """One load on a server of its own."""
    load = Load(
        protocol=Protocol(protocol),
        recordings=recordings_of(options.recordings),
        calls=calls,
        seconds=60 * minutes,
        stagger_s=min(STAGGER_S, LONGEST_SPREAD * 60 * minutes / calls),
    )
    expected = expected_windows(load, find_model(options.model))
    with (
        tempfile.TemporaryDirectory(prefix="tonfall-live-") as folder,
        benchmark_server(Path(folder), model=options.model) as server,
    ):
        return run_quickly(measure(server, load, expected=expected))


def report(figures: Figures) -> None:
    """Print a row at once: a run is long."""
    print(row_of(figures), flush=True)


def cpu(options: argparse.Namespace) -> None:
    """CPU a call-second by number of calls."""
    print(heading_of("CPU of live calls over Twilio's protocol", options))
    print(table_head())
    for calls in options.calls or [1, 50, 200]:
        report(run(options, protocol="twilio", calls=calls, minutes=options.minutes))


def load(options: argparse.Namespace) -> None:
    """Many calls at once."""
    print(heading_of("Many live calls", options))
    print(table_head())
    for protocol in options.protocol or ["twilio", "audiohook"]:
        for calls in options.calls or [200]:
            report(run(options, protocol=protocol, calls=calls, minutes=options.minutes))


def search(options: argparse.Namespace) -> int:
    """The highest number of calls that holds, by doubling and halving steps."""
    protocol = (options.protocol or ["twilio"])[0]
    print(heading_of(f"How many calls hold over {protocol}", options))
    print(table_head())
    held, failed = 0, 0
    calls = max(options.calls or [200])
    while not failed or failed - held > max(1, FINEST * failed):
        figures = run(options, protocol=protocol, calls=calls, minutes=options.minutes)
        report(figures)
        if not figures.holds:  # Once more: other work on the machine may have been in the way.
            figures = run(options, protocol=protocol, calls=calls, minutes=options.minutes)
            report(figures)
        held, failed = (calls, failed) if figures.holds else (held, calls)
        calls = (held + failed) // 2 if failed else round(held * 1.3)
        if calls == held:
            break
    print(f"\n{held} calls hold; {failed} do not.\n", flush=True)
    return held


def everything(options: argparse.Namespace) -> None:
    """All that is published, one after the other."""
    given = options.minutes
    options.minutes = min(1.0, given)
    cpu(options)
    options.minutes = given
    print()
    load(options)
    print()
    options.minutes = min(1.5, given)
    held = search(options)
    options.minutes = options.soak_minutes
    options.calls = [max(1, round(0.8 * held))]
    options.protocol = ["twilio"]
    load(options)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["cpu", "load", "search", "all"])
    parser.add_argument("--calls", type=int, nargs="+", help="how many at once")
    parser.add_argument("--protocol", nargs="+", choices=["twilio", "audiohook", "native"])
    parser.add_argument("--minutes", type=float, default=1.0, help="of each call")
    parser.add_argument("--soak-minutes", type=float, default=30.0, help="of the last run of all")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], help="two-channel calls")
    parser.add_argument("--model", default="small")
    options = parser.parse_args()
    {"cpu": cpu, "load": load, "search": search, "all": everything}[options.what](options)


if __name__ == "__main__":
    main()
