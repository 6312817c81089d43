"""Making protocols from a table of items: one group left out at a time, official and grouped folds.

Each maker takes the columns of a manifest: item, corpus, label, and speaker, session, sentence or
split as far as known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd

from tonfall.emotion import LabelSpace
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.heard import Heard, with_heard
from tonfall.evaluation.items import contradictory, contradictory_note
from tonfall.evaluation.protocols.development import carve_development, stable_order
from tonfall.evaluation.protocols.protocol import DEVELOPMENT, TEST, TRAIN, Protocol
from tonfall.evaluation.protocols.sharing import shared_between_parts

__all__ = [
    "DEFAULT",
    "Rules",
    "all_tested",
    "assemble",
    "grouped_folds",
    "leave_one_heard",
    "leave_one_out",
    "official_split",
    "train_on",
]


@dataclass(frozen=True, slots=True)
class Rules:
    """What every maker is told.

    Attributes:
        label_map: what is merged, dropped and kept of the items' labels.
        seed: of the speakers that become development, and of grouped folds.
        allow_shared_speakers: False refuses a protocol that tests on speakers or recordings that it
            trained on.
    """

    label_map: LabelMap = field(default_factory=LabelMap)
    seed: int = 0
    allow_shared_speakers: bool = False


DEFAULT = Rules()
"""All labels as they are, seed 0, no shared speakers."""

_OFFICIAL = {"train": TRAIN, "dev": DEVELOPMENT, "development": DEVELOPMENT, "test": TEST}


def leave_one_out(
    name: str,
    items: pd.DataFrame,
    *,
    by: Literal["speaker", "session", "corpus"],
    rules: Rules = DEFAULT,
) -> Protocol:
    """One fold a speaker, session or corpus, tested on it and trained on all others.

    Raises:
        ProtocolError: fewer than two groups, an item without one, or what `assemble` refuses.
    """
    kept = _kept(items, rules.label_map)
    groups = _groups(name, kept, by)
    table = _rotated(kept["item"], groups, sorted(set(groups)))
    return assemble(name, table, kept, rules=rules)


def leave_one_heard(
    name: str, items: pd.DataFrame, *, heard: Mapping[str, Heard], rules: Rules = DEFAULT
) -> Protocol:
    """One fold a corpus, where the truth of some is what most listeners heard.

    Of these, clips of identical sound under different labels are left out, and those without a
    majority as ``heard`` says; notes tell how many.

    Raises:
        ProtocolError: one of them has no votes, or what `leave_one_out` refuses.
    """
    of_heard = items["corpus"].isin(list(heard))
    _check_votes(name, items, heard)
    doubtful = of_heard & contradictory(items)
    kept = with_heard(items[~doubtful], heard)
    undecided = kept["label"].isna() & kept["corpus"].isin(list(heard))
    protocol = leave_one_out(name, kept[~undecided], by="corpus", rules=rules)
    notes = [f"The truth of {', '.join(heard)} is what most listeners heard, not what was meant."]
    if doubtful.any():
        notes.append(contradictory_note(items.loc[doubtful, "item"].tolist()))
    if undecided.any():
        notes.append(f"{undecided.sum()} clips were left out because their votes are tied.")
    return replace(protocol, heard=dict(heard), notes=tuple(notes))


def _check_votes(name: str, items: pd.DataFrame, heard: Mapping[str, Heard]) -> None:
    for corpus in heard:
        own = items[items["corpus"] == corpus]
        if "votes" not in own or own["votes"].isna().all():
            raise ProtocolError(
                f"{name}: the manifest of {corpus} has no listeners' votes, which are the truth "
                "here. Prepare it from the whole release, with its tables."
            )


def grouped_folds(
    name: str,
    items: pd.DataFrame,
    *,
    folds: int,
    by: Literal["speaker", "session"] = "speaker",
    rules: Rules = DEFAULT,
) -> Protocol:
    """Folds of about equal size that never part a speaker (or session).

    The largest groups are dealt first, each to the fold with the fewest items; the seed settles
    what is equal.

    Raises:
        ProtocolError: fewer groups than folds, or what `assemble` refuses.
    """
    kept = _kept(items, rules.label_map)
    groups = _groups(name, kept, by)
    dealt = groups.map(_deal(name, groups, folds, rules.seed))
    table = _rotated(kept["item"], dealt, [str(number + 1) for number in range(folds)])
    return assemble(name, table, kept, rules=rules)


def official_split(
    name: str,
    items: pd.DataFrame,
    *,
    rules: Rules = DEFAULT,
) -> Protocol:
    """The release's own train, development and test part, as one fold.

    A split such as "test1" is a test part; with several of these, each is a fold of its own.

    Raises:
        ProtocolError: the release has no split, or what `assemble` refuses.
    """
    kept = _kept(items, rules.label_map)
    split = kept["split"].astype("string")
    tests = sorted({str(value) for value in split.dropna() if str(value).startswith("test")})
    if not tests:
        raise ProtocolError(
            f"{name}: the manifest has no official test part. Use loso/ or grouped folds instead."
        )
    parts = [_official_fold(kept["item"], split, test) for test in tests]
    return assemble(name, pd.concat(parts, ignore_index=True), kept, rules=rules)


def train_on(name: str, items: pd.DataFrame, *, corpus: str, rules: Rules = DEFAULT) -> Protocol:
    """Train on all items of one corpus, test on all items of the others, as one fold."""
    kept = _kept(items, rules.label_map)
    part = (kept["corpus"] == corpus).map({True: TRAIN, False: TEST})
    table = pd.DataFrame({"item": kept["item"], "fold": "others", "part": part})
    return assemble(name, table, kept, rules=rules)


def all_tested(name: str, items: pd.DataFrame, *, rules: Rules = DEFAULT) -> Protocol:
    """Every item is a test item: for models that were trained elsewhere."""
    kept = _kept(items, rules.label_map)
    table = pd.DataFrame({"item": kept["item"], "fold": "all", "part": TEST})
    return assemble(name, table, kept, rules=rules)


def assemble(
    name: str,
    table: pd.DataFrame,
    items: pd.DataFrame,
    *,
    rules: Rules = DEFAULT,
    labels: LabelSpace | None = None,
    notes: Sequence[str] = (),
) -> Protocol:
    """A checked protocol from a table of item, fold and part.

    Where the table has train but no development items, whole speakers of train become
    development. Without ``labels`` the space is what the map leaves of the items' labels.

    Raises:
        ProtocolError: the table is inconsistent (see `Protocol`), or speakers or recordings are
            shared and the rules do not allow it.
    """
    rows = table[["item", "fold", "part"]].astype({"fold": str}).reset_index(drop=True)
    if DEVELOPMENT not in set(rows["part"]):
        rows = carve_development(rows, items, seed=rules.seed)
    protocol = Protocol(
        name=name,
        corpora=tuple(dict.fromkeys(items["corpus"])),
        labels=labels or rules.label_map.space(items["label"].dropna()),
        label_map=rules.label_map,
        table=rows,
        shared=shared_between_parts(rows, items),
        notes=tuple(notes),
    )
    if not rules.allow_shared_speakers:
        protocol.require_disjoint()
    return protocol


def _kept(items: pd.DataFrame, label_map: LabelMap) -> pd.DataFrame:
    """Items whose class is in the label space."""
    classes = label_map.apply(None if pd.isna(name) else str(name) for name in items["label"])
    return items[pd.Series(classes, index=items.index).notna()].reset_index(drop=True)


def _groups(name: str, items: pd.DataFrame, by: str) -> pd.Series[str]:
    groups = items[by].astype("string")
    if by != "corpus" and items["corpus"].nunique() > 1:
        groups = items["corpus"].astype("string") + "/" + groups
    if groups.isna().any() or groups.nunique() < 2:
        raise ProtocolError(
            f"{name}: {int(groups.isna().sum())} of {len(items)} items have no {by} and there are "
            f"{groups.nunique()} different ones, but every item needs one and two are the least. "
            f"Fill the manifest's column {by!r}."
        )
    return groups.astype(str)


def _rotated(items: pd.Series[str], fold: pd.Series[str], folds: Sequence[str]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {"item": items, "fold": name, "part": (fold == name).map({True: TEST, False: TRAIN})}
        )
        for name in folds
    ]
    return pd.concat(parts, ignore_index=True)


def _deal(name: str, groups: pd.Series[str], folds: int, seed: int) -> dict[str, str]:
    sizes = groups.value_counts()
    if not 2 <= folds <= len(sizes):
        raise ProtocolError(
            f"{name}: {folds} folds were asked for over {len(sizes)} groups, but there must be "
            "at least two folds and no more than groups."
        )
    order = sorted(sizes.index, key=lambda group: (-sizes[group], stable_order(f"{seed}/{group}")))
    filled = [0] * folds
    dealt = {}
    for group in order:
        smallest = min(range(folds), key=filled.__getitem__)
        filled[smallest] += int(sizes[group])
        dealt[group] = str(smallest + 1)
    return dealt


def _official_fold(items: pd.Series[str], split: pd.Series[str], test: str) -> pd.DataFrame:
    part = split.map({**_OFFICIAL, test: TEST})
    if test != "test":
        part = part.mask(split == "test", None)
    table = pd.DataFrame({"item": items, "fold": test, "part": part})
    return table[table["part"].notna()]
