"""Noise reduction, on and off: recall of emotion, voice activity, and what it costs.

    python -m benchmarks.denoise [recall voice speed] [--shared ../shared] [--recipe FILE]

``recall`` fits a recipe on each fold of emobox/ravdess and loso/emodb and tests it on left-out
speakers whose clips were mixed with noise (none of training's first kind) and, in the columns after
it, then cleaned. A clip is led in by 2 s of its noise, which are cut off again: noise reduction has
to have heard it. ``voice`` mixes the sides of the two-channel calls with the same noises and
compares probabilities of speech with the silver turns of the clean call.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machine import heading
from benchmarks.vad import CALLS, SPEAKERS, load, read_turns
from tonfall.arrays import FloatArray
from tonfall.audio import Denoiser, denoise
from tonfall.corpora.contents import code_hash, file_hash, joint_hash
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import CHUNK, probabilities

NOISES = ("babble_restaurant", "street_city", "office_babble_made", "train_inside")
"""Noises that no training clip was mixed with."""
STEADY = ("steady_machine", "car_cabin_like_made", "rain", "comfort_noise_white")
LEVELS_DB = (0, 5, 10, 15, 20)
PROTOCOLS = ("loso/emodb", "emobox/ravdess")
LEAD = 2 * SAMPLING_RATE
SETTINGS = {"below 15 dB": 15.0, "always": 100.0}


@dataclass(frozen=True)
class Mixer:
    """Mixes a clip with one of the noises, by its name; and cleans it, if asked to.

    Attributes:
        folder: of the noises.
        names: of those used.
        snr_db: level of the clip over the noise.
        below_db: as noise reduction takes it; None to leave it off.
    """

    folder: Path
    names: tuple[str, ...]
    snr_db: float
    below_db: float | None

    def __call__(self, waveform: FloatArray, item: str) -> FloatArray:
        """The (samples,) clip at 16 kHz, as it is heard."""
        rng = np.random.default_rng(zlib.crc32(item.encode()))
        noise = noise_of(self.folder / f"{self.names[int(rng.integers(len(self.names)))]}.flac")
        noise = np.resize(np.roll(noise, int(rng.integers(len(noise)))), LEAD + len(waveform))
        power = np.mean(waveform**2) / max(float(np.mean(noise**2)), 1e-12)
        mixed = noise * np.float32(np.sqrt(power * 10 ** (-self.snr_db / 10)))
        mixed[LEAD:] += waveform
        mixed = (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)
        if self.below_db is not None:
            mixed = denoise(mixed[None], sampling_rate=SAMPLING_RATE, below_db=self.below_db)[0]
        return mixed[LEAD:]

    @property
    def key(self) -> str:
        """What the cache of statistics knows it by: settings, noises and code."""
        noises = [file_hash(self.folder / f"{name}.flac") for name in self.names]
        code = [file_hash(Path(__file__)), code_hash("audio")]
        return joint_hash([str(self.snr_db), str(self.below_db), *noises, *code])


@lru_cache(maxsize=16)
def noise_of(path: Path) -> FloatArray:
    """(samples,) at 16 kHz."""
    return load(path)[0]


def recall(
    shared: Path, recipe_path: Path, *, levels: Sequence[float], protocols: Sequence[str]
) -> None:
    """Unweighted recall of left-out speakers, by noise and level."""
    from benchmarks.accuracy import recall_row
    from tonfall.corpora import prepare
    from tonfall.evaluation.items import pool, protocol_items
    from tonfall.evaluation.protocols import DEVELOPMENT, TEST, TRAIN, Sources, find_protocol
    from tonfall.learn.fold import RecipeModel
    from tonfall.learn.recipe import read_recipe

    recipe = read_recipe(recipe_path)
    print(heading("Noise reduction: recall", settings={"recipe": recipe.name, "seed": recipe.seed}))
    print("| protocol | noise | SNR | off | " + " | ".join(SETTINGS) + " |")
    print("|---|---|---|---|" + "---|" * len(SETTINGS))
    for name in protocols:
        corpus = name.partition("/")[2]
        items = pool([prepare(corpus, shared / "data" / corpus)[0]])
        protocol = find_protocol(name, Sources(items=items))
        rows = protocol_items(items, protocol.corpora).set_index("item", drop=False)
        rows["label"] = protocol.label_map.apply(
            [None if pd.isna(label) else label for label in rows["label"]]
        )
        folds = [
            [rows.loc[protocol.items(fold, part)] for part in (TRAIN, DEVELOPMENT, TEST)]
            for fold in protocol.folds
        ]
        plain = RecipeModel(recipe)
        fitted = [plain.fit(train, development) for train, development, _ in folds]
        tested = pd.concat([test for _, _, test in folds]).drop_duplicates("item")
        place = {item: number for number, item in enumerate(tested["item"])}

        def score(model: RecipeModel) -> pd.DataFrame:
            features = model.pool(tested, fitted[0]).features  # noqa: B023
            tables = []
            for (_, _, test), own in zip(folds, fitted, strict=True):  # noqa: B023
                chosen = features[[place[item] for item in test["item"]]]  # noqa: B023
                prior = np.broadcast_to(own.prior, chosen.shape).copy()
                best = own.probabilities(chosen, prior).argmax(axis=1)
                guess = np.array(own.labels)[best]
                tables.append(
                    pd.DataFrame(
                        {"truth": test["label"], "prediction": guess, "speaker": test["speaker"]}
                    )
                )
            return pd.concat(tables)

        def cell(table: pd.DataFrame) -> str:
            value, low, high = recall_row([table], rng=np.random.default_rng(0))
            return f"{value} ({low} to {high})"

        print(f"| {name} | none | – | {cell(score(plain))} | | |", flush=True)
        for kind, noises in (("voices, traffic", NOISES), ("steady", STEADY)):
            for level in levels:
                cells = []
                for below in (None, *SETTINGS.values()):
                    mix = Mixer(shared / "data" / "noise", noises, level, below)
                    cells.append(cell(score(RecipeModel(recipe, degrade=mix))))
                print(f"| {name} | {kind} | {level:g} dB | {' | '.join(cells)} |", flush=True)


def voice(shared: Path) -> None:
    """Area under the curve of speech probabilities against the clean call's silver turns."""
    from sklearn.metrics import roc_auc_score

    print(heading("Noise reduction: voice activity", settings={"figures": "AUC, per cent"}))
    print("| noise | SNR | off | " + " | ".join(SETTINGS) + " |")
    print("|---|---|---|" + "---|" * len(SETTINGS))
    sides = list(call_sides(shared))
    for kind, noises in (("voices, traffic", NOISES), ("steady", STEADY)):
        for level in LEVELS_DB:
            cells = []
            for below in (None, *SETTINGS.values()):
                mix = Mixer(shared / "data" / "noise", noises, level, below)
                truth, found = [], []
                for name, sound, spoken in sides:
                    found.append(probabilities(mix(sound, name)[None])[0][: len(spoken)])
                    truth.append(spoken)
                area = roc_auc_score(np.concatenate(truth), np.concatenate(found))
                cells.append(f"{100 * area:.1f}")
            print(f"| {kind} | {level} dB | {' | '.join(cells)} |", flush=True)


