"""The head of every benchmark table: when, on what, with which versions, of which commit.

>>> print(heading("Decoding", packages=["numpy"]))  # doctest: +SKIP
## Decoding

| | |
|---|---|
| date | 2026-11-23 |
| processor | AMD EPYC, 2 cores |
| Python | 3.11.7 |
| versions | numpy 2.4.6 |
| commit | 4ead67d |
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

__all__ = ["commit", "cores", "heading", "processor", "versions"]

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("numpy", "scipy", "onnxruntime", "soundfile", "soxr")


def heading(
    title: str,
    *,
    packages: Sequence[str] = PACKAGES,
    settings: Mapping[str, object] | None = None,
) -> str:
    """A Markdown heading and table that say what is needed to repeat a benchmark.

    Args:
        title: what was measured.
        packages: distributions whose versions matter; one that is not installed is left out.
        settings: what else decides the figures, as the recipe, the seed or the threads.
    """
    rows = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{processor()}, {cores()} cores",
        "Python": platform.python_version(),
        "versions": ", ".join(versions(packages)),
        "commit": commit(),
        **(settings or {}),
    }
    lines = [f"## {title}", "", "| | |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows.items()]) + "\n"


def processor() -> str:
    """The processor's name as the system gives it, or its architecture."""
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in names if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def cores() -> int:
    """How many cores this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions(packages: Sequence[str]) -> list[str]:
    """Name and version of each of the packages that is installed."""
    installed = {dist.name.lower() for dist in metadata.distributions() if dist.name}
    return [f"{name} {metadata.version(name)}" for name in packages if name.lower() in installed]


def commit() -> str:
    """The commit, marked ``-dirty`` where files differ from it; ``unknown`` without git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
