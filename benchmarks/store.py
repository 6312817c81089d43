"""What writing costs: ``python -m benchmarks.store [URL] [--seconds 20] [--rate 200]``.

A call a channel, each with a window a second, so ``--rate`` calls at once; windows come evenly
spread, as they do from paced calls. The figures are CPU time of this process: ``submit`` is what a
caller spends, ``all`` is everything, the writer's thread and the making of windows included, less
what an empty loop costs. With PostgreSQL the server's own CPU time is not in it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from benchmarks.machine import heading
from tonfall.serve.codecs import Role
from tonfall.serve.records import CallOpened, ChannelFacts, StoredEvent, WindowHeard
from tonfall.serve.store import Store, Writer
from tonfall.timeline import Segment, Window

LABELS = ("neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise", "calm")
PROMISE_MS = 0.3


@dataclass(frozen=True)
class Figures:
    """Of one run.

    Attributes:
        cpu_ms, submit_ms: a window.
        latency_ms: from submission to the call with the committed event, sorted.
    """

    windows: int
    cpu_ms: float
    submit_ms: float
    latency_ms: list[float]
    commits: int


def opened(call: str) -> CallOpened:
    """A call with one scored channel."""
    return CallOpened(
        call=call,
        tenant="acme",
        at=datetime.now(UTC),
        carrier="twilio",
        external_id=call,
        channels=(ChannelFacts(0, Role.CUSTOMER, "inbound", True),),
        sampling_rate=8000,
        model="small",
        model_hash="0" * 64,
        labels=LABELS,
    )


def window(call: str, number: int) -> WindowHeard:
    """The call's window of that second, with made-up scores of full length."""
    scores = tuple(1 / 8 + (number % 7 - 3) / 997 * (-1) ** place for place in range(8))
    heard = Window(
        segment=Segment(16_000 * number, 16_000 * (number + 3)),
        channel=0,
        speaker="customer",
        guess="anger",
        confidence=max(scores),
        unclear=False,
        probabilities=scores,
        arousal=0.6123,
        valence=0.3321,
        dominance=0.5012,
        speech_ratio=0.8431,
        snr_db=21.37,
        heard=float(number),
    )
    return WindowHeard(call, "acme", datetime.now(UTC), heard, scores, "steady")


def run(url: str, *, rate: int, seconds: float, write: bool) -> Figures:
    """Write windows at that rate, evenly spread; without writing for what the loop costs."""
    store, sent, latency = Store.open(url), dict[tuple[str, float], float](), list[float]()

    def committed(events: list[StoredEvent]) -> None:
        now = time.perf_counter()
        for event in events:
            if event.kind == "window":
                begin = sent.pop((event.call, float(str(event.payload["heard"]))))
                latency.append(1000 * (now - begin))

    writer = Writer(store, on_committed=committed)
    ids = [uuid4().hex for _ in range(rate)]
    for call in ids:
        writer.submit(opened(call))
    writer.write_now(opened(uuid4().hex))
    before, submitting, commits = time.process_time(), 0.0, writer.counters().commits
    begin, count = time.perf_counter(), int(rate * seconds)
    for place in range(count):
        change = window(ids[place % rate], place // rate)
        if write:
            sent[change.call, change.window.heard] = time.perf_counter()
            started = time.thread_time()
            writer.submit(change)
            submitting += time.thread_time() - started
        time.sleep(max(0.0, begin + (place + 1) / rate - time.perf_counter()))
    writer.close(60)
    cpu = time.process_time() - before
    store.close()
    per = 1000 / count
    commits = writer.counters().commits - commits
    return Figures(count, cpu * per, submitting * per, sorted(latency), commits)


@contextmanager
def folder_url(url: str | None) -> Iterator[str]:
    """The URL that was given, or one of a new SQLite file."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(dir=".") as folder:
        yield f"sqlite:///{folder}/tonfall.db"


def row(rate: int, figures: Figures, empty: Figures) -> str:
    """One line of the table."""
    cuts = statistics.quantiles(figures.latency_ms, n=100, method="inclusive")
    cells = [
        f"{rate}",
        f"{figures.cpu_ms - empty.cpu_ms:.3f}",
        f"{figures.submit_ms:.4f}",
        f"{figures.windows / figures.commits:.1f}",
        f"{cuts[49]:.0f}",
        f"{cuts[94]:.0f}",
        f"{cuts[98]:.0f}",
        f"{figures.latency_ms[-1]:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", help="a database; a new SQLite file without it")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=int, nargs="+", default=[1, 50, 200, 500])
    options = parser.parse_args()
    kind = "SQLite" if options.url is None else options.url.partition(":")[0]
    settings = {"database": kind, "seconds a run": options.seconds, "promise": f"{PROMISE_MS} ms"}
    print(heading("Writing windows", packages=["sqlalchemy", "psycopg"], settings=settings))
    print("| windows a second | CPU a window, ms | of it submit | windows a commit ", end="")
    print("| committed after, ms: median | p95 | p99 | most |\n|---|---|---|---|---|---|---|---|")
    for rate in options.rate:
        with folder_url(options.url) as url:
            empty = run(url, rate=rate, seconds=min(5.0, options.seconds), write=False)
            figures = run(url, rate=rate, seconds=options.seconds, write=True)
        print(row(rate, figures, empty), flush=True)
    assert threading.active_count() == 1


if __name__ == "__main__":
    main()
