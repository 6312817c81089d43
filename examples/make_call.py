"""Makes examples/call.wav: a telephone call composed of clips of two actors of CREMA-D.

Run it with Tonfall installed, on a folder of CREMA-D (Cao et al., 2014; ODbL 1.0) as it was
released, which ``tonfall data prepare crema-d FOLDER`` reads too:

    python examples/make_call.py corpora/crema-d

Actors and clips are chosen by the votes of those who heard the voice alone; noisy clips are left
out, and no model is asked. The customer (channel 0) is the actor with the most agreement on both
calm and angry clips, and speaks in order of the listeners' votes for anger; the agent (channel 1)
is the actor of the other sex with the most agreement on neutral clips. Like a real call it is
8 kHz mu-law, limited to the telephone band, with comfort noise; each side has a faint echo of the
other, and both talk at once where tempers rise. What is said makes no dialogue: the corpus has
twelve sentences that mean nothing in particular.

Beside it, call.rttm says who speaks when, and call.csv which clip it is and what listeners heard.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.signal
import soundfile

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.corpora import prepare

SEED = 2026
SAMPLING_RATE = 8_000
BAND_HZ = (300, 3_400)
CALM_DB = -26.0
"""Root-mean-square level of each actor's neutral clips; the others keep their distance to it."""
SOFTEST_DB = CALM_DB - 4
"""Softer clips are lifted to this level, as a telephone's gain control does."""
NOISE_DB = -62.0
ECHO_DB = -35.0
ECHO_SECONDS = 0.12
QUIET_DB = -20.0
"""Below a clip's loudest 0.1 s; quieter than this, before and after the words, is no speech."""
CLEAN_DB = 22.0
"""A clip's loudest 0.1 s has to be so far above its quietest tenth."""

AGREED = 0.8
"""Part of the listeners that has to agree on a clip for it to count as calm or as angry."""
DOUBTED = (0.35, 0.65)
"""Part that heard anger in the clips between the two."""
CALM_CLIPS, DOUBTED_CLIPS, ANGRY_CLIPS, AGENT_CLIPS = 5, 3, 8, 16
# Silent, or the same sound under two labels.
LEFT_OUT = {
    "1006_TIE_HAP_XX",
    "1006_TIE_NEU_XX",
    "1013_WSI_DIS_XX",
    "1013_WSI_SAD_XX",
    "1017_IWW_ANG_XX",
    "1017_IWW_FEA_XX",
    "1076_MTI_SAD_XX",
}


class Side(IntEnum):
    """Who speaks: the channel of the recording."""

    CUSTOMER = 0
    AGENT = 1


@dataclass(frozen=True)
class Turn:
    """How many clips a side says in one go, and when.

    Attributes:
        pause: seconds after the end of the turn before; below 0, both talk at once.
    """

    side: Side
    clips: int
    pause: float


CALL: Sequence[Turn] = (
    Turn(Side.AGENT, 2, 0.8),
    Turn(Side.CUSTOMER, 3, 0.7),
    Turn(Side.AGENT, 3, 0.8),
    Turn(Side.CUSTOMER, 2, 0.9),
    Turn(Side.AGENT, 3, 0.6),
    Turn(Side.CUSTOMER, 3, 0.7),
    Turn(Side.AGENT, 2, 0.8),
    Turn(Side.CUSTOMER, 2, -0.6),
    Turn(Side.AGENT, 2, 0.7),
    Turn(Side.CUSTOMER, 3, -0.4),
    Turn(Side.AGENT, 2, 0.8),
    Turn(Side.CUSTOMER, 3, -0.5),
    Turn(Side.AGENT, 2, 1.0),
)


@dataclass(frozen=True)
class Placed:
    """A clip and where it begins.

    Attributes:
        row: the clip's row of the corpus's manifest.
        start: its first sample in the call.
        speech: (samples,) float32 at 8 kHz.
    """

    row: pd.Series
    side: Side
    turn: int
    start: int
    speech: FloatArray

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + len(self.speech)


def heard_clips(corpus: Path) -> pd.DataFrame:
    """The corpus's manifest with the parts of the listeners who heard anger and no emotion."""
    manifest, _ = prepare("crema-d", corpus, partial=True)
    clips = manifest.frame[~manifest.frame["item"].isin(LEFT_OUT)]
    clips = clips.dropna(subset=["file", "votes"]).sort_values("item")
    totals = clips["votes"].map(lambda votes: sum(votes.values()))
    for name in ("anger", "neutral"):
        clips[name] = clips["votes"].map(lambda votes, name=name: votes.get(name, 0.0)) / totals
    clips["path"] = [manifest.root / file for file in clips["file"]]
    return clips


