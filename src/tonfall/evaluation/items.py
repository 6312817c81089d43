"""One table of items out of several manifests, as protocols name them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tonfall.corpora import Manifest
from tonfall.errors import ProtocolError

__all__ = ["pool", "protocol_items"]


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
