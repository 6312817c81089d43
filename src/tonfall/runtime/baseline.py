"""What a voice and its room sounded like so far, learnt without labels as speech comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tonfall.bundle import BaselineSpec, Gate
from tonfall.errors import BundleError

__all__ = ["Baseline", "gate_weight", "prior_baseline", "starting_baseline"]

_Sum = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The mean of the pooled features heard so far, shrunk towards the bundle's prior.

    A small value without identity: it lives in memory as long as the stream it belongs to, and
    refuses to be pickled, because a voice must not be kept.

    Attributes:
        model_hash: the bundle that it belongs to.
        heard: seconds of speech that went into it.
    """

    model_hash: str
    prior: _Sum = field(repr=False)
    prior_weight_s: float = field(repr=False)
    total: _Sum = field(repr=False)
    weight: float = field(repr=False)
    heard: float

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """(features,) float32: what is to be subtracted from pooled features."""
        shrunk = self.total + self.prior_weight_s * self.prior
        return (shrunk / (self.weight + self.prior_weight_s)).astype(np.float32)

    def updated(
        self, pooled: npt.NDArray[np.float32], *, seconds: float, gate: float = 1.0
    ) -> Baseline:
        """The baseline after ``seconds`` more of speech, of which ``gate`` (0 to 1) counts.

        Raises:
            BundleError: ``pooled`` has another size or is not finite.
        """
        if pooled.shape != self.prior.shape:
            raise BundleError(
                f"The pooled features have shape {pooled.shape}, but this baseline has "
                f"{self.prior.shape}; it belongs to another model, so start from model.baseline()."
            )
        if not np.isfinite(pooled).all():
            raise BundleError(
                "The pooled features are not finite; the baseline was left as it was. "
                "Check the waveform for NaN or infinite samples."
            )
        weight = seconds * gate
        total = self.total + weight * pooled.astype(np.float64)
        return Baseline(
            self.model_hash,
            self.prior,
            self.prior_weight_s,
            total,
            self.weight + weight,
            self.heard + seconds,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a baseline is never stored: it lives and dies with its stream")


def prior_baseline(spec: BaselineSpec, model_hash: str) -> Baseline:
    """The baseline of a voice of which nothing was heard yet."""
    prior = np.asarray(spec.prior_mean, np.float64)
    return starting_baseline(prior, weight_s=spec.prior_weight_s, model_hash=model_hash)


def starting_baseline(prior: _Sum, *, weight_s: float, model_hash: str) -> Baseline:
    """The same from another prior than the bundle's, such as that of a line.

    Args:
        prior: (features,) float64.
        weight_s: seconds of speech that it counts for.
        model_hash: the bundle whose features these are.
    """
    return Baseline(model_hash, prior, weight_s, np.zeros_like(prior), 0.0, 0.0)


def gate_weight(gate: Gate, labels: tuple[str, ...], probabilities: tuple[float, ...]) -> float:
    """In [0, 1]: how much a window with these probabilities moves the baseline."""
    held = sum(
        gate.held.get(label, 0.0) * probability
        for label, probability in zip(labels, probabilities, strict=True)
    )
    return max(gate.floor, 1 - held)
