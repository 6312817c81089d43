"""Protocols by name, made of the corpora at hand."""

from __future__ import annotations

from pathlib import Path

from tonfall.corpora import open_corpora
from tonfall.errors import ManifestError
from tonfall.evaluation.items import pool
from tonfall.evaluation.protocols import Protocol, Rules, Sources, corpora_of, find_protocol
from tonfall.lab.experiment import Data, find_places

__all__ = ["protocol"]

_LISTS = ("emobox", "emosuperb")
"""Families whose folds are lists: they need no corpus."""


def protocol(
    name: str | Path,
    *,
    data: Data | None = None,
    lists: str | Path | None = None,
    seed: int = 0,
) -> Protocol:
    """The protocol of a name, whatever its train and test parts share: it says so.

    Args:
        name: such as "loso/emodb", or the path of one that was written.
        data: see `tonfall.lab.evaluate`.
        lists: folder of EmoBox's fold lists that the package lacks.
        seed: of development speakers and random folds.

    Raises:
        ManifestError: a corpus is not at hand, or not whole.
        ProtocolError: there is no such protocol.
    """
    name, lists = str(name), Path(lists) if lists is not None else None
    rules = Rules(seed=seed, allow_shared_speakers=True)
    places = find_places(data)
    wanted = dict.fromkeys(corpora_of(name))
    if name.startswith("from/"):
        wanted |= dict.fromkeys(places)
    try:
        items = pool(open_corpora(list(wanted), places))
    except ManifestError:
        if name.partition("/")[0] not in _LISTS:
            raise
        items = None
    return find_protocol(name, Sources(items=items, folder=lists, rules=rules))
