"""What a reader must know before believing a figure."""

from __future__ import annotations

from collections.abc import Iterable

from tonfall.evaluation.items import silent_note
from tonfall.evaluation.protocols import Shared
from tonfall.evaluation.running import Results

__all__ = ["notes", "warnings"]

_FEW_SPEAKERS = 20


def warnings(results: Results) -> list[str]:
    """Sentences that a report shows in red: why its figures flatter."""
    found = []
    worst = _worst(results.shared, "speaker")
    if worst is not None and worst.shared:
        found.append(
            f"Speakers are shared: {worst.shared} of {worst.test} test speakers of fold "
            f"{worst.fold} were also heard in training. These figures say little about new voices."
        )
    elif results.protocol.trains and (worst is None or not worst.test):
        found.append("Speakers are not known, so whether train and test share them cannot be told.")
    elif results.protocol.trains and (unknown := int(results.items["speaker"].isna().sum())):
        found.append(
            f"{unknown} of {len(results.items)} test items name no speaker, so whether train and "
            "test share these cannot be told."
        )
    same = _worst(results.shared, "recording")
    if same is not None and same.shared:
        found.append(
            f"Recordings are shared: {same.shared} of {same.test} test recordings of fold "
            f"{same.fold} are the same sound as one that was heard in training."
        )
    heard = sorted(set(results.model.trained_on) & set(results.protocol.corpora))
    if heard:
        found.append(
            f"The model was trained on {', '.join(heard)}, which this protocol tests. "
            "It may know these voices, sentences and rooms."
        )
    return found


def notes(results: Results, *, speakers: int) -> list[str]:
    """Sentences that a report shows beside its figures."""
    found = list(results.protocol.notes)
    for kind in ("sentence", "session"):
        worst = _worst(results.shared, kind)
        if worst is not None and worst.shared:
            found.append(
                f"Up to {worst.shared} of {worst.test} test {kind}s of a fold were also heard in "
                "training."
            )
    never = [
        label
        for label, column in zip(results.protocol.labels, results.probabilities.T, strict=True)
        if not column.any()
    ]
    if never:
        found.append(f"The model does not know {', '.join(never)}: every such item is a mistake.")
    if chosen := results.model.calibration_note(results.protocol.corpora):
        found.append(chosen)
    if results.silent:
        found.append(silent_note(results.silent))
    if speakers < _FEW_SPEAKERS:
        found.append(f"Intervals from {speakers} speakers are narrower than they should be.")
    return found


def _worst(shared: Iterable[Shared], kind: str) -> Shared | None:
    """The fold that shares the largest part."""
    of_kind = [entry for entry in shared if entry.kind == kind]
    return max(of_kind, key=lambda entry: entry.shared / max(entry.test, 1), default=None)
