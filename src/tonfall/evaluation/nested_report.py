"""The report of nested selection: JSON for programs, tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from tonfall.evaluation.calls_figures import CallFigure, corpus_figure, unweighted
from tonfall.evaluation.calls_report import figure_json, figures_table
from tonfall.evaluation.nested import Choice, Trial, choose
from tonfall.evaluation.provenance import JsonValue, report_head
from tonfall.evaluation.running import ModelFacts

__all__ = ["NESTED_SCHEMA", "NestedReport", "Setup", "nested_report"]

NESTED_SCHEMA = 1
"""Version of the JSON."""


@dataclass(frozen=True)
class NestedReport:
    """What choosing among recipes gives on corpora on which nothing was chosen.

    Attributes:
        command: what makes it again, but for where things lie.
        protocol: its name.
        hash: SHA-256 of its folds.
        seed: of folds, draws and intervals.
        chosen_by: the view by which recipes were chosen, such as "clip alone".
        models: the recipes, by name.
        choices: for each left-out corpus.
        columns: "nested", then each recipe on its own, with their figures.
        remarks: further sentences for the reader.
    """

    command: str
    protocol: str
    hash: str
    seed: int
    chosen_by: str
    models: Mapping[str, ModelFacts]
    choices: Mapping[str, Choice]
    columns: Mapping[str, Sequence[CallFigure]] = field(repr=False)
    remarks: Sequence[str] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """A JSON-able dict; a figure that is undefined is null."""
        return {
            **report_head("tonfall-nested", NESTED_SCHEMA),
            "command": self.command,
            "models": {name: facts.to_json() for name, facts in self.models.items()},
            "protocol": {
                "name": self.protocol,
                "hash": self.hash,
                "seed": self.seed,
                "corpora": list(self.choices),
                "chosen_by": self.chosen_by,
            },
            "notes": list(self.notes),
            "choices": {
                corpus: {
                    "recipe": choice.recipe,
                    "recalls": {name: round(each, 4) for name, each in choice.recalls.items()},
                }
                for corpus, choice in self.choices.items()
            },
            "columns": {
                name: [figure_json(each) for each in figures]
                for name, figures in self.columns.items()
            },
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before the figures."""
        return (
            f"{self.protocol} (hash {self.hash[:12]}, seed {self.seed}), nested: for each left-out "
            f"corpus a recipe is chosen by its mean UA ({self.chosen_by}) on the other corpora, "
            "each judged by a fit without it and without the left-out one.",
            "Nested figures are of the chosen recipe fitted without the corpus; the other columns "
            "are of one recipe each, and the best of them is too good by what choosing it gained. "
            "Intervals resample speakers, with the choices as they are.",
            *self.remarks,
        )

    def table(self) -> str:
        """Markdown: what was chosen, then a row a figure and a column a recipe."""
        return f"{self._choices()}\n\n{figures_table(self.columns)}"

    def _choices(self) -> str:
        names = list(self.models)
        lines = [
            f"| left out | chosen | {' | '.join(f'{name}, UA on the others' for name in names)} |",
            f"|---|---|{'---|' * len(names)}",
        ]
        for corpus, choice in self.choices.items():
            recalls = " | ".join(f"{100 * choice.recalls[name]:.1f}" for name in names)
            lines.append(f"| {corpus} | {choice.recipe} | {recalls} |")
        return "\n".join(lines)

    def text(self) -> str:
        """Notes and tables, as a command prints them."""
        return "\n".join([*self.notes, "", self.table()])


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured how; see `NestedReport`."""

    command: str
    protocol: str
    hash: str
    seed: int
    chosen_by: str
    remarks: Sequence[str] = ()


def nested_report(
    trials: Mapping[str, Trial], models: Mapping[str, ModelFacts], setup: Setup
) -> NestedReport:
    """Choose for each corpus, and put the chosen figures beside those of each recipe.

    Args:
        trials: by the recipe's name; all of the same corpora and views.
        models: facts about them.
        setup: what was measured how.
    """
    choices = choose(trials)
    chosen = {corpus: trials[choice.recipe] for corpus, choice in choices.items()}
    nested = {
        view: pd.concat([_of(trial, view, corpus) for corpus, trial in chosen.items()])
        for view in next(iter(trials.values())).plain
    }
    columns = {"nested": nested} | {name: trial.plain for name, trial in trials.items()}
    return NestedReport(
        command=setup.command,
        protocol=setup.protocol,
        hash=setup.hash,
        seed=setup.seed,
        chosen_by=setup.chosen_by,
        models=models,
        choices=choices,
        columns={name: _figures(views, setup.seed) for name, views in columns.items()},
        remarks=setup.remarks,
    )


def _of(trial: Trial, view: str, corpus: str) -> pd.DataFrame:
    rows = trial.plain[view]
    return rows[rows["corpus"] == corpus]


def _figures(views: Mapping[str, pd.DataFrame], seed: int) -> list[CallFigure]:
    """The mean over corpora of each view, then each corpus of each view."""
    means = [
        corpus_figure(f"{view}: UA, mean of corpora", rows, unweighted, group="mean", seed=seed)
        for view, rows in views.items()
    ]
    return means + [
        corpus_figure(f"{view}: UA, {corpus}", own, unweighted, group="corpora", seed=seed)
        for view, rows in views.items()
        for corpus, own in rows.groupby("corpus", sort=True)
    ]
