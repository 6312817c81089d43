"""What a network learns from, clip by clip, and the batches of an epoch.

A batch is a function of seed, epoch and place alone, so that a run that was killed goes on as if it
had not been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tonfall.arrays import FloatArray, IntArray
from tonfall.bundle import FrontEnd
from tonfall.learn.frame_augment import augment, mask
from tonfall.learn.frames import Frames
from tonfall.learn.sample_augment import augment_samples, hide_frames
from tonfall.learn.training import Training
from tonfall.runtime.pieces import cut_pieces

__all__ = ["Batch", "ClipSet", "Fixed", "TrainingBatches"]

_LEAST_S = 0.01
"""Seconds of speech that a piece needs where none of a clip has the usual tenth."""


@dataclass(frozen=True)
class ClipSet:
    """Clips with what is meant.

    Attributes:
        names: of the clips, for messages.
        copies: for each way that a clip may have come, its frames; the clip as it is first.
        copy_shares: how often each way is drawn; sums to 1.
        targets: (clips, labels) share of each label; all zero where it is not known.
        possible: (clips, labels) True for the labels that the clip's corpus has.
        dimensions: (clips, 3) in [0, 1], NaN where not known.
        groups: (clips,) number of the clip's corpus and label, which balanced sampling draws alike.
        weights: (clips,) in the loss.
    """

    names: Sequence[str]
    copies: Sequence[Sequence[Frames]]
    copy_shares: FloatArray
    targets: FloatArray
    possible: npt.NDArray[np.bool_]
    dimensions: FloatArray
    groups: IntArray
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Batch:
    """Clips cut into pieces.

    Attributes:
        clips: (clips,) which of the set.
        frames: (pieces, context + piece, width).
        weights: (pieces, context + piece).
        owner: (pieces,) place in the batch of each piece's clip.
        targets: (clips, labels); possible, dimensions and clip_weights as in `ClipSet`.
    """

    clips: torch.Tensor
    frames: torch.Tensor
    weights: torch.Tensor
    owner: torch.Tensor
    targets: torch.Tensor
    possible: torch.Tensor
    dimensions: torch.Tensor
    clip_weights: torch.Tensor


class TrainingBatches:
    """The batches of one epoch, by place; each is drawn anew whenever it is asked for.

    Args:
        clips: what is learnt.
        training: batch size, sampling and augmentation.
        front_end: how clips are cut.
        seed: of the recipe.
        epoch: from 0.
    """

    def __init__(
        self, clips: ClipSet, training: Training, front_end: FrontEnd, *, seed: int, epoch: int
    ) -> None:
        self._clips, self._training, self._front_end = clips, training, front_end
        self._seed = (seed, epoch)
        self._order = _order(clips, training.sampling, np.random.default_rng([seed, epoch]))

    def __len__(self) -> int:
        # A last batch of one clip has no variation to normalise by.
        whole, rest = divmod(len(self._order), self._training.batch_clips)
        return whole + (rest > 1)

    def __getitem__(self, place: int) -> Batch:
        if place >= len(self):
            raise IndexError(place)
        size = self._training.batch_clips
        chosen = self._order[place * size : (place + 1) * size]
        rng = np.random.default_rng([*self._seed, 1 + place])
        return _batch(self._clips, chosen, [self._pieces(int(n), rng) for n in chosen])

    def _pieces(self, clip: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        copy = int(rng.choice(len(self._clips.copies), p=self._clips.copy_shares))
        whole = self._clips.copies[copy][clip]
        how = self._training.frames
        samples = self._front_end.kind == "waveform"
        change, hide = (augment_samples, hide_frames) if samples else (augment, mask)
        frames, weights = change(*_floats(whole), how, rng)
        pieces, counted = _cut(frames, weights, self._front_end)
        if not len(pieces):  # a crop without speech: the whole clip has some
            pieces, counted = _cut(*_floats(whole), self._front_end)
        return hide(pieces, how, rng), counted


class Fixed:
    """The same clips whole, in order and as they are: what is judged.

    Args:
        clips: which.
        front_end: how they are cut.
        batch_clips: clips at a time.
    """

    def __init__(self, clips: ClipSet, front_end: FrontEnd, *, batch_clips: int) -> None:
        self._clips, self._front_end, self._size = clips, front_end, batch_clips

    def __len__(self) -> int:
        return -(-len(self._clips) // self._size)

    def __getitem__(self, place: int) -> Batch:
        if place >= len(self):
            raise IndexError(place)
        first = place * self._size
        chosen = np.arange(first, min(first + self._size, len(self._clips)))
        whole = [self._clips.copies[0][int(n)] for n in chosen]
        return _batch(self._clips, chosen, [_cut(*_floats(one), self._front_end) for one in whole])


def _order(clips: ClipSet, sampling: str, rng: np.random.Generator) -> IntArray:
    """Which clips an epoch takes, in which order: as many as there are."""
    if sampling == "natural":
        return rng.permutation(len(clips))
    sizes = np.bincount(clips.groups)[clips.groups]
    shares = 1 / sizes
    return rng.choice(len(clips), len(clips), p=shares / shares.sum())


def _floats(clip: Frames) -> tuple[FloatArray, FloatArray]:
    return clip.values.astype(np.float32), clip.weights.astype(np.float32)


def _cut(
    frames: FloatArray, weights: FloatArray, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray]:
    pieces, counted = cut_pieces(frames, weights, front_end=front_end)
    if len(pieces):
        return pieces, counted
    return cut_pieces(frames, weights, front_end=front_end, least_s=_LEAST_S)


def _batch(clips: ClipSet, chosen: IntArray, cut: Sequence[tuple[FloatArray, FloatArray]]) -> Batch:
    owner = np.repeat(np.arange(len(cut)), [len(pieces) for pieces, _ in cut])
    return Batch(
        clips=torch.from_numpy(np.asarray(chosen)),
        frames=torch.from_numpy(np.concatenate([pieces for pieces, _ in cut])),
        weights=torch.from_numpy(np.concatenate([weights for _, weights in cut])),
        owner=torch.from_numpy(owner),
        targets=torch.from_numpy(clips.targets[chosen]),
        possible=torch.from_numpy(clips.possible[chosen]),
        dimensions=torch.from_numpy(clips.dimensions[chosen]),
        clip_weights=torch.from_numpy(clips.weights[chosen]),
    )
