"""Clips shorter than a window: whether ``analyze`` judges them, and as well as ``predict``.

    python -m benchmarks.short_clips [--shared ../shared] [--model small] [--clips 100] [--seed 0]

So many clips of each corpus, drawn among those with a label that the model has, and of each the
stretch of 0.4, 0.7, 1 and 2 s in which it is loudest: as it is, and with half a second of silence
on both sides. ``analyze`` hears it as one speaker; its answer is the guess of the longest turn
that is judged. Recall counts a clip without an answer as wrong. The bundled models were trained on
these corpora, so that the two columns can be compared, and neither with a benchmark.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machine import heading
from tonfall.analysis import analyze
from tonfall.arrays import FloatArray
from tonfall.corpora import prepare
from tonfall.corpora.clips import clips_of, read_clip
from tonfall.evaluation.metrics import unweighted_recall
from tonfall.runtime import Predictor, load
from tonfall.timeline import SAMPLING_RATE, Turn

CORPORA = ("emodb", "emovo", "nemo", "ravdess")
LENGTHS_S = (0.4, 0.7, 1.0, 2.0)
PAUSES_S = (0.0, 0.5)
NOTHING = "not judged"


def drawn(shared: Path, labels: tuple[str, ...], count: int, seed: int) -> pd.DataFrame:
    """So many rows of each corpus, with their files' whole paths."""
    parts = []
    for number, corpus in enumerate(CORPORA):
        manifest = prepare(corpus, shared / "data" / corpus)[0]
        rows = manifest.frame.assign(file=[str(path) for path in manifest.paths])
        rows = rows[rows["label"].isin(labels)]
        rng = np.random.default_rng([seed, number])
        parts.append(rows.iloc[rng.permutation(len(rows))[:count]])
    return pd.concat(parts)


def loudest(samples: FloatArray, seconds: float) -> FloatArray | None:
    """(n,) of (samples,) at 16 kHz: the loudest stretch of that length; None of a shorter clip."""
    length = round(seconds * SAMPLING_RATE)
    if len(samples) < length:
        return None
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    start = int((power[length:] - power[:-length]).argmax())
    return samples[start : start + length]


def judged(turns: tuple[Turn, ...]) -> str:
    """The guess of the longest turn that has one."""
    with_guess = [turn for turn in turns if turn.guess is not None]
    if not with_guess:
        return NOTHING
    return str(max(with_guess, key=lambda turn: turn.segment.samples).guess)


def measured(rows: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """Length, truth, both guesses, and what became of the turns, of every stretch."""
    found = []
    for clip, truth in zip(clips_of(rows), rows["label"], strict=True):
        whole = read_clip(clip)
        for seconds in LENGTHS_S:
            cut = loudest(whole, seconds)
            if cut is None:
                continue
            for pause in PAUSES_S:
                sound = np.pad(cut, round(pause * SAMPLING_RATE))
                heard = {"seconds": seconds, "pause": pause, "truth": truth}
                found.append({**heard, **_compared(sound, predictor)})
    return pd.DataFrame(found)


def _compared(sound: FloatArray, predictor: Predictor) -> dict[str, object]:
    turns = analyze(sound, SAMPLING_RATE, model=predictor, speakers=1).timeline.turns
    return {
        "predict": predictor.predict(sound, sampling_rate=SAMPLING_RATE).guess,
        "analyze": judged(turns),
        "silent": not turns,
        "left out": any(turn.guess is None for turn in turns),
        "short": any(turn.short for turn in turns),
    }


def lines(found: pd.DataFrame) -> Iterator[str]:
    """A row a length; recall in per cent, over all clips and over those that both judged."""
    heads = ("no speech found", "a turn not judged", "marked short", "recall `predict`")
    heads += ("recall `analyze`", "where judged: `predict`", "`analyze`")
    yield f"| clip | silence around | clips | {' | '.join(heads)} |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for (pause, seconds), rows in found.groupby(["pause", "seconds"]):
        shares = " | ".join(f"{rows[name].mean():.0%}" for name in ("silent", "left out", "short"))
        both = rows[rows["analyze"] != NOTHING]
        recalls = " | ".join(
            f"{100 * unweighted_recall(list(part['truth']), list(part[name])):.1f}"
            for part in (rows, both)
            for name in ("predict", "analyze")
        )
        yield f"| {seconds} s | {pause} s | {len(rows)} | {shares} | {recalls} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Clips shorter than a window.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="small")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    predictor = load(given.model)
    rows = drawn(given.shared, predictor.labels, given.clips, given.seed)
    facts = {"model": given.model, "seed": given.seed, "clips": f"{given.clips} of each corpus"}
    print(heading("Short clips judged", settings={**facts, "corpora": ", ".join(CORPORA)}))
    print("\n".join(lines(measured(rows, predictor))))


if __name__ == "__main__":
    main()
