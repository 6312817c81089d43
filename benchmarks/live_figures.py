"""What a load of live calls gave, and the tables that say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from benchmarks.machine import heading
from tonfall.arrays import FloatArray

__all__ = ["COLUMNS", "Figures", "heading_of", "row_of", "table_head"]

PACKAGES = ("numpy", "onnxruntime", "h11", "uvloop", "websockets", "sqlalchemy")
P95_S, P99_S = 0.5, 1.0
"""What must hold at full load."""
COLUMNS = (
    "protocol",
    "calls",
    "minutes",
    "CPU a call-second, ms",
    "p50, ms",
    "p95, ms",
    "p99, ms",
    "windows",
    "lost",
    "failed calls",
    "/livez p99, ms",
    "memory idle, MB",
    "begin, MB",
    "end, MB",
    "generator, cores",
    "generator late, ms",
    "holds",
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One load.

    Attributes:
        protocol, calls, minutes: what was played.
        cpu_ms: milliseconds of CPU of the server's process a second of call.
        latencies_s: from a window's last sample to its event, of all windows.
        windows: events of windows.
        lost: windows that the file has and the calls did not bring.
        failed: calls that did not come to their end.
        answers_s: how long ``/livez`` took each time.
        memory: bytes of the server's process, a second apart, while all calls were live.
        idle_memory: before the first call.
        generator_cores: CPU of this process over time.
        generator_late_s: by how much a frame was sent too late, at worst.
    """

    protocol: str
    calls: int
    minutes: float
    cpu_ms: float
    latencies_s: FloatArray
    windows: int
    lost: int
    failed: int
    answers_s: FloatArray
    memory: tuple[int, ...]
    idle_memory: int
    generator_cores: float
    generator_late_s: float

    @property
    def holds(self) -> bool:
        """True where nothing was lost and latency is what was promised."""
        p95, p99 = np.percentile(self.latencies_s, [95, 99])
        return bool(p95 < P95_S and p99 < P99_S and not self.lost and not self.failed)

    @property
    def ends_of_memory(self) -> tuple[float, float]:
        """Megabytes at the beginning and the end: medians of a tenth of the samples each."""
        part = max(1, len(self.memory) // 10)
        begin, end = np.median(self.memory[:part]), np.median(self.memory[-part:])
        return float(begin) / 1e6, float(end) / 1e6


def heading_of(title: str, options: argparse.Namespace) -> str:
    """When, on what, with which versions."""
    played = ", ".join(path.name for path in options.recordings) or "examples/call.wav"
    settings = {"model": options.model, "recordings": played, "database": "SQLite, a new file"}
    return heading(title, packages=PACKAGES, settings=settings)


def table_head() -> str:
    """The first two lines of the table."""
    return "| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS)


def row_of(figures: Figures) -> str:
    """One line of the table."""
    p50, p95, p99 = 1000 * np.percentile(figures.latencies_s, [50, 95, 99])
    begin, end = figures.ends_of_memory
    cells = (
        figures.protocol,
        figures.calls,
        f"{figures.minutes:g}",
        f"{figures.cpu_ms:.2f}",
        f"{p50:.0f}",
        f"{p95:.0f}",
        f"{p99:.0f}",
        figures.windows,
        figures.lost,
        figures.failed,
        f"{1000 * np.percentile(figures.answers_s, 99):.0f}",
        f"{figures.idle_memory / 1e6:.0f}",
        f"{begin:.0f}",
        f"{end:.0f}",
        f"{figures.generator_cores:.2f}",
        f"{1000 * figures.generator_late_s:.0f}",
        "yes" if figures.holds else "no",
    )
    return "| " + " | ".join(map(str, cells)) + " |"
