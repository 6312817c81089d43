"""openSMILE's sets beside Tonfall's own.

openSMILE is not free software: audEERING allows private, research and educational use, and sells
licences for anything else. Tonfall neither ships nor needs it; the extra ``opensmile`` installs it.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.features.feature_set import FeatureSet
from tonfall.features.framing import RATE

__all__ = ["NOTICE", "OPENSMILE", "opensmile_set"]

NOTICE = (
    "Features by openSMILE (audEERING GmbH): free for private, research and educational use; "
    "anything else needs its own licence."
)

OPENSMILE = MappingProxyType(
    {
        "opensmile/eGeMAPSv02": "25 contours, 88 numbers",
        "opensmile/GeMAPSv01b": "18 contours, 62 numbers",
        "opensmile/ComParE_2016": "65 contours, 6,373 numbers",
    }
)
"""What each set holds, by its name here: openSMILE's own behind the stroke."""

_CODE = (
    "arrays.py",
    "audio",
    "features/opensmile.py",
    "features/recordings.py",
    "features/rows.py",
)


@cache
def opensmile_set(name: str) -> FeatureSet:
    """One of openSMILE's sets.

    Args:
        name: one of `OPENSMILE`.

    Raises:
        ConfigError: openSMILE is not installed.
    """
    whole, frames = _smile(name, "Functionals"), _smile(name, "LowLevelDescriptors")
    return FeatureSet(
        name,
        f"{OPENSMILE[name]}, computed by openSMILE",
        "as openSMILE names them",
        tuple(frames.feature_names),
        tuple(whole.feature_names),
        lambda samples: _frames(frames, samples),
        lambda samples: _computed(whole, samples)[0],
        code=_CODE,
        libraries=("opensmile", "soundfile", "soxr"),
        notice=NOTICE,
    )


def _smile(name: str, level: str) -> Any:
    opensmile = _library()
    chosen = opensmile.FeatureSet[name.partition("/")[2]]
    return opensmile.Smile(chosen, opensmile.FeatureLevel[level])


def _library() -> Any:
    try:
        return importlib.import_module("opensmile")
    except ImportError as error:
        raise ConfigError(
            "This set needs openSMILE, which is not installed. "
            "Install it with: pip install 'tonfall[opensmile]'; or take Tonfall's own set egemaps."
        ) from error


def _frames(smile: Any, samples: FloatArray) -> FloatArray:
    """(frames, contours) float32; no frame of what is shorter than one."""
    found = _computed(smile, samples)
    return found[:0] if np.isnan(found).all() else found


def _computed(smile: Any, samples: FloatArray) -> FloatArray:
    """OpenSMILE's table; a row of NaN where the samples are too few."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Segment too short", UserWarning)
        table = smile.process_signal(np.asarray(samples), RATE)
    return np.asarray(table.to_numpy(np.float32))
