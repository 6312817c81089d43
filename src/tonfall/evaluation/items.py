"""One table of items out of several manifests, as protocols name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from tonfall.corpora import Manifest
from tonfall.corpora.clips import clips_of
from tonfall.corpora.silence import silent_clips
from tonfall.errors import ProtocolError

__all__ = [
    "SILENT",
    "contradictory",
    "contradictory_note",
    "listed",
    "mark_silent",
    "pool",
    "protocol_items",
    "silent_note",
    "without_silent",
]

SILENT = "silent"
"""Column of pooled rows: True where the clip holds no sound, and so can be neither learnt from
nor judged."""

_NAMED = 10
"""Clips that a note names; reports list all silent ones."""


def pool(manifests: Sequence[Manifest]) -> pd.DataFrame:
    """The rows of all manifests, with ``file`` as a path that can be opened.

    Raises:
        ProtocolError: no manifest, or an item twice in one corpus.
    """
    if not manifests:
        raise ProtocolError("No manifest was given. Prepare a corpus with 'tonfall data prepare'.")
    pooled = pd.concat([_opened(manifest) for manifest in manifests], ignore_index=True)
    repeated = pooled[pooled.duplicated(["corpus", "item"])]
    if len(repeated):
        first = repeated.iloc[0]
        raise ProtocolError(
            f"Item {first['item']!r} of {first['corpus']} is in the manifests more than once "
            f"({len(repeated)} such rows). Give each corpus once."
        )
    return pooled


def mark_silent(
    pooled: pd.DataFrame, *, progress: Callable[[int, int], object] | None = None
) -> pd.DataFrame:
    """The rows with a column `SILENT`; what has no audio is not silent.

    Args:
        pooled: from `pool`.
        progress: called with files done and all.
    """
    numbered = pooled.reset_index(drop=True)
    heard = numbered[numbered["file"].notna()]
    clips = clips_of(heard.assign(item=heard.index.astype(str)))
    found = {int(clip.item) for clip in silent_clips(clips, progress=progress)}
    return numbered.assign(**{SILENT: numbered.index.isin(found)})


def without_silent(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows that sound, and the items of those that do not.

    Args:
        rows: as of `mark_silent`; where nobody looked, all are taken to sound.
    """
    if SILENT not in rows:
        return rows, []
    return rows[~rows[SILENT]], rows.loc[rows[SILENT], "item"].tolist()


def silent_note(silent: Sequence[str]) -> str:
    """One sentence on the clips that were left out.

    >>> silent_note(["1076_MTI_SAD_XX"])
    '1 silent clip was left out: 1076_MTI_SAD_XX.'
    """
    were = "s were" if len(silent) > 1 else " was"
    return f"{len(silent)} silent clip{were} left out: {listed(silent)}."


def listed(items: Sequence[str]) -> str:
    """The first of the items, for a note."""
    return ", ".join(items[:_NAMED]) + (" and others" if len(items) > _NAMED else "")


def contradictory(
    rows: pd.DataFrame, *, merge: Mapping[str, str] = MappingProxyType({})
) -> pd.Series[bool]:
    """True for rows of identical sound under different labels, of which at most one can be right.

    Args:
        rows: columns label, and as far as known hash with start and end.
        merge: labels that count as another, and so are not different from it.
    """
    known = rows.reindex(columns=["hash", "start", "end"])
    named = rows["label"].map(lambda label: merge.get(label, label), na_action="ignore")
    sound = [known[name] for name in known]
    different = named.groupby(sound, dropna=False).transform("nunique") > 1
    return known["hash"].notna() & different


def contradictory_note(items: Sequence[str]) -> str:
    """One sentence on those that were left out.

    >>> contradictory_note(["1006_TIE_HAP_XX", "1006_TIE_NEU_XX"])[:49]
    '2 clips were left out because the same sound stan'
    """
    return (
        f"{len(items)} clips were left out because the same sound stands under different labels: "
        f"{listed(items)}."
    )


def _opened(manifest: Manifest) -> pd.DataFrame:
    paths = pd.Series(manifest.paths, index=manifest.frame.index, dtype=object)
    return manifest.frame.assign(file=paths.map(str, na_action="ignore"))


def protocol_items(pooled: pd.DataFrame, corpora: Sequence[str]) -> pd.DataFrame:
    """The rows of the corpora; over several, an item is written corpus/item.

    Raises:
        ProtocolError: a corpus has no rows.
    """
    absent = sorted(set(corpora) - set(pooled["corpus"].dropna()))
    if absent:
        raise ProtocolError(
            f"The protocol needs the corpus {absent[0]}, but the manifests hold "
            f"{', '.join(sorted(set(pooled['corpus'].dropna()))) or 'none'}. Add its manifest."
        )
    rows = pooled[pooled["corpus"].isin(list(corpora))].reset_index(drop=True)
    return rows.assign(item=rows["corpus"] + "/" + rows["item"]) if len(corpora) > 1 else rows
