"""Changes of samples that another voice, room or moment might have made.

As `tonfall.learn.frame_augment` for log-mel frames: every function takes (frames, 160) float32
samples at 16 kHz and gives the same; what is random is drawn from the generator that is given.
"""

from __future__ import annotations

import numpy as np
import soxr
from scipy import fft

from tonfall.arrays import FloatArray
from tonfall.features.log_mel import HOP, SAMPLING_RATE
from tonfall.learn.frame_augment import crop, resample_time
from tonfall.learn.training import FrameAugmentation

__all__ = ["augment_samples", "equalise", "hide_frames", "resample"]

_KNOTS = 6
_FRAMES_S = SAMPLING_RATE // HOP


def augment_samples(
    frames: FloatArray, weights: FloatArray, how: FrameAugmentation, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """A clip's (frames, 160) samples and (frames,) weights, changed as the recipe allows.

    Speed changes the pitch and the vocal tract with it, as a faster tape does. Masks are not part
    of it: `hide_frames` hides stretches of each piece.
    """
    if how.speed:
        rate = float(rng.uniform(1 - how.speed, 1 + how.speed))
        frames, weights = resample(frames, rate), resample_time(weights, rate)
    frames, weights = crop(frames, weights, how.crop_s, rng)
    if how.equaliser_db or how.gain_db:
        knots = rng.uniform(-how.equaliser_db, how.equaliser_db, _KNOTS)
        gains = knots + rng.uniform(-how.gain_db, how.gain_db)
        frames = equalise(frames, gains.astype(np.float32))
    if how.shift:
        late = int(rng.integers(_FRAMES_S))
        frames = np.pad(frames, ((late, 0), (0, 0)))
        weights = np.pad(weights, (late, 0))
    return frames, weights


def resample(frames: FloatArray, rate: float) -> FloatArray:
    """(round(frames / rate), 160): the samples played ``rate`` times as fast."""
    played = soxr.resample(frames.ravel(), SAMPLING_RATE * rate, SAMPLING_RATE, quality="MQ")
    samples = np.zeros(round(len(frames) / rate) * HOP, np.float32)
    kept = min(len(samples), len(played))
    samples[:kept] = played[:kept]
    return samples.reshape(-1, HOP)


def equalise(frames: FloatArray, gains_db: FloatArray) -> FloatArray:
    """The samples coloured by a curve through gains that lie evenly on the mel scale.

    Args:
        frames: (frames, 160).
        gains_db: (knots,) in decibels, from 0 Hz to 8 kHz.
    """
    size = fft.next_fast_len(frames.size, real=True)
    spectrum = fft.rfft(frames.ravel(), size)
    hertz = np.linspace(0, SAMPLING_RATE / 2, len(spectrum))
    mel = np.log1p(hertz / 700) / np.log1p(SAMPLING_RATE / 2 / 700)
    gain = 10 ** (np.interp(mel, np.linspace(0, 1, len(gains_db)), gains_db) / 20)
    samples = fft.irfft(spectrum * gain.astype(np.float32), size)[: frames.size]
    return samples.astype(np.float32).reshape(frames.shape)


def hide_frames(pieces: FloatArray, how: FrameAugmentation, rng: np.random.Generator) -> FloatArray:
    """(n, frames, 160) with stretches of frames silenced in each piece, in place."""
    count, widest = how.frame_masks
    length = pieces.shape[1]
    for piece in pieces:
        for _ in range(count):
            width = int(rng.integers(widest + 1))
            first = int(rng.integers(max(length - width, 0) + 1))
            piece[first : first + width] = 0
    return pieces
