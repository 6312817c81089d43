"""Makes examples/call.wav: a telephone call between two synthetic voices.

Run it from anywhere, with Tonfall installed and espeak-ng on the path (on Debian and
Ubuntu: apt-get install espeak-ng):

    python examples/make_call.py

A customer (channel 0) disputes a bill: calm at first, then annoyed, then angry, which here
means faster, higher, wider in pitch, louder and sharper. An agent (channel 1) stays calm. They
talk over each other where tempers rise. Like a real call it is 8 kHz mu-law, limited to the
telephone band, with comfort noise, and each side has a faint echo of the other.

The same espeak-ng (1.51 made the file here) gives the same call.
Beside it, call.rttm says who speaks when.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import scipy.signal
import soundfile

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample

SAMPLING_RATE = 8_000
BAND_HZ = (300, 3_400)
NOISE_DB = -62.0
ECHO_DB = -35.0
ECHO_SECONDS = 0.12
SPEECH_FLOOR = 0.01
"""Of a line's peak; quieter than this, before and after it, is not speech."""


class Side(IntEnum):
    """Who speaks: the channel of the recording."""

    CUSTOMER = 0
    AGENT = 1


VOICES: Mapping[Side, str] = {Side.CUSTOMER: "en-us+m3", Side.AGENT: "en-us+f2"}


@dataclass(frozen=True)
class Mood:
    """How a line is said.

    Attributes:
        speed: words a minute.
        pitch: espeak-ng's, from 0 to 99.
        pitch_range: how far the melody moves, as SSML says it.
        level_db: root-mean-square over full scale.
        sharpness: in [0, 1]; how much a pressed voice lifts the high frequencies.
    """

    speed: int
    pitch: int
    pitch_range: str
    level_db: float
    sharpness: float


FRIENDLY = Mood(speed=165, pitch=50, pitch_range="+10%", level_db=-25, sharpness=0.0)
CALM = Mood(speed=155, pitch=40, pitch_range="-10%", level_db=-26, sharpness=0.0)
ANNOYED = Mood(speed=180, pitch=62, pitch_range="+30%", level_db=-22, sharpness=0.3)
ANGRY = Mood(speed=200, pitch=86, pitch_range="+70%", level_db=-18, sharpness=0.6)
FURIOUS = Mood(speed=215, pitch=99, pitch_range="+100%", level_db=-15, sharpness=0.9)


@dataclass(frozen=True)
class Line:
    """One thing that is said.

    Attributes:
        pause: seconds after the end of the line before; below 0, both talk at once.
    """

    side: Side
    mood: Mood
    text: str
    pause: float = 0.5


CALL: Sequence[Line] = (
    Line(Side.AGENT, FRIENDLY, "Good morning, customer service, Claire speaking.", pause=0.8),
    Line(Side.CUSTOMER, CALM, "Hello. I am calling about my last bill. It seems too high."),
    Line(Side.AGENT, FRIENDLY, "I see. May I have your customer number, please?"),
    Line(Side.CUSTOMER, CALM, "Yes, of course. It is four, seven, one, nine, two."),
    Line(Side.AGENT, FRIENDLY, "Thank you. One moment. The amount looks correct to me.", pause=0.6),
    Line(Side.CUSTOMER, ANNOYED, "But it cannot be correct. We were away for six weeks."),
    Line(Side.AGENT, FRIENDLY, "The meter was read on the third of May, so that the figure"),
    Line(
        Side.CUSTOMER,
        ANGRY,
        "Nobody read that meter! I have told you people that twice already!",
        pause=-1.1,
    ),
    Line(Side.AGENT, FRIENDLY, "I understand. Let me look at it again for you.", pause=0.4),
    Line(
        Side.CUSTOMER,
        FURIOUS,
        "No! I hear that every single time! I have been waiting for a month!",
        pause=-0.5,
    ),
    Line(Side.AGENT, FRIENDLY, "I am sorry. I will get my supervisor.", pause=0.3),
    Line(
        Side.CUSTOMER,
        FURIOUS,
        "Then do it! Do it now! This is completely unacceptable!",
        pause=-0.3,
    ),
    Line(Side.AGENT, FRIENDLY, "Please stay on the line.", pause=0.7),
)


@dataclass(frozen=True)
class Placed:
    """A line and where it begins; ``speech`` is (samples,) float32 at 8 kHz."""

    line: Line
    start: int
    speech: FloatArray

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + len(self.speech)


