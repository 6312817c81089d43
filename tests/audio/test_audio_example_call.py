"""The example call is what its README says, and its script makes it again."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tonfall.arrays import FloatArray
from tonfall.audio import probe, read, rms_db

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CUSTOMER, AGENT = 0, 1
EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    """Every clip of the call, with the parts of the listeners who heard each emotion."""
    table = pd.read_csv(EXAMPLES / "call.csv")
    table[EMOTIONS] = table[EMOTIONS].div(table[EMOTIONS].sum(axis=1), axis=0)
    return table


def turns(path: Path) -> list[tuple[int, float, float]]:
    """Channel, start and end in seconds of each turn of an RTTM file."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return [(int(row[2]) - 1, float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def clip_levels(waveform: FloatArray, clips: pd.DataFrame) -> list[float]:
    """Level of each clip, in dB."""
    spans = clips[["channel", "start", "end"]].itertuples(index=False)
    pieces = [waveform[[side], int(8000 * start) : int(8000 * end)] for side, start, end in spans]
    return [float(rms_db(piece, window=piece.shape[1], hop=1)[0, 0]) for piece in pieces]


def test_it_is_a_short_telephone_recording() -> None:
    path = EXAMPLES / "call.wav"
    info = probe(path)
    assert (info.sampling_rate, info.channels, info.format) == (8000, 2, "WAV/ULAW")
    assert info.seconds is not None
    assert 60 < info.seconds < 90
    assert path.stat().st_size < 1_300_000


def test_by_listeners_the_agent_is_calm_and_the_customer_turns_angry(clips: pd.DataFrame) -> None:
    customer, agent = (clips[clips["channel"] == side] for side in (CUSTOMER, AGENT))
    assert agent["neutral"].min() >= 0.8
    assert customer["neutral"].iloc[:5].min() >= 0.8
    assert customer["anger"].is_monotonic_increasing
    assert customer["anger"].iloc[5:8].between(0.35, 0.65).all()
    assert customer["anger"].iloc[8:].min() >= 0.8
    assert clips["clip"].is_unique


def test_each_side_is_one_actor_of_the_other_sex(clips: pd.DataFrame) -> None:
    actors = clips["clip"].str.split("_").str[0].groupby(clips["channel"]).unique()
    assert [list(names) for names in actors] == [["1050"], ["1073"]]


def test_the_turns_are_those_of_the_clips(clips: pd.DataFrame) -> None:
    spans = turns(EXAMPLES / "call.rttm")
    held = [
        clips[(clips["channel"] == side) & (clips["start"] >= start) & (clips["end"] <= end + 2e-3)]
        for side, start, end in spans
    ]
    assert sum(map(len, held)) == len(clips)
    for (_, start, end), inside in zip(spans, held, strict=True):
        assert inside["start"].min() == pytest.approx(start, abs=1e-3)
        assert inside["end"].max() == pytest.approx(end, abs=2e-3)


def test_the_customer_grows_louder_and_the_agent_does_not(clips: pd.DataFrame) -> None:
    waveform, _ = read(EXAMPLES / "call.wav")
    levels = np.array(clip_levels(waveform, clips))
    customer, agent = (levels[clips["channel"] == side] for side in (CUSTOMER, AGENT))
    assert customer[8:].mean() > customer[:5].mean() + 6
    assert agent[6:].mean() < agent[:6].mean() + 1


def test_the_sides_overlap_and_hear_each_other_faintly() -> None:
    waveform, _ = read(EXAMPLES / "call.wav")
    spans = turns(EXAMPLES / "call.rttm")
    assert sum(after[1] < before[2] for before, after in pairwise(spans)) == 3
    start = int(8000 * spans[0][1])
    lead = waveform[:, start : start + 16000]
    echo = 10 * np.log10(np.mean(lead[CUSTOMER] ** 2) / np.mean(lead[AGENT] ** 2))
    # Comfort noise adds a little to -35 dB.
    assert -36 < echo < -30


def run_script(corpus: Path, output: Path) -> str:
    script = [sys.executable, str(EXAMPLES / "make_call.py"), str(corpus)]
    done = subprocess.run(
        [*script, "--output", str(output)], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_the_script_makes_the_call_again(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    assert "32 clips, 13 turns" in run_script(shared / "data" / "cremad", path)
    for name in ("call.csv", "call.rttm"):
        assert (tmp_path / name).read_text() == (EXAMPLES / name).read_text()
    # Decoders and filters of other versions may differ in the last bit of mu-law.
    again, committed = read(path)[0], read(EXAMPLES / "call.wav")[0]
    assert np.abs(again - committed).max() < 0.05
    assert np.mean((again - committed) ** 2) < 1e-6


def made_up_corpus(folder: Path) -> Path:
    """Four actors: one who is calm and angry, one of each sex who is calm, one who is nothing."""
    (folder / "AudioWAV").mkdir(parents=True)
    sentences = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
    votes = {
        ("1001", "NEU"): (0, 10), ("1001", "ANG"): (10, 0), ("1001", "SAD"): (5, 5),
        ("1002", "NEU"): (0, 10), ("1002", "ANG"): (4, 6), ("1002", "SAD"): (0, 10),
        ("1003", "NEU"): (1, 9), ("1003", "ANG"): (4, 6), ("1003", "SAD"): (1, 9),
        ("1004", "NEU"): (0, 10), ("1004", "ANG"): (0, 10), ("1004", "SAD"): (0, 10),
    }  # fmt: skip
    rows, rng = [], np.random.default_rng(0)
    for (actor, emotion), (angry, calm) in votes.items():
        for sentence in sentences:
            name = f"{actor}_{sentence}_{emotion}_XX"
            rows.append((100000 + len(rows), angry, 0, 0, 0, calm, 0, name))
            loudness = 0.1 if emotion == "ANG" else 0.02
            sound = np.concatenate([np.zeros(3200), rng.normal(0, loudness, 16000), np.zeros(3200)])
            soundfile.write(folder / "AudioWAV" / f"{name}.wav", sound, 16000)
    columns = ["", "A", "D", "F", "H", "N", "S", "fileName"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "tabulatedVotes.csv", index=False)
    pd.DataFrame({"Filename": [row[-1] for row in rows]}).to_csv(
        folder / "SentenceFilenames.csv", index=False
    )
    people = {"1001": "Male", "1002": "Female", "1003": "Female", "1004": "Male"}
    pd.DataFrame([(actor, 30, sex) for actor, sex in people.items()]).to_csv(
        folder / "VideoDemographics.csv", index=False, header=["ActorID", "Age", "Sex"]
    )
    return folder


def test_the_script_goes_by_the_votes(tmp_path: Path) -> None:
    """Calm and angry is actor 1001 only; of the other sex, listeners agree most on 1002."""
    run_script(made_up_corpus(tmp_path / "corpus"), tmp_path / "call.wav")
    clips = pd.read_csv(tmp_path / "call.csv")
    actors = clips["clip"].str.split("_").str[0].groupby(clips["channel"]).unique()
    assert [list(names) for names in actors] == [["1001"], ["1002"]]
    customer = clips[clips["channel"] == CUSTOMER]
    assert list(customer["anger"]) == 5 * [0] + 3 * [5] + 8 * [10]
    assert clips[clips["channel"] == AGENT]["neutral"].min() == 10
    assert [side for side, _, _ in turns(tmp_path / "call.rttm")] == [1, 0] * 6 + [1]
