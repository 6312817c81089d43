"""Voices that need no recording: pulse trains through resonances, or vectors alone."""

from __future__ import annotations

import numpy as np
import scipy.signal

RATE = 16_000


def spoken(
    pitch_hz: float, formants_hz: tuple[float, ...], seconds: float, *, seed: int, breath: float
) -> np.ndarray:
    """(samples,) float32: syllables of a made-up voice with wandering pitch and vowels."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    wander = np.interp(
        np.arange(count),
        np.arange(0, count + 4000, 4000),
        rng.normal(1, 0.08, len(np.arange(0, count + 4000, 4000))),
    )
    phase = np.cumsum(pitch_hz * wander / RATE)
    sound = np.diff(np.floor(phase), prepend=0) + breath * rng.standard_normal(count)
    for formant in formants_hz:
        moved = formant * rng.uniform(0.95, 1.05)
        width = 60 + 0.03 * moved
        pole = np.exp(-np.pi * width / RATE + 2j * np.pi * moved / RATE)
        sound = scipy.signal.lfilter([1], np.poly([pole, pole.conj()]).real, sound)
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * np.arange(count) / RATE)
    sound = sound * syllables
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32).clip(-1, 1)


def low_voice(seconds: float, *, seed: int = 0) -> np.ndarray:
    return spoken(95, (620, 1100, 2300, 3300), seconds, seed=seed, breath=0.003)


def high_voice(seconds: float, *, seed: int = 0) -> np.ndarray:
    return spoken(230, (900, 1900, 3100, 4400), seconds, seed=seed, breath=0.3)


def conversation(*, turns: int = 6, seconds: float = 5.0, pause: float = 0.6) -> np.ndarray:
    """(samples,) two voices in turn, each followed by a pause."""
    silence = 1e-4 * np.random.default_rng(9).standard_normal(int(pause * RATE))
    parts = []
    for turn in range(turns):
        voice = low_voice if turn % 2 == 0 else high_voice
        parts += [voice(seconds, seed=turn), silence.astype(np.float32)]
    return np.concatenate(parts)


def vectors_of(speakers: list[int], *, rng: np.random.Generator, spread: float = 1.0) -> np.ndarray:
    """(windows, 192) rows of length 1: one of orthogonal directions each, and noise."""
    rows = np.eye(192)[speakers] + spread * rng.standard_normal((len(speakers), 192)) / 192**0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
