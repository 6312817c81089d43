"""How close probabilities are to what listeners said, where they did not all say the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.errors import ProtocolError

__all__ = ["jensen_shannon"]


def jensen_shannon(votes: npt.ArrayLike, probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Jensen-Shannon divergence between the listeners' votes and the probabilities of each item.

    Args:
        votes: (items, labels) counts or shares, not negative; rows are scaled to sum to 1.
        probabilities: (items, labels), the same order of labels.

    Returns:
        (items,) bits in [0, 1]: 0 where both agree, 1 where they share nothing; NaN for an item
        without votes. Its square root is SciPy's Jensen-Shannon distance.

    Raises:
        ProtocolError: shapes differ or a number is negative.

    >>> jensen_shannon([[3, 1]], [[0.75, 0.25]]).round(3)
    array([0.])
    """
    from scipy.spatial.distance import jensenshannon

    said, given = np.asarray(votes, np.float64), np.asarray(probabilities, np.float64)
    if said.shape != given.shape or (said < 0).any() or (given < 0).any():
        raise ProtocolError(
            f"Votes of shape {said.shape} and probabilities of shape {given.shape} must match and "
            "hold no negative number. Give both over the same label space."
        )
    if not said.size:
        return np.zeros(len(said))
    with np.errstate(invalid="ignore"):
        distance = jensenshannon(said, given, base=2.0, axis=1)
    return np.square(np.nan_to_num(distance, nan=0.0)) + np.where(said.sum(axis=1) > 0, 0, np.nan)
