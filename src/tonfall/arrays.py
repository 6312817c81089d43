"""The array types that signatures name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "IntArray"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
