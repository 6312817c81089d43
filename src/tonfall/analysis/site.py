"""The recordings of a site, heard for what its voices sound like on average."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy.typing as npt

from tonfall.analysis.opening import Listening, Opened, opened, together
from tonfall.audio import as_recording, printable
from tonfall.errors import AudioError, ConfigError
from tonfall.runtime import Baseline, Predictor
from tonfall.streaming import Engine, Scorer

__all__ = ["HeardRecording", "files_in", "hear_recordings", "hear_voices"]


@dataclass(frozen=True, slots=True)
class HeardRecording:
    """A recording of a site.

    Attributes:
        file: its path, as it can be printed.
        voices: what was learnt of each that spoke; none where it was left out.
        problem: why it was left out, in a sentence; empty where it was heard.
    """

    file: str
    voices: tuple[Baseline, ...] = ()
    problem: str = ""


def files_in(folder: Path) -> list[Path]:
    """Every file in a folder and the folders in it, sorted; hidden ones are passed over.

    Raises:
        AudioError: no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise AudioError(f"{printable(folder)}: no such folder; name the one with the recordings.")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _hidden(path.relative_to(folder))
    ]
    if not found:
        raise AudioError(f"{printable(folder)}: no file is in it; put the recordings there.")
    return found


def hear_recordings(
    files: Iterable[Path], predictor: Predictor, listening: Listening | None = None
) -> Iterator[HeardRecording]:
    """Hear recordings one by one; what cannot be used is told and passed over.

    A file that is there again byte for byte is left out: it is no other voice.

    Args:
        files: paths of recordings, of any format that Tonfall reads.
        predictor: the model whose features are averaged.
        listening: how to listen; each channel, or each speaker of a single one, is a voice.

    Raises:
        BundleError: the model failed, or has no baseline.
    """
    known: dict[str, str] = {}
    for file in files:
        name = printable(file)
        try:
            digest = _digest(file)
            if digest in known:
                yield HeardRecording(name, problem=f"{name}: a copy of {known[digest]}.")
                continue
            known[digest] = name
            voices = hear_voices(file, predictor, listening=listening)
        except (AudioError, ConfigError) as error:
            yield HeardRecording(name, problem=str(error))
            continue
        yield HeardRecording(name, voices, "" if voices else f"{name}: no speech was heard in it.")


def hear_voices(
    source: str | os.PathLike[str] | npt.ArrayLike,
    predictor: Predictor,
    *,
    sampling_rate: int | None = None,
    listening: Listening | None = None,
) -> tuple[Baseline, ...]:
    """What a recording's voices add to a site's prior.

    Windows are judged against the model's prior, not against what their voice sounded like before,
    so that the order of what was said does not matter.

    Args:
        source: path of an audio file, or samples as `tonfall.analyze` takes them.
        predictor: the model.
        sampling_rate: of samples, in Hz; a file has its own.
        listening: how to listen.

    Returns:
        A baseline for each voice that is judged and of which speech was heard. They refuse to be
        stored.

    Raises:
        AudioError: the recording cannot be read.
        BundleError: the model failed, or has no baseline.
        ConfigError: the recording has no such channel as is to be heard.
    """
    predictor.baseline()
    recording = as_recording(source, sampling_rate)
    with opened(recording, listening or Listening()) as ready:
        return _learnt(ready, predictor, listening or Listening())


def _learnt(ready: Opened, predictor: Predictor, listening: Listening) -> tuple[Baseline, ...]:
    engine = Engine(
        predictor,
        sampling_rate=ready.info.sampling_rate,
        channels=ready.info.channels,
        scored=ready.scored,
        settings=listening.settings,
        speakers=ready.speakers,
    )
    scorer = Scorer(predictor, from_prior=True)
    for block in together(ready.blocks):
        engine.feed(block)
        scorer.serve([engine])
        engine.take_events()
    engine.close()
    scorer.serve([engine])
    return tuple(voice for voice in engine.baselines if voice and voice.heard > 0)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _digest(file: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        AudioError: it cannot be read.
    """
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(
            f"{printable(file)}: cannot be read ({error.strerror}); check its permissions."
        ) from None
