"""CREMA-D: 91 actors say twelve sentences, 2,443 listeners judge them (Cao et al., 2014).

Layout: ``AudioWAV/<actor>_<sentence>_<emotion>_<level>.wav`` beside ``VideoDemographics.csv``,
``SentenceFilenames.csv`` and ``processedResults/tabulatedVotes.csv``; the tables may be gzipped.
"""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.corpora.tables import find_table, read_rows
from tonfall.emotion.maps import canonical
from tonfall.errors import ManifestError

__all__ = ["Shown", "listener_votes", "read"]

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(XX|LO|MD|HI)")
_SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
# The release gives the acted level as 20, 50 or 80 of 100 (dispLevel); XX says none.
_INTENSITIES = {"LO": 0.2, "MD": 0.5, "HI": 0.8, "XX": None}
_VOTES = {
    "A": "anger",
    "D": "disgust",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
}


class Shown(IntEnum):
    """What listeners were given; the first digit of a row's number in the table of votes."""

    VOICE = 1
    FACE = 2
    BOTH = 3


def read(root: Path) -> Reading:
    """Rows of the 7,442 clips with the votes of those who heard the voice only."""
    audio = root / "AudioWAV" if (root / "AudioWAV").is_dir() else root
    clips, strays = matched_files(audio, _NAME)
    files = {path.stem: path for path, _ in clips}
    votes = listener_votes(root, Shown.VOICE)
    people = _people(root)
    videos = {path.stem: path for path in (root / "VideoFlash").glob("*.flv")}
    rows = tuple(
        _row(item, files.get(item), votes.get(item), people, videos.get(item))
        for item in sorted(files.keys() | _listed(root))
    )
    return Reading(rows, _oddities(bool(votes), bool(people)), strays)


def listener_votes(root: Path, shown: Shown) -> dict[str, dict[str, float]]:
    """Votes of each clip by canonical name, of the listeners who were given ``shown``.

    Empty where the release's ``tabulatedVotes.csv`` is not there.
    """
    table = find_table(root, "tabulatedVotes.csv")
    if table is None:
        return {}
    rows = read_rows(table, ("", "fileName", *_VOTES))
    return {
        row["fileName"]: {_VOTES[code]: float(row[code]) for code in _VOTES if row[code] != "0"}
        for row in rows
        if row[""].startswith(str(int(shown)))
    }


def _listed(root: Path) -> set[str]:
    """Every clip of the release, where its list is there."""
    table = find_table(root, "SentenceFilenames.csv")
    return {row["Filename"] for row in read_rows(table, ("Filename",))} if table else set()


def _people(root: Path) -> dict[str, tuple[str, float]]:
    """Sex and age by actor."""
    table = find_table(root, "VideoDemographics.csv")
    if table is None:
        return {}
    rows = read_rows(table, ("ActorID", "Age", "Sex"))
    return {row["ActorID"]: (row["Sex"].lower(), float(row["Age"])) for row in rows}


def _oddities(votes: bool, people: bool) -> tuple[str, ...]:
    said = []
    if not votes:
        said.append("tabulatedVotes.csv is not there, so there are no listeners' votes.")
    if not people:
        said.append("VideoDemographics.csv is not there, so sex and age are unknown.")
    return tuple(said)


def _row(
    item: str,
    file: Path | None,
    votes: dict[str, float] | None,
    people: dict[str, tuple[str, float]],
    video: Path | None,
) -> Row:
    match = _NAME.fullmatch(item)
    if match is None or match[2] not in _SENTENCES:
        raise ManifestError(f"{item!r} is no name of a CREMA-D clip, expected 1001_DFA_ANG_XX.")
    actor, sentence, emotion, level = match.groups()
    sex, age = people.get(actor, (None, None))
    return Row(
        item=item,
        corpus="crema-d",
        file=file,
        speaker=actor,
        sex=sex,
        age=age,
        language="en",
        sentence=sentence,
        text=_SENTENCES[sentence],
        label=canonical("crema-d", emotion),
        label_original=emotion,
        votes=votes,
        intensity=_INTENSITIES[level],
        acted=True,
        video=str(video) if video else None,
    )