def call_sides(shared: Path, *, seconds: int = 60) -> list[tuple[str, FloatArray, np.ndarray]]:
    """The first minute of each side of each call, with the chunks that are speech."""
    sides = []
    for call in CALLS:
        turns = read_turns(shared / "data" / "calls" / f"{call}.silver.rttm")
        names = sorted({turn[0] for turn in turns}, key=SPEAKERS.index)
        waveform = load(shared / "data" / "calls" / f"{call}.flac")[:, : seconds * SAMPLING_RATE]
        for name, sound in zip(names, waveform, strict=True):
            middle = (np.arange(len(sound) // CHUNK) + 0.5) * CHUNK / SAMPLING_RATE
            own = [(start, end) for speaker, start, end in turns if speaker == name]
            spoken = np.any([(middle >= start) & (middle < end) for start, end in own], axis=0)
            sides.append((f"{call} {name}", sound, spoken))
    return sides


def speed(_shared: Path) -> None:
    """CPU time a second of audio, live and as a file."""
    print(heading("Noise reduction: speed", settings={"figures": "fastest of 3"}))
    print("| what | CPU ms a second of one channel |\n|---|---|")
    for rate in (8000, 16000):
        sound = (0.01 * np.random.default_rng(0).standard_normal((1, 20 * rate))).astype(np.float32)
        for name, step in (("a file", 20 * rate), ("live, every 20 ms", rate // 50)):
            spent = []
            for _ in range(3):
                start = time.process_time()
                denoiser = Denoiser(sampling_rate=rate, channels=1)
                for first in range(0, sound.shape[1], step):
                    denoiser.push(sound[:, first : first + step])
                spent.append(time.process_time() - start)
            print(f"| {name} at {rate} Hz | {1e3 * min(spent) / 20:.1f} |")


def main() -> None:
    """Print the tables asked for; all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", help="recall, voice, speed")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--recipe", type=Path, default=Path("recipes/small-research.yaml"))
    parser.add_argument("--levels", nargs="+", type=float, default=LEVELS_DB, help="dB, of recall")
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS, choices=PROTOCOLS)
    options = parser.parse_args()
    tables = options.tables or ["speed", "voice", "recall"]
    if "speed" in tables:
        speed(options.shared)
    if "voice" in tables:
        voice(options.shared)
    if "recall" in tables:
        recall(
            options.shared,
            options.recipe,
            levels=options.levels,
            protocols=options.protocols,
        )


if __name__ == "__main__":
    main()
