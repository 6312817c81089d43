"""What became of calls, as tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.table import Table

from tonfall.cli.console import console, print_line

if TYPE_CHECKING:
    from tonfall.serve.client import CallResult, Listener, Plan

__all__ = ["print_calls"]

MOST_LINES = 20
"""Calls that get a line of their own; of more, those that failed do."""


def print_calls(results: Sequence[CallResult], *, plan: Plan, listener: Listener | None) -> None:
    """A line for each call, then the sum of all."""
    failed = [result for result in results if result.error]
    shown = results if len(results) <= MOST_LINES else failed[:MOST_LINES]
    if shown:
        console().print(_calls(shown, listener))
    console().print(_summary(results, plan=plan, listener=listener))
    if len(failed) > len(shown):
        print_line(f"{len(failed) - len(shown)} more calls failed.")


def _calls(results: Sequence[CallResult], listener: Listener | None) -> Table:
    table = _table()
    for name in ("call", "sent", "acknowledged", "closed", "windows", "result"):
        table.add_column(name, overflow="fold")
    for result in results:
        table.add_row(
            result.external_id or result.name,
            f"{result.seconds:.1f} s",
            {None: "-", True: "yes", False: "no"}[result.acknowledged],
            _closed(result),
            str(_windows(result, listener)) if listener else "-",
            result.error or "done",
        )
    return table


def _summary(results: Sequence[CallResult], *, plan: Plan, listener: Listener | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, highlight=False, show_header=False)
    table.add_column("", style="dim")
    table.add_column("", overflow="fold")
    for name, value in _facts(results, plan=plan, listener=listener):
        table.add_row(name, value)
    return table


def _facts(
    results: Sequence[CallResult], *, plan: Plan, listener: Listener | None
) -> list[tuple[str, str]]:
    done = sum(not result.error for result in results)
    acknowledged = sum(result.acknowledged is True for result in results)
    asks = plan.address.protocol in ("native", "audiohook")
    codes = Counter(_closed(result) for result in results)
    facts = [
        ("calls", f"{done} done, {len(results) - done} failed, over {plan.address.protocol}"),
        ("audio sent", f"{sum(result.seconds for result in results):.1f} s"),
        ("frames sent", f"{sum(result.frames for result in results)}"),
        ("acknowledged", f"{acknowledged} of {len(results)}" if asks else "the protocol has none"),
        ("closed", ", ".join(f"{code}: {count}" for code, count in codes.most_common())),
        ("sent late by at most", f"{1000 * max(result.behind_s for result in results):.0f} ms"),
    ]
    return facts if listener is None else [*facts, *_heard(results, plan, listener)]


def _heard(results: Sequence[CallResult], plan: Plan, listener: Listener) -> list[tuple[str, str]]:
    latencies = listener.latencies_s(results, speed=plan.speed)
    found = [("windows heard", str(sum(_windows(result, listener) for result in results)))]
    if latencies:
        p50, p95, p99 = 1000 * np.percentile(latencies, [50, 95, 99])
        found.append(
            ("from last sample to event", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
        )
    return found


def _windows(result: CallResult, listener: Listener | None) -> int:
    if listener is None or result.external_id is None:
        return 0
    return len(listener.of(result.external_id).windows)


def _closed(result: CallResult) -> str:
    return "-" if result.close_code is None else str(result.close_code)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, highlight=False)
