"""The report of the protocol ``calls``: JSON for programs, a table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

from tonfall.evaluation.bootstrap import Interval
from tonfall.evaluation.calls import calls_hash
from tonfall.evaluation.calls_figures import CallFigure, call_figures
from tonfall.evaluation.items import silent_note
from tonfall.evaluation.provenance import JsonValue, report_head
from tonfall.evaluation.running import ModelFacts

__all__ = [
    "CALLS_SCHEMA",
    "CallsReport",
    "calls_report",
    "figure_json",
    "figures_table",
]

CALLS_SCHEMA = 1
"""Version of the JSON."""


@dataclass(frozen=True)
class CallsReport:
    """What a model makes of composed calls, by each way of judging.

    Attributes:
        model: what was measured.
        corpora: whose clips the calls are made of.
        left_out: True where the model was fitted anew without each tested corpus.
        heard_before: tested corpora that the model had learnt from; figures on them flatter it.
        labels: the label space of truth and prediction.
        seed, draws: of the calls: calls of each kind and speaker.
        calls: how many calls there are.
        hash: SHA-256 of which clips are in which call, in which order.
        degradation: what the clips went through, as ``--degrade`` takes it; empty for nothing.
        silent: clips that were left out, because they hold no sound.
        site_clips: unlabelled clips of other speakers that gave the prior, by corpus; empty where
            there is no way with a site.
        ways: "baseline off", "baseline on" and the like, with their figures.
    """

    model: ModelFacts
    corpora: tuple[str, ...]
    left_out: bool
    heard_before: tuple[str, ...]
    labels: tuple[str, ...]
    seed: int
    draws: int
    calls: int
    hash: str
    degradation: str
    ways: Mapping[str, Sequence[CallFigure]] = field(repr=False)
    silent: tuple[str, ...] = ()
    site_clips: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        """A JSON-able dict; a figure that is undefined is null."""
        return {
            **report_head("tonfall-calls", CALLS_SCHEMA),
            "model": self.model.to_json(),
            "protocol": {
                "name": "calls",
                "seed": self.seed,
                "draws": self.draws,
                "calls": self.calls,
                "hash": self.hash,
                "corpora": list(self.corpora),
                "left_out": self.left_out,
                "labels": list(self.labels),
                "degradation": self.degradation,
                "site_clips": dict(self.site_clips),
            },
            "notes": list(self.notes),
            "ways": {way: [figure_json(each) for each in rows] for way, rows in self.ways.items()},
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before the figures."""
        through = f", through {self.degradation}" if self.degradation else ""
        how = (
            "each corpus is judged by the recipe fitted without it"
            if self.left_out
            else "all are judged by the model as it is"
        )
        facts = (
            f"{self.calls} calls composed of clips of {', '.join(self.corpora)}{through} "
            f"(seed {self.seed}, {self.draws} of each kind a speaker, hash {self.hash[:12]}); "
            f"{how}."
        )
        known = (
            facts,
            silent_note(self.silent) if self.silent else "",
            self._site_note() if self.site_clips else "",
            self._warning() if self.heard_before else "",
            "" if self.left_out else self.model.calibration_note(self.corpora),
        )
        return tuple(sentence for sentence in known if sentence)

    def _warning(self) -> str:
        return (
            f"The model has learnt from {', '.join(self.heard_before)}: its figures there are of "
            "speakers that it knows, and say nothing of others."
        )

    def _site_note(self) -> str:
        counted = ", ".join(f"{corpus} {count:.0f}" for corpus, count in self.site_clips.items())
        return (
            "site: the prior is the mean of unlabelled clips of other speakers, 70 % neutral "
            f"(clips: {counted}); half of a corpus's speakers are the site of the other half."
        )

    def table(self) -> str:
        """Markdown: a row a figure, a column a way of judging, 95 % intervals over speakers."""
        return figures_table(self.ways)

    def text(self) -> str:
        """Notes and table, as a command prints them."""
        return "\n".join([*self.notes, "", self.table()])


def calls_report(
    judged: Mapping[str, pd.DataFrame],
    *,
    model: ModelFacts,
    labels: Sequence[str],
    seed: int,
    draws: int,
    left_out: bool,
    degradation: str = "",
    silent: Sequence[str] = (),
    site_clips: Mapping[str, float] = MappingProxyType({}),
) -> CallsReport:
    """Make the report from judged calls.

    Args:
        judged: a table a way of judging, all of the same calls; see
            `tonfall.evaluation.calls_figures`.
        model: what was measured.
        labels: the label space.
        seed: that the calls were composed with.
        draws: likewise.
        left_out: True where the model was fitted anew without each tested corpus.
        degradation: what the clips went through.
        silent: clips that were left out of the calls.
        site_clips: see `CallsReport`.
    """
    calls = next(iter(judged.values()))
    corpora = tuple(dict.fromkeys(str(name) for name in calls["corpus"]))
    known = () if left_out else tuple(name for name in corpora if name in model.trained_on)
    return CallsReport(
        model=model,
        corpora=corpora,
        left_out=left_out,
        heard_before=known,
        labels=tuple(labels),
        seed=seed,
        draws=draws,
        calls=calls["call"].nunique(),
        hash=calls_hash(calls),
        degradation=degradation,
        ways={way: call_figures(table) for way, table in judged.items()},
        silent=tuple(silent),
        site_clips=dict(site_clips),
    )


def figures_table(ways: Mapping[str, Sequence[CallFigure]]) -> str:
    """Markdown: a row a figure, a column a way of judging, 95 % intervals over speakers."""
    columns = list(ways)
    lines = [f"| per cent | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for cells in zip(*ways.values(), strict=True):
        unit = "" if cells[0].unit == "per cent" else f", {cells[0].unit}"
        values = " | ".join(_cell(cell.interval) for cell in cells)
        lines.append(f"| {cells[0].name}{unit} | {values} |")
    return "\n".join(lines)


def figure_json(figure: CallFigure) -> JsonValue:
    """A JSON-able dict; a figure that is undefined is null."""
    interval = figure.interval
    return {
        "name": figure.name,
        "group": figure.group,
        "unit": figure.unit,
        "value": _finite(interval.value),
        "low": _finite(interval.low),
        "high": _finite(interval.high),
        "corpora": {name: _finite(value) for name, value in figure.corpora.items()},
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _cell(interval: Interval) -> str:
    if not math.isfinite(interval.value):
        return "none"
    if not math.isfinite(interval.low):
        return f"{interval.value:.1f} [-]"
    return f"{interval.value:.1f} [{interval.low:.1f}, {interval.high:.1f}]"
