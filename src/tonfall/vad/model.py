"""Silero's voice activity network, run over whole stretches of chunks at once.

The network is an encoder that sees one chunk only, then an LSTM. Left to itself the LSTM's state
piles up: after two minutes of music on hold it is deaf to most of the speech that follows. So
time is cut into stretches of 2 s, and after each in which nobody spoke the state is faded: what
lies half a minute back is forgotten, whatever it was (figures in docs/experiments/vad-gate.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.ort import Session, open_shipped
from tonfall.vad.spectrum import SEEN, SPECTRUM, spectra

__all__ = ["STRETCH", "Job", "VoiceModel", "VoiceState"]

STRETCH = 64
"""Chunks (2 s) after which the state is faded if nobody spoke."""

_NOBODY = 0.1
"""Probability that no chunk of such a stretch reaches."""

_FADE = np.float32(0.3)

_STREAMS = 32
"""Jobs in a batch: more gains nothing."""

_FILE = Path(__file__).with_name("silero.onnx")
_SHA256 = "11e5e87b98cea59c0a6ed11fa09dd71e84a02332faffa549c22413dd71be1983"


def _nothing_heard() -> FloatArray:
    return np.zeros((2, 128), np.float32)


@dataclass(frozen=True, slots=True)
class VoiceState:
    """What the network knows of a stream; that of a new stream by default.

    Attributes:
        memory: (2, 128) float32, output and cell of the LSTM.
        chunks: of the current stretch that were scored, 0 to 63.
        highest: probability of speech in them, in [0, 1].
    """

    memory: FloatArray = field(default_factory=_nothing_heard)
    chunks: int = 0
    highest: float = 0.0

    def after(self, probabilities: FloatArray, memory: FloatArray) -> VoiceState:
        """The state once more chunks of the same stretch were scored."""
        chunks = self.chunks + len(probabilities)
        highest = max(self.highest, float(probabilities.max()))
        if chunks < STRETCH:
            return VoiceState(memory, chunks, highest)
        return VoiceState(memory * _FADE if highest < _NOBODY else memory)


@dataclass(frozen=True, slots=True)
class Job:
    """Consecutive chunks of one stream.

    Attributes:
        windows: (chunks, 576) float32 at 16 kHz: 64 samples of context, then the chunk.
        state: after what came before.
        deliver: takes the (chunks,) probabilities and the state after them.
        shed: gives the chunks up: whether somebody spoke in them stays unknown.
    """

    windows: FloatArray
    state: VoiceState
    deliver: Callable[[FloatArray, VoiceState], None]
    shed: Callable[[], None]


class VoiceModel:
    """The network; one serves every stream.

    Args:
        session: of the shipped graph.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def load(cls) -> VoiceModel:
        """The shipped graph, opened once a process.

        Raises:
            BundleError: the file is missing or was altered.
        """
        inputs, outputs = ("magnitude", "state", "lengths"), ("probability", "state_after")
        return cls(open_shipped(_FILE, sha256=_SHA256, inputs=inputs, outputs=outputs))

    def score(self, jobs: Sequence[Job]) -> None:
        """Do the jobs side by side, those of like length together, and deliver.

        Raises:
            BundleError: the network failed; the jobs of that batch were shed, all others done.
        """
        order = sorted(jobs, key=lambda job: len(job.windows))
        failures: list[BundleError] = []
        for first in range(0, len(order), _STREAMS):
            batch = order[first : first + _STREAMS]
            try:
                self._score_batch([_Progress(job) for job in batch])
            except BundleError as error:
                failures.append(error)
                for job in batch:
                    job.shed()
        if failures:
            raise failures[0]

    def _score_batch(self, batch: Sequence[_Progress]) -> None:
        while unfinished := [each for each in batch if each.left]:
            self._score_stretch(unfinished)
        for each in batch:
            each.job.deliver(each.probabilities, each.state)

    def _score_stretch(self, batch: Sequence[_Progress]) -> None:
        """Take every job up to the end of its stretch."""
        parts = [each.next_windows() for each in batch]
        windows = np.zeros((max(map(len, parts)), len(parts), SEEN), np.float32)
        for stream, part in enumerate(parts):
            windows[: len(part), stream] = part
        feeds = {
            "magnitude": spectra(windows.reshape(-1, SEEN)).reshape(*windows.shape[:2], SPECTRUM),
            "state": np.stack([each.state.memory for each in batch], axis=1),
            "lengths": np.array([len(part) for part in parts], np.int32),
        }
        probability, memory = self._session.run(["probability", "state_after"], feeds)
        for stream, each in enumerate(batch):
            each.take(probability[: len(parts[stream]), stream], memory[:, stream])


class _Progress:
    """How far a job is."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.state = job.state
        self.probabilities: FloatArray = np.empty(len(job.windows), np.float32)
        self._done = 0

    @property
    def left(self) -> int:
        return len(self.probabilities) - self._done

    def next_windows(self) -> FloatArray:
        return self.job.windows[self._done : self._done + STRETCH - self.state.chunks]

    def take(self, probabilities: FloatArray, memory: FloatArray) -> None:
        self.probabilities[self._done : self._done + len(probabilities)] = probabilities
        self._done += len(probabilities)
        self.state = self.state.after(probabilities, memory.copy())
