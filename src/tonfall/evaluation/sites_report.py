"""The report of the protocol ``site``: JSON for programs, a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from tonfall.evaluation.calls_figures import (
    CallFigure,
    anger_found,
    called_angry,
    corpus_figure,
    unweighted,
)
from tonfall.evaluation.calls_report import figure_json, figures_table
from tonfall.evaluation.items import silent_note
from tonfall.evaluation.provenance import JsonValue, report_head
from tonfall.evaluation.running import ModelFacts

__all__ = ["SITE_SCHEMA", "SiteReport", "site_figures"]

SITE_SCHEMA = 1
"""Version of the JSON."""


@dataclass(frozen=True)
class SiteReport:
    """What unlabelled clips of other speakers give, by how many there were.

    Attributes:
        model: what was measured.
        corpora: that stand for sites.
        left_out: True where the model was fitted anew without each tested corpus.
        labels: the label space of truth and prediction.
        seed, draws: of the speakers' parts.
        hash: SHA-256 of which clips are heard and judged.
        degradation: what all clips went through; empty for nothing.
        used: clips that a site gave, as a mean over draws, by corpus, for each way.
        ways: "0 clips", "10 clips" and so on, with their figures.
        silent: clips that were left out, because they hold no sound.
    """

    model: ModelFacts
    corpora: tuple[str, ...]
    left_out: bool
    labels: tuple[str, ...]
    seed: int
    draws: int
    hash: str
    degradation: str
    used: Mapping[str, Mapping[str, float]]
    ways: Mapping[str, Sequence[CallFigure]] = field(repr=False)
    silent: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """A JSON-able dict; a figure that is undefined is null."""
        return {
            **report_head("tonfall-site", SITE_SCHEMA),
            "model": self.model.to_json(),
            "protocol": {
                "name": "site",
                "seed": self.seed,
                "draws": self.draws,
                "hash": self.hash,
                "corpora": list(self.corpora),
                "left_out": self.left_out,
                "labels": list(self.labels),
                "degradation": self.degradation,
            },
            "notes": list(self.notes),
            "used": {way: dict(counts) for way, counts in self.used.items()},
            "ways": {way: [figure_json(each) for each in rows] for way, rows in self.ways.items()},
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before the figures."""
        return tuple(sentence for sentence in self._sentences() if sentence)

    def _sentences(self) -> tuple[str, ...]:
        through = f", through {self.degradation}" if self.degradation else ""
        how = "the recipe fitted without each" if self.left_out else "the model as it is"
        known = [name for name in self.corpora if name in self.model.trained_on]
        warned = not self.left_out and bool(known)
        return (
            f"Clips alone, of {', '.join(self.corpora)}{through}, by {how}; the prior from "
            f"unlabelled clips of other speakers, 70 % neutral (seed {self.seed}, {self.draws} "
            f"draws, hash {self.hash[:12]}).",
            self._scarce(),
            silent_note(self.silent) if self.silent else "",
            f"The model has learnt from {', '.join(known)}: its figures there are of speakers that "
            "it knows, and say nothing of others."
            if warned
            else "",
            self.model.calibration_note(self.corpora),
        )

    def _scarce(self) -> str:
        """Where a corpus had fewer clips to give than the column says."""
        fewer = [
            f"{way}: {count:.0f} of {corpus}"
            for way, counts in self.used.items()
            for corpus, count in counts.items()
            if count < int(way.split()[0])
        ]
        return f"Not all had so many clips to give; {'; '.join(fewer)}." if fewer else ""

    def table(self) -> str:
        """Markdown: a row a figure, a column a number of clips, intervals over speakers."""
        return figures_table(self.ways)

    def text(self) -> str:
        """Notes and table, as a command prints them."""
        return "\n".join([*self.notes, "", self.table()])


def site_figures(judged: pd.DataFrame, *, seed: int = 0) -> list[CallFigure]:
    """The figures of one number of clips.

    Args:
        judged: corpus, speaker, truth and prediction, a row a judged clip and draw.
        seed: of the intervals.
    """
    neutral = judged[judged["truth"] == "neutral"]
    rows = (
        ("UA", judged, unweighted),
        ("anger found", judged, anger_found),
        ("neutral called angry", neutral, called_angry),
    )
    figures = [
        corpus_figure(name, table, measure, group="all", seed=seed) for name, table, measure in rows
    ]
    return figures + [
        corpus_figure(f"UA, {corpus}", own, unweighted, group="corpora", seed=seed)
        for corpus, own in judged.groupby("corpus", sort=True)
    ]
