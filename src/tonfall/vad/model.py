"""Silero's voice activity network, run over whole stretches of chunks at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.ort import Session, open_session

__all__ = ["CHUNK", "CONTEXT", "Job", "VoiceModel", "fresh_state", "spectra"]

CHUNK = 512
"""Samples at 16 kHz (32 ms) that get one probability."""

CONTEXT = 64
"""Samples before a chunk that its spectrum also sees."""

_FILE = Path(__file__).with_name("silero.onnx")
_SHA256 = "11e5e87b98cea59c0a6ed11fa09dd71e84a02332faffa549c22413dd71be1983"
_WINDOW, _STEP, _FRAMES = 256, 128, 4
_VALUES = _FRAMES * (_WINDOW // 2 + 1)
_STREAMS = 32
"""Stretches in a batch: more gains nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """A stretch of consecutive chunks of one stream.

    Attributes:
        spectra: (chunks, 516) from :func:`spectra`.
        state: (2, 128), what came before.
        deliver: takes (chunks,) probabilities and the (2, 128) state after them.
    """

    spectra: FloatArray
    state: FloatArray
    deliver: Callable[[FloatArray, FloatArray], None]


def fresh_state() -> FloatArray:
    """The (2, 128) state of a stream of which nothing was heard."""
    return np.zeros((2, 128), np.float32)


def spectra(samples: FloatArray) -> FloatArray:
    """Magnitude spectra of chunks, as the network takes them.

    Args:
        samples: (64 + 512 n,) float32 at 16 kHz: the context, then whole chunks.

    Returns:
        (n, 516) float32: for each chunk 4 frames of 129 bins.
    """
    chunks = (len(samples) - CONTEXT) // CHUNK
    size = samples.strides[0]
    seen = np.lib.stride_tricks.as_strided(
        samples, (chunks, CONTEXT + CHUNK), (CHUNK * size, size), writeable=False
    )
    padded = np.empty((chunks, CONTEXT + CHUNK + CONTEXT), np.float32)
    padded[:, : CONTEXT + CHUNK] = seen
    padded[:, CONTEXT + CHUNK :] = seen[:, -2 : -CONTEXT - 2 : -1]
    rows, columns = padded.strides
    frames = np.lib.stride_tricks.as_strided(
        padded, (chunks, _FRAMES, _WINDOW), (rows, _STEP * columns, columns), writeable=False
    )
    spectrum = scipy.fft.rfft(frames * _HANN, axis=-1)
    return np.sqrt(spectrum.real**2 + spectrum.imag**2).reshape(chunks, _VALUES)


_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)


class VoiceModel:
    """The network; one serves every stream.

    Args:
        session: of the shipped graph.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def load(cls) -> VoiceModel:
        """Open the shipped graph.

        Raises:
            BundleError: the file was altered.
        """
        content = _FILE.read_bytes()
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise BundleError(
                f"{_FILE.name}: the voice activity model was altered; install Tonfall again."
            )
        names = {
            "inputs": ("magnitude", "state", "lengths"),
            "outputs": ("probability", "state_after"),
        }
        return cls(open_session(content, **names))

    def score(self, jobs: Sequence[Job]) -> None:
        """Do the jobs in batches of stretches of like length, and deliver.

        Raises:
            BundleError: the network failed; nothing of that batch was delivered.
        """
        order = sorted(jobs, key=lambda job: len(job.spectra))
        for first in range(0, len(order), _STREAMS):
            self._score_batch(order[first : first + _STREAMS])

    def _score_batch(self, jobs: Sequence[Job]) -> None:
        longest = max(len(job.spectra) for job in jobs)
        magnitude = np.zeros((longest, len(jobs), _VALUES), np.float32)
        for stream, job in enumerate(jobs):
            magnitude[: len(job.spectra), stream] = job.spectra
        feeds = {
            "magnitude": magnitude,
            "state": np.stack([job.state for job in jobs], axis=1),
            "lengths": np.array([len(job.spectra) for job in jobs], np.int32),
        }
        probability, state = self._session.run(["probability", "state_after"], feeds)
        for stream, job in enumerate(jobs):
            job.deliver(probability[: len(job.spectra), stream], state[:, stream].copy())
