"""Who speaks when in one channel: errors offline and online, the customer's, and what it costs.

    python -m benchmarks.diarization [--shared ../shared] [--part chosen|reported] [--composed 40]

Recordings: the two-channel calls mixed to mono (silver turns: each channel's activity), each side
alone, the nine meetings and conversations of ``turns`` (human turns), and calls composed of acted
clips of two speakers of one corpus (exact truth; three in four through a telephone, 8 kHz and
mu-law; rooms, levels and pauses by seed). "chosen" are those that settings were chosen on (seeds
0 to 19, every second recording of ``turns``), "reported" the others (seeds 1000 on). The calls are
in both: no other two-channel calls were at hand, and the docs say what that means.

DER is pyannote.metrics' over all recordings of a kind together, overlap included, with a collar of
0.25 s on each side (0.5 in all) and of 0. The customer is the first to speak in a composed call and
the customer's channel in a call; who of the speakers found that is, is taken from the truth.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.machine import heading
from benchmarks.vad import CALLS, Turns, load, read_turns
from tonfall.arrays import FloatArray
from tonfall.audio import decode_mulaw, encode_mulaw
from tonfall.diarization import (
    CUSTOMER_SURE,
    Attribution,
    Diarizer,
    OnlineSpeakers,
    SpeakerModel,
    SpeakerSettings,
)
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import CHUNK, TurnFinder, VoiceModel, VoiceSettings, VoiceTrack, probabilities

CORPORA = ("ravdess", "nemo", "ased", "emodb", "emovo")
ROOMS = (
    "rir_sim_desk_headset",
    "rir_sim_small_office_handsfree",
    "rir_sim_kitchen",
    "rir_audiomentations_0",
    "rir_speechbrain_4",
)
CUSTOMERS = ("customer", "external")
BLOCK = 20 * SAMPLING_RATE
TICK = SAMPLING_RATE // 5


@dataclass(frozen=True)
class Case:
    """A mono recording with its turns."""

    kind: str
    name: str
    sound: FloatArray
    truth: Turns
    customer: str | None = None


# --- recordings ------------------------------------------------------------------------------


def mixed_calls(shared: Path) -> Iterator[Case]:
    """The two sides of each call in one channel."""
    for call in CALLS:
        folder = shared / "data" / "calls"
        truth = read_turns(folder / f"{call}.silver.rttm")
        customer = next(name for name, _, _ in truth if name in CUSTOMERS)
        sound = load(folder / f"{call}.flac").mean(axis=0)
        yield Case("calls mixed to mono", call, sound, truth, customer)


def single_sides(shared: Path) -> Iterator[Case]:
    """Each side of each call alone: one speaker."""
    for call in CALLS:
        folder = shared / "data" / "calls"
        truth = read_turns(folder / f"{call}.silver.rttm")
        names = sorted({turn[0] for turn in truth}, key=lambda name: name not in CUSTOMERS)
        for name, sound in zip(names, load(folder / f"{call}.flac"), strict=True):
            own = [turn for turn in truth if turn[0] == name]
            yield Case("one side of a call alone", f"{call} {name}", sound, own)


def meetings(shared: Path, *, chosen: bool) -> Iterator[Case]:
    """Every second recording of ``turns``."""
    files = sorted((shared / "data" / "turns").glob("*.flac"))
    for file in files[0 if chosen else 1 :: 2]:
        yield Case("turns", file.stem, load(file)[0], read_turns(file.with_suffix(".rttm")))


@lru_cache(maxsize=8)
def clips_of(shared: Path, corpus: str) -> dict[str, list[Path]]:
    """The clips of each speaker."""
    folder, found = shared / "data" / corpus, dict[str, list[Path]]()
    with (folder / "labels.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            found.setdefault(row["speaker"], []).append(folder / row["file"])
    return found


def telephone(sound: FloatArray) -> FloatArray:
    """8 kHz, mu-law, and back."""
    narrow = np.clip(soxr.resample(sound, SAMPLING_RATE, 8000), -1, 1)
    heard = np.asarray(decode_mulaw(encode_mulaw(narrow))).reshape(-1)
    return np.asarray(soxr.resample(heard, 8000, SAMPLING_RATE), np.float32)


def trimmed(sound: FloatArray) -> FloatArray:
    """Without what is no speech at both ends."""
    spoken = np.flatnonzero(probabilities(sound[None])[0] >= 0.4)
    return sound[spoken[0] * CHUNK : (spoken[-1] + 1) * CHUNK] if len(spoken) else sound[:0]


@dataclass
class Caller:
    """One of two speakers of a composed call: clips, level and room."""

    name: str
    clips: list[Path]
    gain: float
    room: FloatArray | None

    def clip(self, rng: np.random.Generator) -> FloatArray:
        """One of the clips, as the line hears it."""
        sound = trimmed(load(self.clips[rng.integers(len(self.clips))])[0])
        if not len(sound):
            return sound
        sound = sound * (0.06 * self.gain / (np.sqrt(np.mean(sound**2)) + 1e-9))
        if self.room is not None:
            sound = np.convolve(sound, self.room)[: len(sound)]
        return sound.astype(np.float32)


def composed(shared: Path, seed: int, *, seconds: float = 120) -> Case:
    """A call of two speakers: each says one to three clips, then the other."""
    rng = np.random.default_rng(seed)
    corpus = CORPORA[seed % len(CORPORA)]
    clips = clips_of(shared, corpus)
    names = [sorted(clips)[k] for k in rng.choice(len(clips), 2, replace=False)]
    callers = [
        _caller(shared, name, clips[name], rng, first=k == 0) for k, name in enumerate(names)
    ]
    sound, truth = np.zeros(int(seconds * SAMPLING_RATE), np.float32), Turns()
    position, who = SAMPLING_RATE // 2, int(rng.integers(2))
    while position < len(sound) - 8 * SAMPLING_RATE:
        for _ in range(int(rng.integers(1, 4))):
            clip = callers[who].clip(rng)[: len(sound) - position]
            sound[position : position + len(clip)] += clip
            start = position / SAMPLING_RATE
            truth.append((names[who], start, start + len(clip) / SAMPLING_RATE))
            position += len(clip) + int(SAMPLING_RATE * max(0.05, rng.normal(0.3, 0.15)))
        position += int(SAMPLING_RATE * rng.choice([0.05, 0.1, 0.3, 0.6, 1.0]))
        who = 1 - who
    noise = 10 ** (-rng.uniform(50, 65) / 20)
    sound = sound + (noise * rng.standard_normal(len(sound))).astype(np.float32)
    heard = telephone(sound) if seed % 4 != 3 else sound
    return Case("composed calls", f"{corpus} {seed}", heard.clip(-1, 1), truth, truth[0][0])


def _caller(
    shared: Path, name: str, clips: list[Path], rng: np.random.Generator, *, first: bool
) -> Caller:
    gain = 1.0 if first else 10 ** (rng.uniform(-8, 8) / 20)
    room = None
    if rng.random() < 0.5:
        file = shared / "data" / "noise" / f"{ROOMS[rng.integers(len(ROOMS))]}.flac"
        room = soundfile.read(file, dtype="float32")[0]
        room = room / np.sqrt(np.sum(room**2))
    return Caller(name, clips, gain, room)


# --- the two ways ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """What was found of a recording."""

    speech: FloatArray
    attribution: Attribution
    cpu_s: float


def offline(case: Case, voice: VoiceModel, model: SpeakerModel) -> Heard:
    """As ``tonfall analyze`` hears a file."""
    start = time.process_time()
    diarizer = Diarizer(voice_model=voice, speaker_model=model)
    for first in range(0, len(case.sound), BLOCK):
        diarizer.push(case.sound[first : first + BLOCK])
    attribution = diarizer.close()
    return Heard(diarizer.speech, attribution, time.process_time() - start)


def online(case: Case, voice: VoiceModel, model: SpeakerModel, *, ordered: bool = False) -> Heard:
    """As a live call is heard, every 200 ms."""
    start = time.process_time()
    track, run = VoiceTrack(), OnlineSpeakers(ordered=ordered).start()
    speech, parts = list[FloatArray](), list[Attribution]()
    for first in range(0, len(case.sound), TICK):
        samples = case.sound[first : first + TICK]
        track.push(samples)
        if first + TICK >= len(case.sound):
            track.close()
        voice.score(track.due())
        speech.append(track.take())
        model.score(run.push(samples, speech[-1]))
        parts.append(run.take())
    model.score(run.close())
    parts.append(run.take(last=True))
    attribution = Attribution(
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        parts[-1].speakers,
    )
    return Heard(np.concatenate(speech), attribution, time.process_time() - start)


def one_speaker(case: Case, voice: VoiceModel, _model: SpeakerModel) -> Heard:
    """Without diarization: everything is one speaker's."""
    start, track = time.process_time(), VoiceTrack()
    track.push(case.sound)
    track.close()
    voice.score(track.due())
    speech = track.take()
    nobody = Attribution(np.zeros(len(speech), np.int8), np.ones(len(speech), np.float32), 1)
    return Heard(speech, nobody, time.process_time() - start)


