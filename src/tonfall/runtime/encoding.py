"""From pieces of frames to the statistics of a window, by the graph or by functionals."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.errors import BundleError
from tonfall.features.feature_set import FeatureSet
from tonfall.ort import Session

__all__ = ["Encoding", "Functionals", "GraphEncoding", "functionals"]


class Encoding(Protocol):
    """What is made of pieces, and how those of a window are put together."""

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        """(pieces, context + piece, width) and (pieces, context + piece) to a row a piece."""

    def combine(self, rows: FloatArray) -> FloatArray:
        """(pieces, row) of a window, in order, to its (statistics,)."""

    def clip(self, samples: FloatArray, frames: FloatArray, weights: FloatArray) -> FloatArray:
        """The (statistics,) of a whole clip of (n,) samples, which was cut into these pieces."""


class GraphEncoding:
    """The graph's own part: its statistics add up over pieces.

    Args:
        session: of the graph.
        judged: empty inputs of the part that judges.
    """

    def __init__(self, session: Session, judged: dict[str, FloatArray]) -> None:
        self._session = session
        self._judged = judged

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        """One piece at a time: INT8 graphs scale activations over the whole input.

        So a piece's statistics would depend on its neighbours; and one core gains nothing from
        batches.
        """
        parts = [
            self._session.run(
                ["encoded"], {"frames": piece[None], "weights": weight[None], **self._judged}
            )[0]
            for piece, weight in zip(frames, weights, strict=True)
        ]
        return np.concatenate(parts) if parts else self._judged["statistics"]

    def combine(self, rows: FloatArray) -> FloatArray:
        """Their sum."""
        return np.asarray(rows.sum(axis=0))

    def clip(self, samples: FloatArray, frames: FloatArray, weights: FloatArray) -> FloatArray:  # noqa: ARG002
        """The sum over its pieces."""
        return self.combine(self.encode(frames, weights))


class Functionals:
    """Numbers of a named set over a window's sound; the graph judges them, and encodes nothing.

    A piece's row is its samples, so that those of a window can be heard together. The functionals
    of a window are of its pieces' sound put together, pauses within them included; those of a clip
    are of the whole clip, as they were in training.

    Args:
        features: the set.
    """

    def __init__(self, features: FeatureSet) -> None:
        self._features = features

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        """The samples of each piece; NaN where it has fewer frames."""
        return frames.reshape(len(weights), -1)

    def combine(self, rows: FloatArray) -> FloatArray:
        """Functionals of all samples, one after the other; NaN where one is not defined."""
        samples = rows.ravel()
        return self._of(samples[~np.isnan(samples)])

    def clip(self, samples: FloatArray, frames: FloatArray, weights: FloatArray) -> FloatArray:  # noqa: ARG002
        """Functionals of the clip."""
        return self._of(samples)

    def _of(self, samples: FloatArray) -> FloatArray:
        found = self._features.summary(samples)
        return np.where(np.isfinite(found), found, np.nan).astype(np.float32)


def functionals(front_end: FrontEnd, *, model: str, width: int) -> Functionals:
    """What a bundle of the kind functionals asks for.

    Args:
        front_end: of the bundle.
        model: its name, for the message.
        width: numbers that its graph takes.

    Raises:
        BundleError: this Tonfall has no such set, or the set has another number of numbers.
    """
    from tonfall.features.sets import SETS

    chosen = SETS.get(front_end.feature_set or "")
    if chosen is None:
        raise BundleError(
            f"The model {model} takes the feature set {front_end.feature_set!r}, but this Tonfall "
            f"has {', '.join(SETS)}; install a newer Tonfall."
        )
    if len(chosen.columns) != width:
        raise BundleError(
            f"The graph of {model} takes {width} numbers, but the feature set {chosen.name} has "
            f"{len(chosen.columns)}; export the model again."
        )
    return Functionals(chosen)
