"""MSP-Podcast: turns of podcasts, judged by crowd workers (Lotfian & Busso, 2019).

Layout: ``Audios/<turn>.wav``, ``Labels/labels_consensus.csv`` (``labels_concensus.csv`` in older
releases), ``Labels/labels.txt`` with every
worker's answer, and ``Transcripts/<turn>.txt``. Releases differ in size, so none is expected.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, audio_files
from tonfall.corpora.tables import find_table, read_rows, read_text
from tonfall.emotion.maps import MSP_PODCAST_VOTES, canonical
from tonfall.errors import ManifestError

__all__ = ["LOWEST", "TOP", "read"]

LOWEST, TOP = 1.0, 7.0
"""The ends of the release's scale of activation, valence and dominance."""

# Releases 1.6 and 1.8 spell the table's name so.
_TABLES = ("labels_consensus.csv", "labels_concensus.csv")
_COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
# Older releases call the development part Validation.
_SPLITS = {"development": "dev", "validation": "dev"}
_SEXES = {"female": "female", "male": "male"}
_WORKER = re.compile(r"WORKER\w+;\s*([^;]+);")


def read(root: Path) -> Reading:
    """Rows of the turns in ``labels_consensus.csv``; unknown speakers are null."""
    table = find_table(root, *_TABLES)
    if table is None:
        return Reading(())
    recordings = {path.stem: path for path in audio_files(root)}
    votes = _votes(table.with_name("labels.txt"))
    transcripts = {path.stem: path for path in root.rglob("Transcripts/**/*.txt")}
    rows = tuple(_row(said, recordings, votes, transcripts) for said in read_rows(table, _COLUMNS))
    return Reading(rows, _oddities(rows, recordings, votes, table.name))


def _oddities(
    rows: tuple[Row, ...],
    recordings: dict[str, Path],
    votes: dict[str, dict[str, float]],
    table: str,
) -> tuple[str, ...]:
    said = []
    extra = len(recordings.keys() - {row.item for row in rows})
    if extra:
        said.append(f"Recordings without a row in {table}: {extra}.")
    if not votes:
        said.append("labels.txt is not there, so there are no workers' votes.")
    return tuple(said)


def _votes(path: Path) -> dict[str, dict[str, float]]:
    """Primary classes of the workers by turn; empty where the file is missing."""
    if not path.is_file():
        return {}
    votes = {}
    for block in re.split(r"\n\s*\n", read_text(path).replace("\r\n", "\n")):
        turn, _, answers = block.strip().partition("\n")
        counts = Counter(_vote(word, path) for word in _WORKER.findall(answers))
        votes[Path(turn.partition(";")[0]).stem] = {name: float(n) for name, n in counts.items()}
    return votes


def _vote(word: str, path: Path) -> str:
    # A worker's own word follows: "Other-confused".
    name = word.strip().partition("-")[0]
    if name not in MSP_PODCAST_VOTES:
        raise ManifestError(
            f"{path}: a worker's class is {word.strip()!r}, expected one of "
            f"{', '.join(MSP_PODCAST_VOTES)}. Unpack the release again."
        )
    return MSP_PODCAST_VOTES[name]


def _row(
    said: dict[str, str],
    recordings: dict[str, Path],
    votes: dict[str, dict[str, float]],
    transcripts: dict[str, Path],
) -> Row:
    item = Path(said["FileName"]).stem
    split = said["Split_Set"].lower()
    words = transcripts.get(item)
    return Row(
        item=item,
        corpus="msp-podcast",
        file=recordings.get(item),
        speaker=None if said["SpkrID"] in ("Unknown", "") else said["SpkrID"],
        sex=_SEXES.get(said["Gender"].lower()),
        language="en",
        # The podcast: MSP-PODCAST_<podcast>_<turn>.
        session=item.rpartition("_")[0],
        text=read_text(words).strip() if words else None,
        split=_SPLITS.get(split, split),
        label=canonical("msp-podcast", said["EmoClass"]),
        label_original=said["EmoClass"],
        votes=votes.get(item),
        arousal=_unit(said["EmoAct"]),
        valence=_unit(said["EmoVal"]),
        dominance=_unit(said["EmoDom"]),
        acted=False,
    )


def _unit(value: str) -> float | None:
    return (float(value) - LOWEST) / (TOP - LOWEST) if value else None