WAYS: dict[str, Callable[[Case, VoiceModel, SpeakerModel], Heard]] = {
    "offline": offline,
    "online": online,
    "not told apart": one_speaker,
}


# --- figures ---------------------------------------------------------------------------------


def turns_of(heard: Heard, samples: int) -> Turns:
    """Turns of each speaker, as the engine finds them."""
    found = Turns()
    for speaker in range(int(heard.attribution.owners.max(initial=0)) + 1):
        finder = TurnFinder(VoiceSettings())
        own = heard.speech * (heard.attribution.owners == speaker)
        ended = finder.push(own)[1] + finder.close(samples)[1]
        found += [
            (f"S{speaker + 1}", each.start / SAMPLING_RATE, each.end / SAMPLING_RATE)
            for each in ended
        ]
    return found


def error_parts(case: Case, found: Turns, collar: float) -> FloatArray:
    """Seconds of speech, missed, false alarm, confusion (pyannote.metrics)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote import core
        from pyannote.metrics.diarization import DiarizationErrorRate

        both = [core.Annotation(), core.Annotation()]
        for annotation, turns in zip(both, (case.truth, found), strict=True):
            for track, (speaker, start, end) in enumerate(turns):
                annotation[core.Segment(start, end), track] = speaker
        whole = core.Timeline([core.Segment(0, len(case.sound) / SAMPLING_RATE)])
        parts = DiarizationErrorRate(collar=collar)(*both, uem=whole, detailed=True)
    names = ("total", "missed detection", "false alarm", "confusion")
    return np.array([parts[name] for name in names], np.float32)


def customer_chunks(case: Case, heard: Heard, sure: float) -> FloatArray:
    """Chunks judged as the customer's; of those, the other's alone; the customer's, and found."""
    chunks = len(heard.speech)
    middles = (np.arange(chunks) + 0.5) * CHUNK / SAMPLING_RATE
    truth = {name: np.zeros(chunks, np.bool_) for name, _, _ in case.truth}
    for name, start, end in case.truth:
        truth[name] |= (middles >= start) & (middles < end)
    customer = truth.pop(case.customer or "")
    other = np.any(list(truth.values()), axis=0) & ~customer
    spoken = heard.speech >= 0.4
    owners = heard.attribution.owners
    counts = np.bincount(owners[spoken & customer], minlength=4)
    judged = spoken & (owners == counts.argmax()) & (heard.attribution.confidence >= sure)
    return np.array(
        [
            judged.sum(),
            (judged & other).sum(),
            (customer & spoken).sum(),
            (judged & customer).sum(),
        ],
        np.float32,
    )