def choose(clips: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The customer's clips, by rising anger, and the agent's."""
    customer = most_agreed(customer_clips, clips, CALM_CLIPS + DOUBTED_CLIPS + ANGRY_CLIPS)
    others = clips[clips["sex"] != customer["sex"].iloc[0]]
    return customer, most_agreed(agent_clips, others, AGENT_CLIPS)


def most_agreed(
    choice: Callable[[pd.DataFrame], pd.DataFrame], clips: pd.DataFrame, count: int
) -> pd.DataFrame:
    """The choice, for the actor with enough clean clips whose clips listeners agree on most."""
    actors = [rows for _, rows in clips.groupby("speaker") if len(choice(rows)) == count]
    for rows in sorted(actors, key=lambda rows: agreement(choice(rows)), reverse=True):
        chosen = choice(rows[rows["path"].map(is_clean)])
        if len(chosen) == count:
            return chosen
    raise SystemExit("No actor has enough clips; is this the whole of CREMA-D?")


def is_clean(path: Path) -> bool:
    """True where the words stand well above the noise of the clip."""
    powers = loudness(telephone_band(at_8_khz(path)))
    quiet = np.percentile(powers, 10)
    return bool(10 * np.log10(powers.max() / max(quiet, 1e-12)) >= CLEAN_DB)


def customer_clips(rows: pd.DataFrame) -> pd.DataFrame:
    """An actor's calm, doubted and angry clips; each sentence at most once calm, once angry."""
    calm = best(rows[rows["neutral"] >= AGREED], "neutral").head(CALM_CLIPS)
    doubted = best(rows[rows["anger"].between(*DOUBTED)], "anger").head(DOUBTED_CLIPS)
    angry = best(rows[rows["anger"] >= AGREED], "anger").head(ANGRY_CLIPS)
    return pd.concat([calm, doubted, angry]).sort_values(["anger", "item"])


def agent_clips(rows: pd.DataFrame) -> pd.DataFrame:
    """An actor's calm clips: the best of each sentence, then the second best."""
    calm = rows[rows["neutral"] >= AGREED]
    first = best(calm, "neutral")
    second = best(calm.drop(first.index), "neutral")
    return pd.concat([first, second]).head(AGENT_CLIPS)


def best(rows: pd.DataFrame, emotion: str) -> pd.DataFrame:
    """The clip with the most votes of each sentence, the most votes first."""
    ranked = rows.sort_values([emotion, "item"], ascending=[False, True])
    return ranked.drop_duplicates("sentence")


def agreement(rows: pd.DataFrame) -> float:
    """How far listeners agree that these clips are neutral or angry."""
    return float(rows[["neutral", "anger"]].max(axis=1).mean())


def speech_of(rows: pd.DataFrame) -> list[FloatArray]:
    """Each clip as (samples,) float32 at 8 kHz, without the quiet around it."""
    voices = [trim(telephone_band(at_8_khz(path))) for path in rows["path"]]
    calm = [level(voice) for voice, part in zip(voices, rows["neutral"], strict=True) if part > 0.5]
    gain = from_db(CALM_DB - float(np.mean(calm)))
    lifts = [from_db(max(SOFTEST_DB - level(gain * voice), 0)) for voice in voices]
    return [np.tanh(gain * lift * voice) for voice, lift in zip(voices, lifts, strict=True)]


def at_8_khz(path: Path) -> FloatArray:
    """A clip as (samples,) float32."""
    waveform, source_rate = read(path)
    return resample(waveform, source_rate=source_rate, target_rate=SAMPLING_RATE)[0]


def telephone_band(waveform: FloatArray) -> FloatArray:
    """What a telephone line lets through of a waveform at 8 kHz."""
    filters = scipy.signal.butter(4, BAND_HZ, "bandpass", fs=SAMPLING_RATE, output="sos")
    passed: FloatArray = scipy.signal.sosfilt(filters, waveform).astype(np.float32)
    return passed


def trim(speech: FloatArray) -> FloatArray:
    """Without the quiet before and after the words, faded in and out over 20 ms."""
    powers, window = loudness(speech), SAMPLING_RATE // 50
    loud = np.flatnonzero(powers > powers.max() * from_db(2 * QUIET_DB))
    words = speech[loud[0] * window : (loud[-1] + 5) * window].copy()
    fade = np.linspace(0, 1, window, dtype=np.float32)
    words[:window] *= fade
    words[-window:] *= fade[::-1]
    return words


def loudness(speech: FloatArray) -> FloatArray:
    """Mean power of each 0.1 s, every 20 ms."""
    window = SAMPLING_RATE // 50
    short = np.square(speech[: len(speech) // window * window]).reshape(-1, window).mean(axis=1)
    mean: FloatArray = np.convolve(short, np.full(5, 0.2, np.float32), "valid")
    return mean


def level(speech: FloatArray) -> float:
    """Root-mean-square level in dB."""
    return float(10 * np.log10(np.mean(speech**2)))


def place(customer: pd.DataFrame, agent: pd.DataFrame, *, rng: np.random.Generator) -> list[Placed]:
    """Every clip in its turn; within a turn, 0.2 to 0.6 s lie between two clips."""
    waiting = {
        side: iter(list(zip(rows.iloc, speech_of(rows), strict=True)))
        for side, rows in ((Side.CUSTOMER, customer), (Side.AGENT, agent))
    }
    placed: list[Placed] = []
    end = 0
    for number, turn in enumerate(CALL):
        for clip in range(turn.clips):
            pause = rng.uniform(0.2, 0.6) if clip else turn.pause
            row, speech = next(waiting[turn.side])
            start = end + round(pause * SAMPLING_RATE)
            placed.append(Placed(row, turn.side, number, start, speech))
            end = placed[-1].end
    return placed


def mix(placed: Sequence[Placed], *, rng: np.random.Generator) -> FloatArray:
    """The call as a (2, samples) waveform: speech, its echo on the other side, noise."""
    samples = max(clip.end for clip in placed) + SAMPLING_RATE
    waveform = np.zeros((len(Side), samples), np.float32)
    for clip in placed:
        waveform[clip.side, clip.start : clip.end] += clip.speech
    echo = np.roll(waveform[::-1], round(ECHO_SECONDS * SAMPLING_RATE), axis=1)
    noise = telephone_band(rng.standard_normal(waveform.shape).astype(np.float32))
    call: FloatArray = waveform + from_db(ECHO_DB) * echo + from_db(NOISE_DB) * noise
    return call.clip(-1, 1)


def from_db(level_db: float) -> np.float32:
    """The factor that a level stands for."""
    return np.float32(10 ** (level_db / 20))


def rttm(placed: Iterable[Placed], *, name: str) -> str:
    """Who speaks when, a line a turn, in NIST's format; the channel counts from 1."""
    lines = []
    for _, clips in groupby(placed, key=lambda clip: clip.turn):
        first, *_, last = 2 * list(clips)
        start, seconds = first.start / SAMPLING_RATE, (last.end - first.start) / SAMPLING_RATE
        who = f"{first.side.name.lower()} <NA> <NA>"
        lines.append(f"SPEAKER {name} {first.side + 1} {start:.3f} {seconds:.3f} <NA> <NA> {who}\n")
    return "".join(lines)


def table(placed: Iterable[Placed]) -> str:
    """Every clip with its place and its votes, as CSV."""
    emotions = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["start", "end", "channel", "clip", "text", *emotions])
    for clip in placed:
        times = [f"{sample / SAMPLING_RATE:.3f}" for sample in (clip.start, clip.end)]
        votes = [int(clip.row["votes"].get(name, 0)) for name in emotions]
        writer.writerow([*times, int(clip.side), clip.row["item"], clip.row["text"], *votes])
    return text.getvalue()


def main() -> None:
    """Write the call, its turns and its clips."""
    parser = argparse.ArgumentParser(description="Compose a telephone call of clips of CREMA-D.")
    here = Path(__file__).resolve().parent
    parser.add_argument("corpus", type=Path, help="folder of CREMA-D")
    parser.add_argument("--output", type=Path, default=here / "call.wav", help="WAV file to write")
    options = parser.parse_args()
    path: Path = options.output
    rng = np.random.default_rng(SEED)
    customer, agent = choose(heard_clips(options.corpus))
    placed = place(customer, agent, rng=rng)
    call = mix(placed, rng=rng)
    soundfile.write(path, call.T, SAMPLING_RATE, subtype="ULAW")
    path.with_suffix(".rttm").write_text(rttm(placed, name=path.stem))
    path.with_suffix(".csv").write_text(table(placed))
    print(f"{path}: {call.shape[1] / SAMPLING_RATE:.1f} s, {len(placed)} clips, {len(CALL)} turns")


if __name__ == "__main__":
    main()
