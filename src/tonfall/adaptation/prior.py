"""The site's prior: the mean of many voices of a line, a room or a language, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tonfall.errors import AudioError, BundleError, ConfigError
from tonfall.runtime import Baseline

__all__ = [
    "LEAST_RECORDINGS",
    "LEAST_SPEECH_S",
    "MOST_SHARES",
    "PRIOR_WEIGHT_S",
    "SHIPPED_WEIGHT_S",
    "SitePrior",
    "capped_weights",
    "check_weight",
    "gated_mean",
    "site_prior",
]

LEAST_RECORDINGS = 10
"""Recordings with speech below which the mean would be that of a few voices."""

LEAST_SPEECH_S = 20.0
"""Seconds of speech, over all recordings, below which there is too little to learn from."""

SHIPPED_WEIGHT_S = 8.0
"""Seconds of speech that the model's own prior counts for in the site's (docs/adaptation.md)."""

PRIOR_WEIGHT_S = 16.0
"""Seconds of speech that the site's prior counts for in each call, by default."""

MOST_SHARES = 2.0
"""A voice counts for at most this many times what it would if all counted alike."""

_Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SitePrior:
    """What is learnt of a site.

    Attributes:
        mean: (features,) float64, where each call's baseline starts.
        weight_s: seconds of speech that it counts for there.
        model_hash: the bundle whose features these are.
        recordings: in which speech was heard.
        voices: channels or speakers of them, counted anew in each.
        speech_s: seconds of speech, over all of them.
    """

    mean: _Values = field(repr=False)
    weight_s: float
    model_hash: str
    recordings: int
    voices: int
    speech_s: float


def site_prior(
    recordings: Sequence[Sequence[Baseline]], *, prior_weight_s: float = PRIOR_WEIGHT_S
) -> SitePrior:
    """Learn a site's prior from its voices; see :func:`gated_mean` for the arithmetic.

    Args:
        recordings: for each recording the baseline of each of its voices, as
            `tonfall.analysis.hear_voices` gives them: windows judged against the model's own prior.
            Recordings and voices of which nothing was heard are passed over.
        prior_weight_s: seconds of speech, above 0 and at most 600, that the site's prior shall
            count for in the baseline of a call.

    Raises:
        AudioError: fewer than 10 recordings with speech, or less than 20 seconds of it.
        BundleError: the voices were heard with different models.
        ConfigError: a weight out of range.
    """
    check_weight(prior_weight_s)
    told = [[voice for voice in voices if voice.weight > 0] for voices in recordings]
    voices = [voice for each in told for voice in each]
    count, speech_s = sum(map(bool, told)), sum(voice.heard for voice in voices)
    if count < LEAST_RECORDINGS or speech_s < LEAST_SPEECH_S:
        raise AudioError(
            f"Speech was heard in {count} recordings, {speech_s:.0f} s in all, but a site's prior "
            f"needs {LEAST_RECORDINGS} recordings and {LEAST_SPEECH_S:.0f} s, so that it is not "
            "that of a few voices; add recordings of other people."
        )
    mean = gated_mean(voices)
    return SitePrior(mean, prior_weight_s, voices[0].model_hash, count, len(voices), speech_s)


def check_weight(prior_weight_s: float) -> None:
    """Refuse a prior's weight that no bundle can have.

    Raises:
        ConfigError: not above 0 and at most 600 seconds of speech.
    """
    if not 0 < prior_weight_s <= 600:
        raise ConfigError(
            f"The prior's weight is {prior_weight_s:g} seconds of speech, but more than 0 and at "
            "most 600 are possible."
        )


def gated_mean(voices: Sequence[Baseline]) -> _Values:
    """The mean of many voices, shrunk towards the model's own prior mean.

    b = (sum of w x + K m) / (sum of w + K), over the windows of all voices: x are pooled features,
    w the window's new seconds of speech times its gate, each voice's w scaled down where it is
    above the cap of :func:`capped_weights`; m is the model's own prior mean and K 8 seconds.

    Args:
        voices: one baseline a voice, none of them empty, at least one.

    Returns:
        (features,) float64.

    Raises:
        BundleError: the voices were heard with different models.
    """
    if len({voice.model_hash for voice in voices}) > 1:
        raise BundleError(
            "The voices were heard with different models, whose features cannot be averaged; hear "
            "all recordings with one."
        )
    weights = np.array([voice.weight for voice in voices], np.float64)
    means = np.stack([voice.total for voice in voices]) / weights[:, None]
    capped = capped_weights(weights)
    total = capped @ means + SHIPPED_WEIGHT_S * voices[0].prior
    return np.asarray(total / (capped.sum() + SHIPPED_WEIGHT_S), np.float64)


def capped_weights(weights: _Values) -> _Values:
    """The weights, none above twice their own mean: of ten voices none counts for over a fifth.

    Args:
        weights: (voices,) positive.

    Returns:
        (voices,); what is not above the cap is as it was. One or two voices stay as they are.

    >>> capped_weights(np.array([1.0, 1.0, 1.0, 1.0, 96.0]))
    array([1.        , 1.        , 1.        , 1.        , 2.66666667])
    """
    falling = np.sort(weights)[::-1]
    for above, largest in enumerate(falling):
        # With `above` voices at the cap c: c = shares * (above * c + the rest) / voices. That holds
        # for fewer than half of them at the latest.
        cap = MOST_SHARES * falling[above:].sum() / (len(weights) - MOST_SHARES * above)
        if largest <= cap:
            break
    return np.asarray(np.minimum(weights, cap), np.float64)
