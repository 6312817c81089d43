"""IEMOCAP: ten actors in 151 dialogues, improvised and scripted (Busso et al., 2008).

Layout: ``Session1`` to ``Session5``, each with ``sentences/wav/<dialogue>/<turn>.wav``,
``dialog/EmoEvaluation/<dialogue>.txt``, ``dialog/transcriptions/<dialogue>.txt``,
``dialog/wav/<dialogue>.wav`` and ``dialog/avi/DivX/<dialogue>.avi``.

The speaker is the letter before the turn's number; the letter after the session's number tells
who wore the markers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tonfall.corpora.rows import AUDIO_SUFFIXES, Reading, Row
from tonfall.corpora.tables import read_text
from tonfall.emotion.maps import IEMOCAP_VOTES, canonical
from tonfall.errors import ManifestError

__all__ = ["LOWEST", "TOP", "read", "read_dialogues"]

LOWEST, TOP = 1.0, 5.0
"""The ends of the release's scale of valence, activation and dominance."""

_SEXES = {"F": "female", "M": "male"}
_NUMBER = r"\s*([-\d.]+)\s*"
_SUMMARY = re.compile(
    rf"\[{_NUMBER}-{_NUMBER}\]\s+(Ses\d\d[FM]_\S+_([FM])\d+)\s+(\w+)\s+"
    rf"\[{_NUMBER},{_NUMBER},{_NUMBER}\]"
)
_VOTE = re.compile(r"C-([EFM])\d*:\s*([^()]*)")
_TRANSCRIPT = re.compile(r"(Ses\d\d[FM]_\w+_[FM]\d+) \[[^\]]*\]:\s*(.*)")


@dataclass(frozen=True, slots=True)
class _Turn:
    """One block of an EmoEvaluation file."""

    name: str
    dialogue: str
    start: float
    end: float
    sex: str
    label: str
    valence: float
    activation: float
    dominance: float
    votes: dict[str, float]


def read(root: Path, *, self_reports: bool = True) -> Reading:
    """Rows of the 10,039 turns, each its own file.

    Args:
        root: the folder with the five sessions, or one above.
        self_reports: count the speakers' votes on themselves beside the listeners'. The label and
            the dimensions are the release's own, which never count them.
    """
    rows = [
        _row(turn, session, _turn_file(session, turn), 0.0, None, text)
        for session, turn, text in _turns(root, self_reports)
    ]
    return Reading(tuple(rows))


def read_dialogues(root: Path, *, self_reports: bool = True) -> Reading:
    """Rows of the same turns as stretches of the 151 dialogues' recordings."""
    rows = [
        _row(turn, session, _dialogue_file(session, turn), turn.start, turn.end, text)
        for session, turn, text in _turns(root, self_reports)
    ]
    return Reading(tuple(rows))


def _turns(root: Path, self_reports: bool) -> Iterator[tuple[Path, _Turn, str | None]]:
    """Every turn with its session's folder and transcript."""
    for folder in sorted(root.rglob("EmoEvaluation")):
        session = folder.parent.parent
        for path in sorted(folder.glob("Ses*.txt")):
            texts = _transcripts(folder.parent / "transcriptions" / path.name)
            for turn in _evaluations(path, self_reports):
                yield session, turn, texts.get(turn.name)


def _evaluations(path: Path, self_reports: bool) -> Iterator[_Turn]:
    """The turns of one dialogue, in the file's order."""
    for block in re.split(r"\n\s*\n", read_text(path).replace("\r\n", "\n")):
        match = _SUMMARY.search(block)
        if match is None:
            continue
        start, end, name, sex, label, valence, activation, dominance = match.groups()
        yield _Turn(
            name=name,
            dialogue=path.stem,
            start=float(start),
            end=float(end),
            sex=sex,
            label=label,
            valence=float(valence),
            activation=float(activation),
            dominance=float(dominance),
            votes=_votes(block, path, self_reports),
        )


def _votes(block: str, path: Path, self_reports: bool) -> dict[str, float]:
    """One vote for every class that an annotator ticked, by canonical name."""
    counts: Counter[str] = Counter()
    for annotator, ticked in _VOTE.findall(block):
        if annotator != "E" and not self_reports:
            continue
        counts.update(_vote(word, path) for word in ticked.split(";") if word.strip())
    return {name: float(count) for name, count in counts.items()}


def _vote(word: str, path: Path) -> str:
    name = word.strip().lower()
    if name not in IEMOCAP_VOTES:
        raise ManifestError(
            f"{path}: an annotator's class is {word.strip()!r}, expected one of "
            f"{', '.join(IEMOCAP_VOTES)}. Unpack the release again."
        )
    return IEMOCAP_VOTES[name]


def _transcripts(path: Path) -> dict[str, str]:
    """Words by turn; empty where the file is missing. Other lines occur and are passed over."""
    if not path.is_file():
        return {}
    matches = map(_TRANSCRIPT.fullmatch, read_text(path).splitlines())
    return {match[1]: match[2].strip() for match in matches if match}


def _turn_file(session: Path, turn: _Turn) -> Path | None:
    return _with_audio_suffix(session / "sentences" / "wav" / turn.dialogue / turn.name)


def _dialogue_file(session: Path, turn: _Turn) -> Path | None:
    return _with_audio_suffix(session / "dialog" / "wav" / turn.dialogue)


def _with_audio_suffix(stem: Path) -> Path | None:
    named = (stem.with_name(stem.name + suffix) for suffix in sorted(AUDIO_SUFFIXES))
    return next((path for path in reversed(list(named)) if path.is_file()), None)


def _video(session: Path, turn: _Turn) -> str | None:
    video = session / "dialog" / "avi" / "DivX" / f"{turn.dialogue}.avi"
    return f"{video}#t={turn.start},{turn.end}" if video.is_file() else None


def _unit(value: float) -> float:
    return min(max((value - LOWEST) / (TOP - LOWEST), 0.0), 1.0)


def _row(
    turn: _Turn,
    session: Path,
    file: Path | None,
    start: float,
    end: float | None,
    text: str | None,
) -> Row:
    return Row(
        item=turn.name,
        corpus="iemocap",
        file=file,
        start=start,
        end=end,
        speaker=turn.name[:5] + turn.sex,
        sex=_SEXES[turn.sex],
        language="en",
        session=turn.name[:5],
        text=text,
        label=canonical("iemocap", turn.label),
        label_original=turn.label,
        votes=turn.votes,
        arousal=_unit(turn.activation),
        valence=_unit(turn.valence),
        dominance=_unit(turn.dominance),
        acted=True,
        video=_video(session, turn),
        dialogue=turn.dialogue,
        turn=(turn.start, turn.end),
    )
