"""Batches of an epoch: a function of seed, epoch and place, balanced where asked for."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.bundle import FrontEnd
from tonfall.learn.batches import ClipSet, Fixed, TrainingBatches
from tonfall.learn.frame_augment import augment, mask, resample_bands, resample_time
from tonfall.learn.frames import Frames
from tonfall.learn.training import FrameAugmentation, Training

FRONT_END = FrontEnd(piece_frames=100, context_frames=40)
NOTHING = FrameAugmentation(
    crop_s=(60, 60),
    shift=False,
    speed=0,
    vocal_tract=0,
    equaliser_db=0,
    gain_db=0,
    band_masks=(0, 0),
    frame_masks=(0, 0),
    mixup=0,
)


def clip_set(groups: list[int], *, frames: int = 250) -> ClipSet:
    """Clips whose every frame holds the clip's number."""
    count = len(groups)
    clips = [
        Frames(np.full((frames, 80), -n, np.float16), np.ones(frames, np.float16))
        for n in range(count)
    ]
    return ClipSet(
        names=[str(n) for n in range(count)],
        copies=[clips],
        copy_shares=np.ones(1),
        targets=np.eye(count, dtype=np.float32),
        possible=np.ones((count, count), bool),
        dimensions=np.zeros((count, 3), np.float32),
        groups=np.array(groups),
        weights=np.ones(count, np.float32),
    )


def test_an_epoch_is_a_function_of_seed_epoch_and_place() -> None:
    clips, training = clip_set([0] * 10), Training(batch_clips=4)

    def drawn(seed: int, epoch: int, place: int) -> np.ndarray:
        batches = TrainingBatches(clips, training, FRONT_END, seed=seed, epoch=epoch)
        return batches[place].frames.numpy()

    np.testing.assert_array_equal(drawn(1, 2, 1), drawn(1, 2, 1))
    for other in ((2, 2, 1), (1, 3, 1), (1, 2, 0)):
        assert not np.array_equal(drawn(1, 2, 1), drawn(*other))


def test_natural_sampling_takes_each_clip_once() -> None:
    training = Training(batch_clips=4, frames=NOTHING)
    batches = TrainingBatches(clip_set([0] * 10), training, FRONT_END, seed=1, epoch=0)
    taken = np.concatenate([batches[n].clips.numpy() for n in range(len(batches))])
    assert sorted(taken) == list(range(10))


def test_balanced_sampling_draws_groups_alike() -> None:
    groups = [0] * 900 + [1] * 90 + [2] * 10
    clips = clip_set(groups, frames=1)
    training = Training(batch_clips=1000, sampling="balanced", frames=NOTHING)
    taken = [
        TrainingBatches(clips, training, FRONT_END, seed=1, epoch=epoch)._order
        for epoch in range(3)
    ]
    counts = np.bincount(np.array(groups)[np.concatenate(taken)])
    np.testing.assert_allclose(counts, 1000, atol=120)  # four deviations of a third of 3,000


def test_without_augmentation_training_sees_what_is_judged() -> None:
    clips = clip_set([0, 0, 0])
    training = Training(batch_clips=3, frames=NOTHING)
    learnt = TrainingBatches(clips, training, FRONT_END, seed=1, epoch=0)[0]
    judged = Fixed(clips, FRONT_END, batch_clips=3)[0]
    assert judged.clips.tolist() == [0, 1, 2]
    assert judged.owner.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    order = [int(n) for n in np.argsort(learnt.clips.numpy())]
    again = learnt.frames.numpy().reshape(3, 3, 140, 80)[order]
    np.testing.assert_array_equal(again.reshape(9, 140, 80), judged.frames.numpy())


def test_a_last_batch_of_one_clip_is_left_out() -> None:
    """Batch normalisation has no variation to go by there."""
    training = Training(batch_clips=3)
    sizes = [
        len(TrainingBatches(clip_set([0] * n), training, FRONT_END, seed=1, epoch=0))
        for n in (3, 4, 5)
    ]
    assert sizes == [1, 1, 2]


def test_speed_and_vocal_tract_move_a_line_to_where_it_belongs() -> None:
    frames = np.zeros((100, 80), np.float32)
    frames[50], frames[:, 40] = 1, 1
    assert resample_time(frames, 2.0)[:, 0].argmax() == 25
    assert resample_bands(frames, 2.0)[0].argmax() == 20
    np.testing.assert_allclose(resample_time(frames, 1.0), frames)


def test_gain_and_equaliser_stay_within_their_decibels_and_the_floor() -> None:
    how = NOTHING.model_copy(update={"equaliser_db": 3.0, "gain_db": 6.0})
    frames, weights = np.full((50, 80), -2, np.float32), np.ones(50, np.float32)
    changed, kept = augment(frames, weights, how, np.random.default_rng(1))
    assert np.abs(changed - frames).max() <= 0.9 + 1e-6
    np.testing.assert_array_equal(kept, weights)
    quiet, _ = augment(np.full((50, 80), -10, np.float32), weights, how, np.random.default_rng(2))
    assert quiet.min() >= -10


def test_masks_hide_no_more_than_they_may() -> None:
    how = NOTHING.model_copy(update={"band_masks": (2, 10), "frame_masks": (1, 20)})
    pieces = np.random.default_rng(3).normal(size=(5, 140, 80)).astype(np.float32)
    hidden = mask(pieces.copy(), how, np.random.default_rng(4)) != pieces
    bands, frames = hidden.all(axis=1).sum(axis=1), hidden.all(axis=2).sum(axis=1)
    assert bands.max() <= 20
    assert frames.max() <= 20
    assert hidden.any()
