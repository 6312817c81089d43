"""What a voice sounds like, as a vector: CAM++ over a second and a half of speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.features import fbank
from tonfall.ort import Session, open_shipped

__all__ = ["EMBEDDING", "SpeakerJob", "SpeakerModel"]

EMBEDDING = 192
"""Values of an embedding."""

_FILE = Path(__file__).with_name("campplus.onnx")
_SHA256 = "a76fc9401b35bf364f9ed6eeb00b5e96d55274d279e7d89422e0cac4d19dcc89"


@dataclass(frozen=True, slots=True)
class SpeakerJob:
    """A stretch of one channel whose voice is wanted.

    Attributes:
        samples: (samples,) float32 at 16 kHz, at least 0.4 s and at most 2 s.
        deliver: takes the (192,) embedding, of length 1.
        shed: gives the stretch up: nothing is known of its voice.
    """

    samples: FloatArray
    deliver: Callable[[FloatArray], None]
    shed: Callable[[], None]


class SpeakerModel:
    """The network; one serves every stream.

    Args:
        session: of the shipped graph.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def load(cls, *, threads: int = 1) -> SpeakerModel:
        """The shipped graph, opened once a process.

        Raises:
            BundleError: the file is missing or was altered.
        """
        inputs, outputs = ("features",), ("embedding",)
        return cls(
            open_shipped(_FILE, sha256=_SHA256, inputs=inputs, outputs=outputs, threads=threads)
        )

    def embed(self, samples: FloatArray) -> FloatArray:
        """The voice of one stretch.

        Args:
            samples: (samples,) float32 at 16 kHz, at least 0.4 s and at most 2 s.

        Returns:
            (192,) float32 of length 1; the product of two is their likeness, in [-1, 1].

        Raises:
            BundleError: the network failed, or gave what is not finite.
        """
        assert 6400 <= len(samples) <= 32000, len(samples)
        frames = fbank(samples)
        frames -= frames.mean(axis=0)
        # One at a time: the INT8 graph scales over its whole input, neighbours included.
        [embedding] = self._session.run(["embedding"], {"features": frames[None]})[0]
        length = float(np.sqrt(np.sum(embedding.astype(np.float64) ** 2)))
        # INT8 hides what is not finite in the frames.
        if not np.isfinite(frames).all() or not np.isfinite(length) or length == 0:
            raise BundleError(
                "The speaker model gave an embedding that is not finite; check the audio for NaN "
                "or infinite samples."
            )
        result: FloatArray = (embedding / np.float32(length)).astype(np.float32)
        return result

    def score(self, jobs: Sequence[SpeakerJob]) -> None:
        """Do the jobs and deliver.

        Raises:
            BundleError: the network failed; that job and those after it are given up.
        """
        for number, job in enumerate(jobs):
            try:
                embedding = self.embed(job.samples)
            except BundleError:
                for left in jobs[number:]:
                    left.shed()
                raise
            job.deliver(embedding)