@dataclass
class Sums:
    """Over all recordings of a kind, one way."""

    parts: dict[float, FloatArray] = field(default_factory=dict)
    customer: dict[float, FloatArray] = field(default_factory=dict)
    cpu_s: float = 0.0
    seconds: float = 0.0
    right_count: int = 0
    count: int = 0

    def add(self, case: Case, heard: Heard) -> None:
        """Take in a recording."""
        found = turns_of(heard, len(case.sound))
        for collar in (0.5, 0.0):
            self.parts[collar] = self.parts.get(collar, 0) + error_parts(case, found, collar)
        if case.customer:
            for sure in SURE:
                own = customer_chunks(case, heard, sure)
                self.customer[sure] = self.customer.get(sure, 0) + own
        self.cpu_s += heard.cpu_s
        self.seconds += len(case.sound) / SAMPLING_RATE
        self.count += 1
        truth, told = {turn[0] for turn in case.truth}, {turn[0] for turn in found}
        self.right_count += len(truth) == len(told)

    def errors(self, collar: float) -> str:
        """DER and its parts, per cent."""
        total, *parts = self.parts[collar]
        return (
            f"{100 * sum(parts) / total:.1f} ({', '.join(f'{100 * p / total:.1f}' for p in parts)})"
        )

    def customers(self, sure: float) -> str:
        """Error and coverage, per cent."""
        if sure not in self.customer:
            return "– | –"
        judged, wrong, own, found = self.customer[sure]
        return f"{100 * wrong / max(judged, 1):.1f} | {100 * found / max(own, 1):.1f}"


