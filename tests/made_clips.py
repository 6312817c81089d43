"""Clips made of buzzes that are told apart by their pitch, and a front of random weights."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

RATE = 16_000
PITCHES = {"neutral": 110, "anger": 300, "sadness": 75}


def random_weights(seed: int = 5) -> dict[str, np.ndarray]:
    """Whisper's convolutions as the published container would give them, drawn at random."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (384, 80, 3),
        "conv1/bias": (384,),
        "conv2/weight": (384, 384, 3),
        "conv2/bias": (384,),
    }
    drawn = {
        f"encoder/{name}": rng.normal(0, 0.05, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    return drawn | {"encoder/position_encodings/encodings": np.zeros((1500, 384), np.float32)}


def voice(pitch: float, *, seconds: float, seed: int) -> np.ndarray:
    """(samples,) of a buzz with a swell and a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * pitch * time)) * np.sin(np.pi * time / seconds)
    return (0.2 * buzz + 0.005 * rng.normal(0, 1, time.size)).astype(np.float32)


def made_corpus(folder: Path, name: str, *, speakers: int, takes: int = 2) -> pd.DataFrame:
    """A file a clip of about a second, one pitch a label and a little of the speaker.

    Returns the rows of a manifest, with files that can be opened.
    """
    folder = folder / name
    folder.mkdir(parents=True)
    made = product(range(speakers), PITCHES, range(takes))
    rows = []
    for number, (speaker, label, take) in enumerate(made):
        path = folder / f"s{speaker}-{label}-{take}.wav"
        sound = voice(PITCHES[label] + 4 * speaker, seconds=0.9 + 0.1 * take, seed=number)
        soundfile.write(path, sound, RATE, subtype="PCM_16")
        rows.append((path.stem, str(path), f"s{speaker}", label))
    table = pd.DataFrame(rows, columns=["item", "file", "speaker", "label"])
    return table.assign(corpus=name, start=0.0, end=None)


def joined(items: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The same clips one after the other in a single file, as dialogues are released."""
    rate = soundfile.info(items["file"].iloc[0]).samplerate
    sounds = [soundfile.read(each, dtype="int16")[0] for each in items["file"]]
    ends = np.cumsum([len(sound) for sound in sounds]) / rate
    soundfile.write(file, np.concatenate(sounds), rate, subtype="PCM_16")
    starts = np.concatenate([[0.0], ends[:-1]])
    return items.assign(file=str(file), start=starts, end=ends)