def speak(line: Line) -> FloatArray:
    """The line as (samples,) float32 at 8 kHz, from its first sound to its last."""
    mood = line.mood
    ssml = f'<speak><prosody range="{mood.pitch_range}">{escape(line.text)}</prosody></speak>'
    options = ["-m", "-v", VOICES[line.side], "-s", str(mood.speed), "-p", str(mood.pitch)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        subprocess.run(["espeak-ng", *options, "-w", str(path), ssml], check=True)
        waveform, source_rate = read(path)
    sharp = sharpen(waveform, mood.sharpness)
    voice = resample(sharp, source_rate=source_rate, target_rate=SAMPLING_RATE)
    return to_level(trim(telephone_band(voice[0])), mood.level_db)


def sharpen(waveform: FloatArray, sharpness: float) -> FloatArray:
    """Lift the high frequencies by mixing in the waveform's slope."""
    slope = np.diff(waveform, prepend=0)
    mixed: FloatArray = waveform + np.float32(4 * sharpness) * slope
    return mixed


def telephone_band(waveform: FloatArray) -> FloatArray:
    """What a telephone line lets through of a waveform at 8 kHz."""
    filters = scipy.signal.butter(4, BAND_HZ, "bandpass", fs=SAMPLING_RATE, output="sos")
    passed: FloatArray = scipy.signal.sosfilt(filters, waveform).astype(np.float32)
    return passed


def trim(speech: FloatArray) -> FloatArray:
    """Without the quiet before and after."""
    loud = np.flatnonzero(np.abs(speech) > SPEECH_FLOOR * np.abs(speech).max())
    return speech[loud[0] : loud[-1] + 1]


def to_level(speech: FloatArray, level_db: float) -> FloatArray:
    """Scaled to this level; peaks are rounded off below full scale, as a line does."""
    gain = from_db(level_db) / np.sqrt(np.mean(speech**2))
    limited: FloatArray = np.tanh(gain * speech)
    return limited


def place(lines: Sequence[Line]) -> list[Placed]:
    """Every line after the one before it."""
    placed: list[Placed] = []
    end = 0
    for line in lines:
        placed.append(Placed(line, end + round(line.pause * SAMPLING_RATE), speak(line)))
        end = placed[-1].end
    return placed


def mix(placed: Sequence[Placed], *, rng: np.random.Generator) -> FloatArray:
    """The call as a (2, samples) waveform: speech, its echo on the other side, noise."""
    samples = max(turn.end for turn in placed) + SAMPLING_RATE
    waveform = np.zeros((len(Side), samples), np.float32)
    for turn in placed:
        waveform[turn.line.side, turn.start : turn.end] += turn.speech
    echo = np.roll(waveform[::-1], round(ECHO_SECONDS * SAMPLING_RATE), axis=1)
    noise = telephone_band(rng.standard_normal(waveform.shape).astype(np.float32))
    call: FloatArray = waveform + from_db(ECHO_DB) * echo + from_db(NOISE_DB) * noise
    return call.clip(-1, 1)


def from_db(level_db: float) -> np.float32:
    """The factor that a level stands for."""
    return np.float32(10 ** (level_db / 20))


def rttm(placed: Sequence[Placed], *, name: str) -> str:
    """Who speaks when, a line a turn, in NIST's format; the channel counts from 1."""
    lines = []
    for turn in placed:
        side, seconds = turn.line.side, len(turn.speech) / SAMPLING_RATE
        time = f"{turn.start / SAMPLING_RATE:.3f} {seconds:.3f}"
        lines.append(f"SPEAKER {name} {side + 1} {time} <NA> <NA> {side.name.lower()} <NA> <NA>\n")
    return "".join(lines)


def main() -> None:
    """Write the call and its turns."""
    parser = argparse.ArgumentParser(description="Make a synthetic telephone call.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--output", type=Path, default=here / "call.wav", help="WAV file to write")
    path: Path = parser.parse_args().output
    if shutil.which("espeak-ng") is None:
        sys.exit("espeak-ng is not installed; on Debian and Ubuntu: apt-get install espeak-ng")
    placed = place(CALL)
    call = mix(placed, rng=np.random.default_rng(2026))
    soundfile.write(path, call.T, SAMPLING_RATE, subtype="ULAW")
    path.with_suffix(".rttm").write_text(rttm(placed, name=path.stem))
    print(f"{path}: {call.shape[1] / SAMPLING_RATE:.1f} s, {len(placed)} turns")


if __name__ == "__main__":
    main()
