"""Writes data/pins.yaml of the protocols: hashes and sharing over complete releases.

    python tests/evaluation/pin_protocols.py ../shared/data

Run it where a reader or a protocol changed on purpose, and raise the protocol's version with it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from tonfall.corpora import Manifest, prepare
from tonfall.evaluation.items import pool
from tonfall.evaluation.protocols import Protocol, Rules, Shared, Sources, corpora_of, find_protocol
from tonfall.evaluation.protocols.emobox import PACKED
from tonfall.evaluation.protocols.registry import FOUR

TARGET = Path("src/tonfall/evaluation/protocols/data/pins.yaml")
HEAD = "# Protocols over complete releases; made by tests/evaluation/pin_protocols.py.\n"
FOLDERS = {"meld": "meld_labels", "crema-d": "cremad"}
NAMES = (
    *(f"emobox/{corpus}" for corpus in PACKED),
    "emosuperb/cremad",
    *(f"loso/{corpus}" for corpus in FOUR),
    *(f"within/{corpus}" for corpus in FOUR),
    "loco/four",
    "loco/six",
    "loco/six-with-ties",
    "official/meld",
    "emobox-cross/meld-ravdess",
    "emobox-cross/ravdess-meld",
)


def main(folder: Path) -> None:
    """Pin every protocol of NAMES."""
    wanted = dict.fromkeys(corpus for name in NAMES for corpus in corpora_of(name))
    manifests = [release(folder, corpus) for corpus in wanted]
    table = pinned([manifest for manifest in manifests if manifest is not None])
    TARGET.write_text(HEAD + yaml.safe_dump(table, sort_keys=False))


def pinned(manifests: list[Manifest]) -> dict[str, dict[str, object]]:
    """Every pin; EmoBox's and EMO-SUPERB's folds are lists, which need no manifest."""
    items, rules = pool(manifests), Rules(allow_shared_speakers=True)
    found = {}
    for name in NAMES:
        of_lists = name.startswith(("emobox/", "emosuperb/"))
        found[name] = facts(find_protocol(name, Sources(None if of_lists else items, rules=rules)))
    return found


def release(folder: Path, corpus: str) -> Manifest | None:
    """The corpus's manifest, by its labels alone where there is no audio; None where absent."""
    place = folder / FOLDERS.get(corpus, corpus)
    return prepare(corpus, place, labels_only=True)[0] if place.is_dir() else None


def facts(protocol: Protocol) -> dict[str, object]:
    """What a pin says."""
    return {
        "hash": protocol.hash,
        "items": int(protocol.table["item"].nunique()),
        "folds": len(protocol.folds),
        "classes": len(protocol.labels),
        "shared": {
            kind: f"{worst.shared} of {worst.test}"
            for kind in ("speaker", "sentence", "session")
            if (worst := worst_of(protocol.shared, kind)) is not None
        },
    }


def worst_of(shared: tuple[Shared, ...], kind: str) -> Shared | None:
    """The fold that shares most of a kind; None where nothing is known of it."""
    known = [entry for entry in shared if entry.kind == kind and entry.test]
    return max(known, key=lambda entry: entry.shared / entry.test, default=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
