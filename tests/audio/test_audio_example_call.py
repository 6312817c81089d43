"""The example call is what its README says, and its script makes it again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.audio import probe, read, rms_db

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CUSTOMER, AGENT = 0, 1


def turns(path: Path) -> list[tuple[int, float, float]]:
    """Channel, start and end in seconds of each turn of an RTTM file."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return [(int(row[2]) - 1, float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def turn_levels(waveform: FloatArray, channel: int) -> list[float]:
    """Level of each turn of a side, in dB."""
    spans = [turn[1:] for turn in turns(EXAMPLES / "call.rttm") if turn[0] == channel]
    pieces = [waveform[[channel], int(8000 * start) : int(8000 * end)] for start, end in spans]
    return [float(rms_db(piece, window=piece.shape[1], hop=1)[0, 0]) for piece in pieces]


def test_it_is_a_short_telephone_recording() -> None:
    path = EXAMPLES / "call.wav"
    info = probe(path)
    assert (info.sampling_rate, info.channels, info.format) == (8000, 2, "WAV/ULAW")
    assert info.seconds is not None
    assert 40 < info.seconds < 55
    assert path.stat().st_size < 1_000_000


def test_the_customer_grows_louder_and_the_agent_does_not() -> None:
    waveform, _ = read(EXAMPLES / "call.wav")
    customer, agent = turn_levels(waveform, CUSTOMER), turn_levels(waveform, AGENT)
    assert min(customer[-2:]) > max(customer[:2]) + 8
    assert max(agent) - min(agent) < 2


def test_the_sides_overlap_and_hear_each_other_faintly() -> None:
    waveform, _ = read(EXAMPLES / "call.wav")
    spans = turns(EXAMPLES / "call.rttm")
    assert sum(after[1] < before[2] for before, after in pairwise(spans)) == 3
    start = int(8000 * spans[0][1])
    lead = waveform[:, start : start + 16000]
    echo = 10 * np.log10(np.mean(lead[CUSTOMER] ** 2) / np.mean(lead[AGENT] ** 2))
    # Comfort noise adds a little to -35 dB.
    assert -36 < echo < -30


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_the_script_makes_the_call_again(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    script = [sys.executable, str(EXAMPLES / "make_call.py"), "--output", str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert "13 turns" in done.stdout
    # Another release of espeak-ng may speak a little otherwise, but says the same.
    again, committed = probe(path), probe(EXAMPLES / "call.wav")
    assert again.seconds == pytest.approx(committed.seconds, abs=3)
    assert len(turns(path.with_suffix(".rttm"))) == 13