SURE = (0.0, 0.6, 0.7, CUSTOMER_SURE, 0.9, 0.95)


def cases_of(shared: Path, *, chosen: bool, count: int) -> Iterator[Case]:
    """All recordings of a part."""
    yield from mixed_calls(shared)
    yield from single_sides(shared)
    yield from meetings(shared, chosen=chosen)
    for number in range(20 if chosen else count):
        yield composed(shared, number if chosen else 1000 + number)


def measure(shared: Path, *, chosen: bool, count: int, each: bool) -> dict[tuple[str, str], Sums]:
    """Every way on every recording."""
    voice, model = VoiceModel.load(), SpeakerModel.load()
    sums: dict[tuple[str, str], Sums] = {}
    for case in cases_of(shared, chosen=chosen, count=count):
        for way, hear in WAYS.items():
            heard = hear(case, voice, model)
            sums.setdefault((case.kind, way), Sums()).add(case, heard)
            if each and way != "not told apart":
                own = Sums()
                own.add(case, heard)
                print(f"| {case.name} | {way} | {own.errors(0.5)} |", flush=True)
    return sums


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--part", choices=("chosen", "reported"), default="reported")
    parser.add_argument("--composed", type=int, default=40, help="composed calls that are reported")
    parser.add_argument("--each", action="store_true", help="print each recording too")
    options = parser.parse_args()
    chosen = options.part == "chosen"
    settings = {"part": options.part, "settings": str(SpeakerSettings())}
    print(heading("Diarization of one channel", settings=settings))
    sums = measure(options.shared, chosen=chosen, count=options.composed, each=options.each)
    print("\nDER in per cent (missed, false alarm, confusion).\n")
    print("| recordings | way | collar 0.25 s a side | collar 0 | right number | CPU ms a second |")
    print("|---|---|---|---|---|---|")
    for (kind, way), own in sums.items():
        number, cost = f"{own.right_count} of {own.count}", 1e3 * own.cpu_s / own.seconds
        cells = (f"{kind}, {own.count}", way, own.errors(0.5), own.errors(0.0), number)
        print(f"| {' | '.join(cells)} | {cost:.1f} |")
    print("\nCustomer attribution error and coverage in per cent, by the confidence asked for.\n")
    print(f"| recordings | way |{'|'.join(f' {sure} error | found ' for sure in SURE)}|")
    print(f"|---|---|{'---|' * (2 * len(SURE))}")
    for (kind, way), own in sums.items():
        if own.customer:
            cells = [own.customers(sure) for sure in SURE]
            print(f"| {kind} | {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
