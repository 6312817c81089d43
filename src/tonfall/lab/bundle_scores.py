"""Clips through a bundle as it is, each alone, for ``tonfall evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.corpora.clips import Clip, clips_of, named_errors, read_clip
from tonfall.corpora.shares import in_shares
from tonfall.corpora.sounds import Degrade
from tonfall.emotion import DIMENSIONS
from tonfall.timeline import SAMPLING_RATE

if TYPE_CHECKING:
    from tonfall.runtime import Predictor

__all__ = ["bundle_scores"]

Progress = Callable[[int, int], object]


def bundle_scores(
    bundle: str | Path,
    items: pd.DataFrame,
    *,
    degrade: Degrade | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Judge every item alone, against the bundle's prior.

    Args:
        bundle: a bundled model or a folder.
        items: item, file, and start and end in seconds where an item is a part of its file.
        degrade: what each clip goes through first.
        workers: processes; as many as there are cores by default.
        progress: called with the clips done and all.

    Returns:
        item, a probability a label, and the dimensions that the bundle gives.

    Raises:
        AudioError: a clip cannot be read, or is silent.
        BundleError: no such bundle, or it fails.
        ManifestError: an item has no audio.
        ServiceError: a process was ended from outside.
    """
    make = partial(_score_share, bundle=bundle, degrade=degrade)
    shares = in_shares(clips_of(items), make, workers=workers, progress=progress)
    return pd.DataFrame(list(chain.from_iterable(shares)))


def _score_share(
    clips: Sequence[Clip], bundle: str | Path, degrade: Degrade | None
) -> list[dict[str, object]]:
    from tonfall.runtime import load

    predictor = load(bundle)  # which keeps it, and knows one that was made anew in the same folder
    return [_score(clip, predictor, degrade) for clip in clips]


def _score(clip: Clip, predictor: Predictor, degrade: Degrade | None) -> dict[str, object]:
    waveform = read_clip(clip)
    if degrade is not None:
        waveform = degrade(waveform, clip.item)
    with named_errors(clip):
        affect = predictor.predict(waveform, sampling_rate=SAMPLING_RATE)
    given = {name: getattr(affect, name) for name in DIMENSIONS}
    known = {name: value for name, value in given.items() if value is not None}
    probabilities = dict(zip(affect.labels, affect.probabilities, strict=True))
    return {"item": clip.item, **probabilities, **known}
