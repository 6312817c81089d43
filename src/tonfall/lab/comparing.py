"""Two models by their reports."""

from __future__ import annotations

from pathlib import Path

from tonfall.evaluation.reports import Report, ReportComparison, compare_reports, read_report

__all__ = ["compare"]


def compare(
    first: Report | Path | str, second: Report | Path | str, *, seed: int = 0, draws: int = 1000
) -> ReportComparison:
    """Which of two models is better on the same items, by how much, and whether by chance.

    Args:
        first: a report, or the path of a report.json or of one that was kept.
        second: another on the same items.
        seed: of intervals and swaps.
        draws: of both.

    Returns:
        Differences of the figures with intervals over speakers, and p values of a permutation
        test that swaps the models' answers speaker by speaker; ``in_words()`` and ``verdict``.

    Raises:
        ProtocolError: there is no such report, or they are on other items, labels or truths.
    """
    return compare_reports(_read(first), _read(second), seed=seed, draws=draws)


def _read(report: Report | Path | str) -> Report:
    return report if isinstance(report, Report) else read_report(Path(report))
