"""What the tests of voice activity share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.arrays import FloatArray
from tonfall.vad import VoiceModel

ASSETS = Path(__file__).parent / "assets"


@pytest.fixture(scope="session")
def voice_model() -> VoiceModel:
    return VoiceModel.load()


@pytest.fixture(scope="session")
def speech() -> FloatArray:
    """Six seconds of synthetic speech at 16 kHz, (samples,): 188 whole chunks."""
    return soundfile.read(ASSETS / "speech.flac", dtype="float32")[0]


@pytest.fixture(scope="session")
def silero() -> FloatArray:
    """The same clip's (188,) probabilities from Silero's own graph."""
    return np.loadtxt(ASSETS / "speech.silero.txt", dtype=np.float32)
