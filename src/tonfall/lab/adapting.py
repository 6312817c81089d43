"""A model fitted to a line, a room or a language by recordings without labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tonfall.adaptation import (
    PRIOR_WEIGHT_S,
    SitePrior,
    adapt_bundle,
    check_adaptable,
    check_weight,
    site_prior,
)
from tonfall.analysis.opening import Listening
from tonfall.analysis.site import files_in, hear_recordings
from tonfall.bundle import Bundle, read_bundle
from tonfall.lab.progress import Progress, Stage, no_progress, stage
from tonfall.runtime import Baseline, Predictor, load

__all__ = ["Adapted", "adapt"]


@dataclass(frozen=True)
class Adapted:
    """A new bundle, and what it was made of.

    Attributes:
        bundle: the new one.
        prior: the mean of the voices; how many recordings, voices and seconds of speech.
        left_out: a sentence for each recording that could not be used.
    """

    bundle: Bundle
    prior: SitePrior
    left_out: tuple[str, ...]


def adapt(
    model: str | Path,
    recordings: str | Path,
    output: str | Path,
    *,
    listening: Listening | None = None,
    prior_weight_s: float = PRIOR_WEIGHT_S,
    name: str | None = None,
    progress: Progress = no_progress,
) -> Adapted:
    """Fit a model to a site, as ``tonfall adapt`` does: no labels, nothing of a recording kept.

    Args:
        model: a bundle's name or folder.
        recordings: folder of recordings of the site, of any format; ten are needed, thirty begin
            to help.
        output: folder of the new bundle.
        listening: which channel or speaker is heard; all by default.
        prior_weight_s: seconds of speech that the prior counts for in a call.
        name: of the new model; MODEL-FOLDER by default.
        progress: called with a `Step` again and again; clips are recordings here, and a note says
            why one was left out.

    Raises:
        AudioError: no such folder, no file in it, or too little speech.
        BundleError: no such model, it has no baseline, or there is something in ``output``.
        ConfigError: a weight that is none.
    """
    check_weight(prior_weight_s)
    folder = Path(output)
    bundle = read_bundle(model)
    check_adaptable(bundle, folder, name=name)
    with stage(f"{bundle.spec.name}: recordings", progress) as steps:
        heard, left_out = _heard(Path(recordings), load(model), listening, steps)
    prior = site_prior(heard, prior_weight_s=prior_weight_s)
    return Adapted(adapt_bundle(bundle, prior, folder, name=name), prior, left_out)


def _heard(
    folder: Path, predictor: Predictor, listening: Listening | None, steps: Stage
) -> tuple[list[tuple[Baseline, ...]], tuple[str, ...]]:
    """The voices of each recording, and why some were left out."""
    files = files_in(folder)
    heard, problems = [], []
    for number, recording in enumerate(hear_recordings(files, predictor, listening), start=1):
        heard.append(recording.voices)
        problems += [recording.problem] if recording.problem else []
        steps.clips(number, len(files), recording.problem)
    return heard, tuple(problems)
