"""Does the trend follow what listeners hear? Calls of one speaker, composed by listeners' votes.

    python -m benchmarks.trend ../shared/data/cremad [--model medium] [--actors 40]

Of each actor of CREMA-D with six clips that at least 80 % of the listeners to the voice heard as
neutral, six more of them, and six that at least 60 % heard as angry, four calls are made: calm,
then angry; angry, then calm; calm throughout; angry throughout. Clips are trimmed, at one gain an
actor, through a telephone band, with pauses of 0.3 s. The even half of the actors is the one that
the definition was chosen on, the odd half the one that is reported.
"""

from __future__ import annotations

import argparse
import runpy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machine import heading
from tonfall.analysis import analyze_blocks
from tonfall.analysis.strip import Cell, strip
from tonfall.analysis.trajectory import trend_of
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo
from tonfall.runtime import Predictor, load

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parent.parent / "examples" / "make_call.py"))
RATE: int = SCRIPT["SAMPLING_RATE"]
PAUSE = np.zeros(int(0.3 * RATE), np.float32)
CLIPS = 6
KINDS: Mapping[str, tuple[str, str]] = {
    "calm, then angry": ("calm", "angry"),
    "angry, then calm": ("angry", "calm"),
    "calm throughout": ("calm", "calmer"),
    "angry throughout": ("angry", "angry"),
}
WANTED = {
    "calm, then angry": "worsening",
    "angry, then calm": "improving",
    "calm throughout": "steady",
    "angry throughout": "steady",
}


def actors(clips: pd.DataFrame) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Each actor with enough clips, and the clips of each half of a call."""
    for actor, rows in clips.groupby("speaker"):
        calm = rows[rows["neutral"] >= 0.8].nlargest(2 * CLIPS, "neutral")
        angry = rows[rows["anger"] >= 0.6].nlargest(CLIPS, "anger")
        if len(calm) == 2 * CLIPS and len(angry) == CLIPS:
            yield str(actor), {"calm": calm[:CLIPS], "calmer": calm[CLIPS:], "angry": angry}


def calls(parts: Mapping[str, pd.DataFrame], rng: np.random.Generator) -> dict[str, FloatArray]:
    """The actor's four calls, (samples,) float32 at 8 kHz."""
    rows = pd.concat(parts.values())
    speech = dict(zip(rows["item"], SCRIPT["speech_of"](rows), strict=True))

    def half(name: str) -> list[FloatArray]:
        items = rng.permutation(parts[name]["item"].to_numpy())
        return [piece for item in items for piece in (speech[item], PAUSE)]

    def call(kind: str) -> FloatArray:
        sound = np.concatenate([piece for name in KINDS[kind] for piece in half(name)])
        noise = rng.standard_normal(len(sound)).astype(np.float32)
        return (sound + SCRIPT["from_db"](SCRIPT["NOISE_DB"]) * noise).clip(-1, 1)

    return {kind: call(kind) for kind in KINDS}


def cells_of(sound: FloatArray, predictor: Predictor) -> tuple[Cell, ...]:
    """What was judged of the call's one speaker."""
    info = AudioInfo("", RATE, 1, None, "made")
    timeline = analyze_blocks([sound[None]], info=info, predictor=predictor).timeline
    return strip(timeline, timeline.speakers[0])


def trends(corpus: Path, predictor: Predictor, count: int) -> pd.DataFrame:
    """Kind, half of the actors and trend of every call; ``cells`` beside them."""
    rng, rows = np.random.default_rng(0), []
    clips = SCRIPT["heard_clips"](corpus)
    for number, (actor, parts) in enumerate(list(actors(clips))[:count]):
        for kind, sound in calls(parts, rng).items():
            cells = cells_of(sound, predictor)
            trend = str(trend_of(cells, predictor.labels))
            half = "reported" if number % 2 else "chosen"
            rows.append((actor, half, kind, trend, cells))
    return pd.DataFrame(rows, columns=["actor", "half", "kind", "trend", "cells"])


def lines(found: pd.DataFrame) -> Iterator[str]:
    """A row a kind of call: how many got which trend."""
    yield "| call | calls | improving | steady | worsening | unknown | as it should be |"
    yield "|---|---|---|---|---|---|---|"
    for kind in KINDS:
        own = found[found["kind"] == kind]["trend"]
        counts = [int((own == name).sum()) for name in _NAMES]
        right = (own == WANTED[kind]).mean()
        yield f"| {kind} | {len(own)} | {' | '.join(map(str, counts))} | {right:.0%} |"


_NAMES: Sequence[str] = ("improving", "steady", "worsening", "unknown")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The trend, on calls composed by votes.")
    parser.add_argument("corpus", type=Path, help="folder of CREMA-D")
    parser.add_argument("--model", default="medium")
    parser.add_argument("--actors", type=int, default=91)
    options = parser.parse_args()
    found = trends(options.corpus, load(options.model), options.actors)
    print(heading(f"Trend, {options.model}"))
    for half, rows in found.groupby("half"):
        print(f"Actors: {rows['actor'].nunique()}, {half}.\n")
        print("\n".join(lines(rows)), "\n")


if __name__ == "__main__":
    main()
