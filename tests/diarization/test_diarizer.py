"""The whole way, offline and online, on real networks; and that cuts in the audio do not show."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voices import conversation

from tonfall.audio import resample
from tonfall.diarization import (
    Attribution,
    Diarizer,
    OnlineSpeakers,
    SpeakerModel,
    SpeakerSettings,
)
from tonfall.diarization.offline import attribute_speech
from tonfall.diarization.track import VoiceWindowTrack
from tonfall.diarization.voices import VoiceWindows
from tonfall.vad import CHUNK, Job, VoiceModel, VoiceSettings


@pytest.fixture(scope="module")
def model() -> SpeakerModel:
    return SpeakerModel.load()


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return conversation()


MADE_UP = SpeakerSettings(joined=0.93, same_of_two=0.93)
MADE_UP_LIVE = replace(SpeakerSettings.live(), joined=0.93, same_of_two=0.93)
"""Made-up voices are far more alike to the network than those of people."""


def truth_of(sound: np.ndarray) -> np.ndarray:
    """The speaker of each chunk of :func:`conversation`."""
    middles = (np.arange(len(sound) // CHUNK) + 0.5) * CHUNK / 16_000
    return (middles // 5.6 % 2).astype(int)


def spoken_of(sound: np.ndarray) -> np.ndarray:
    """Certain speech but in the pauses: voice activity does not take made-up voices for speech."""
    middles = (np.arange(len(sound) // CHUNK) + 0.5) * CHUNK / 16_000
    return (middles % 5.6 < 5).astype(np.float32)


def pieces(sound: np.ndarray, cuts: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Samples and the probabilities of the chunks that they complete."""
    spoken = spoken_of(sound)
    edges = [0, *sorted(cuts), len(sound)]
    for start, end in pairwise(edges):
        yield sound[start:end], spoken[start // CHUNK : end // CHUNK]


def heard_offline(sound: np.ndarray, model: SpeakerModel, cuts: list[int]) -> Attribution:
    track, windows = VoiceWindowTrack(VoiceSettings()), VoiceWindows()
    for samples, speech in pieces(sound, cuts):
        model.score(track.push(samples, speech))
    model.score(track.close())
    for window in track.take():
        windows.add(window)
    return attribute_speech(windows, spoken_of(sound) > 0, settings=MADE_UP)


def heard_online(sound: np.ndarray, model: SpeakerModel, cuts: list[int]) -> Attribution:
    speakers, parts = (
        OnlineSpeakers(MADE_UP_LIVE).start(),
        [],
    )
    for samples, speech in pieces(sound, cuts):
        model.score(speakers.push(samples, speech))
        parts.append(speakers.take())
    model.score(speakers.close())
    parts.append(speakers.take(last=True))
    return Attribution(
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        parts[-1].speakers,
    )


def test_two_voices_are_told_apart_offline(sound: np.ndarray, model: SpeakerModel):
    found = heard_offline(sound, model, [])
    spoken = spoken_of(sound) > 0
    assert found.speakers == 2
    assert (found.owners != truth_of(sound))[spoken].mean() < 0.05


def test_two_voices_are_told_apart_online(sound: np.ndarray, model: SpeakerModel):
    """The second voice is known for certain once a few seconds of it were heard."""
    found = heard_online(sound, model, [])
    spoken = spoken_of(sound) > 0
    spoken[: round(11.2 * 16_000 / CHUNK)] = False
    assert (found.owners != truth_of(sound))[spoken].mean() < 0.2


@given(cuts=st.lists(st.integers(1, 20 * 16_000), max_size=8))
@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.slow
def test_cuts_do_not_show(sound: np.ndarray, model: SpeakerModel, cuts: list[int]):
    part = sound[: 20 * 16_000]
    for hear in (heard_offline, heard_online):
        whole, cut = hear(part, model, []), hear(part, model, cuts)
        np.testing.assert_array_equal(whole.owners, cut.owners)
        np.testing.assert_array_equal(whole.confidence, cut.confidence)


def test_small_packets_give_the_same_as_one_block(sound: np.ndarray, model: SpeakerModel):
    part = sound[: 8 * 16_000]
    packets = list(range(3200, len(part), 3200))
    for hear in (heard_offline, heard_online):
        whole, cut = hear(part, model, []), hear(part, model, packets)
        np.testing.assert_array_equal(whole.owners, cut.owners)
        np.testing.assert_array_equal(whole.confidence, cut.confidence)


def test_online_decides_within_a_second_and_a_half(sound: np.ndarray, model: SpeakerModel):
    speakers, decided, heard = (
        OnlineSpeakers(MADE_UP_LIVE).start(),
        0,
        0,
    )
    for samples, speech in pieces(sound, list(range(CHUNK, len(sound), CHUNK))):
        model.score(speakers.push(samples, speech))
        heard += len(speech)
        decided += len(speakers.take().owners)
        assert heard - decided <= 47


FAINT = VoiceSettings(onset=0.15, offset=0.1)


class FaintlyHeard(VoiceModel):
    """Takes the made-up voices for speech with a probability of a fifth, whatever they say."""

    def __init__(self, sound: np.ndarray) -> None:
        self.speech = 0.2 * spoken_of(sound)

    def score(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            count = len(job.windows)
            job.deliver(self.speech[:count], job.state)
            self.speech = self.speech[count:]


@pytest.mark.parametrize(("settings", "speakers"), [(FAINT, 2), (None, 1)])
def test_what_counts_as_speech_offline_is_as_set(
    sound: np.ndarray, model: SpeakerModel, settings: VoiceSettings | None, speakers: int
):
    whole = sound[: len(sound) // CHUNK * CHUNK]
    diarizer = Diarizer(
        voice_model=FaintlyHeard(whole),
        speaker_model=model,
        settings=MADE_UP,
        voice_settings=settings,
    )
    diarizer.push(whole)
    assert diarizer.close().speakers == speakers


@pytest.mark.parametrize(("settings", "owners"), [(FAINT, {0, 1}), (None, {0})])
def test_what_counts_as_speech_online_is_as_set(
    sound: np.ndarray, model: SpeakerModel, settings: VoiceSettings | None, owners: set[int]
):
    run = OnlineSpeakers(MADE_UP_LIVE).start(settings)
    model.score(run.push(sound, 0.2 * spoken_of(sound)))
    assert set(run.take().owners.tolist()) == owners


def test_a_diarizer_hears_the_example_as_two_speakers():
    samples, rate = soundfile.read(
        Path(__file__).parents[2] / "examples" / "call.wav", dtype="float32", always_2d=True
    )
    mono = resample(np.ascontiguousarray(samples.T), source_rate=rate).mean(axis=0)
    diarizer = Diarizer()
    diarizer.push(mono)
    found = diarizer.close()
    assert found.speakers == 2
    assert len(found.owners) == len(diarizer.speech) == -(-len(mono) // CHUNK)


def test_silence_is_one_speaker_who_says_nothing():
    diarizer = Diarizer()
    diarizer.push(np.zeros(32000, np.float32))
    assert diarizer.close().speakers == 1


@pytest.mark.slow
@pytest.mark.parametrize("call", ["auto_repairs_40", "genesys_connector_test"])
def test_the_sides_of_real_calls_mixed_to_mono_are_told_apart(shared: Path, call: str):
    folder = shared / "data" / "calls"
    samples, rate = soundfile.read(folder / f"{call}.flac", dtype="float32")
    mono = np.ascontiguousarray(samples.mean(axis=1)[None])
    diarizer = Diarizer()
    diarizer.push(resample(mono, source_rate=rate)[0])
    found = diarizer.close()
    sides: dict[str, np.ndarray] = {}
    for line in (folder / f"{call}.silver.rttm").read_text().splitlines():
        fields = line.split()
        start, length = float(fields[3]), float(fields[4])
        own = sides.setdefault(fields[7], np.zeros(len(found.owners), bool))
        own[int(start * 31.25) + 8 : int((start + length) * 31.25) - 8] = True
    first, second = sides.values()
    alone = [(side & ~other) for side, other in ((first, second), (second, first))]
    owners = [np.bincount(found.owners[each], minlength=2) for each in alone]
    right = max(owners[0][0] + owners[1][1], owners[0][1] + owners[1][0])
    assert found.speakers == 2
    assert right / sum(each.sum() for each in alone) > 0.97
