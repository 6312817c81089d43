"""EmoBox's folds and cross-corpus pairs (Ma et al., Interspeech 2024).

The lists of the corpora that Tonfall reads come with the package; others are read from a folder of
EmoBox's lists, ``emobox/<corpus>.csv[.gz]`` with item, speaker, emotion, fold and part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from tonfall.emotion import CATEGORIES, LabelSpace
from tonfall.emotion.maps import IEMOCAP_FOUR_CLASSES, LabelMap, common_name
from tonfall.errors import ManifestError, ProtocolError
from tonfall.evaluation.protocols.making import DEFAULT, Rules, assemble
from tonfall.evaluation.protocols.protocol import DEVELOPMENT, TEST, TRAIN, Protocol

__all__ = [
    "CROSS_CORPORA",
    "PACKED",
    "check_pair",
    "cross_pair",
    "emobox",
    "emobox_items",
    "our_name",
]

_FOUR = ("neutral", "happiness", "sadness", "anger")
_FIVE = ("neutral", "happiness", "sadness", "anger", "fear")
_SIX = (*_FIVE, "disgust")
_SEVEN = (*_SIX, "surprise")

PACKED: Mapping[str, LabelSpace] = MappingProxyType(
    {
        "ased": _FIVE,
        "cremad": _SIX,
        "emodb": (*_SIX, "boredom"),
        "emovo": _SEVEN,
        "iemocap": _FOUR,
        "ravdess": ("neutral", "calm", *_SEVEN[1:]),
        "savee": _SEVEN,
        "tess": _SEVEN,
        "urdu": _FOUR,
    }
)
"""Corpora whose lists come with the package, by EmoBox's name, and their label spaces."""

CROSS_CORPORA = ("iemocap", "meld", "ravdess", "savee")
"""Corpora of the cross-corpus setting; each is tested on 240 balanced items of the other."""

_OUR_NAMES = {"cremad": "crema-d", "msppodcast": "msp-podcast"}
_PARTS = {"train": TRAIN, "valid": DEVELOPMENT, "test": TEST}
_NO_LABEL = frozenset({"UnKnown", "No-agreement"})


def our_name(corpus: str) -> str:
    """Tonfall's name of a corpus by EmoBox's.

    >>> our_name("cremad")
    'crema-d'
    """
    return _OUR_NAMES.get(corpus, corpus)


def emobox(corpus: str, *, folder: Path | None = None, rules: Rules = DEFAULT) -> Protocol:
    """EmoBox's folds of a corpus; development is taken from train by speaker where it has none.

    Args:
        corpus: EmoBox's name, such as "cremad".
        folder: where to find the lists of corpora that are not packed.
        rules: seed, and whether shared speakers are allowed. The label map is EmoBox's own.

    Raises:
        ProtocolError: there is no such list, its labels have no canonical name, or speakers are
            shared and the rules do not allow it.
    """
    name = f"emobox/{corpus}"
    if corpus in PACKED:
        items = emobox_items(corpus)
        return _assembled(name, _rotations(items), items, PACKED[corpus], rules)
    rows = _listed(corpus, folder)
    rows = rows[rows["part"].isin(_PARTS) & ~rows["emotion"].isin(_NO_LABEL)]
    table = rows.assign(part=rows["part"].map(_PARTS))
    items = rows.drop_duplicates("item").assign(corpus=our_name(corpus))
    return _assembled(name, table, items, _label_space(name, rows), rules)


def emobox_items(corpus: str) -> pd.DataFrame:
    """The packed list of a corpus: corpus (Tonfall's name), item, speaker, fold tested in."""
    table = _packed("emobox.csv.gz")
    items = table[table["corpus"] == corpus].reset_index(drop=True)
    return items.assign(corpus=our_name(corpus))


def cross_pair(train: str, test: str, items: pd.DataFrame, *, rules: Rules = DEFAULT) -> Protocol:
    """Train on all of one corpus, test on EmoBox's 240 balanced items of another, four classes.

    Args:
        train: the corpus to train on, out of `CROSS_CORPORA`.
        test: another of them.
        items: of both corpora, item written corpus/item; columns item, corpus, label, speaker.
        rules: seed and whether shared speakers are allowed; the label map is the setting's.

    Raises:
        ProtocolError: no such pair, or the items lack one of its corpora.
    """
    name = check_pair(train, test)
    label_map = IEMOCAP_FOUR_CLASSES if train == "iemocap" else LabelMap(keep=_FOUR)
    kept = items[pd.Series(label_map.apply(items["label"]), index=items.index).notna()]
    chosen = _packed("emobox_cross.csv.gz")
    tested = test + "/" + chosen.loc[chosen["corpus"] == test, "item"]
    trained = kept.loc[kept["corpus"] == train, "item"]
    table = pd.concat(
        [
            pd.DataFrame({"item": trained, "fold": test, "part": TRAIN}),
            pd.DataFrame({"item": tested, "fold": test, "part": TEST}),
        ]
    )
    notes = ("EmoBox does not say which part of the training corpus it uses; here it is all.",)
    return assemble(
        name,
        table,
        items[items["corpus"].isin([train, test])],
        rules=replace(rules, label_map=label_map),
        labels=_FOUR,
        notes=notes,
    )


def check_pair(train: str, test: str) -> str:
    """The name of the pair's protocol; ProtocolError where there is no such pair."""
    name = f"emobox-cross/{train}-{test}"
    if train == test or not {train, test} <= set(CROSS_CORPORA):
        raise ProtocolError(
            f"{name}: there is no such pair. Choose two of {', '.join(CROSS_CORPORA)}, "
            "as in emobox-cross/iemocap-savee."
        )
    return name


def _assembled(
    name: str, table: pd.DataFrame, items: pd.DataFrame, labels: LabelSpace, rules: Rules
) -> Protocol:
    speakers = items.assign(speaker=items["speaker"].mask(items["speaker"] == "", None))
    label_map = IEMOCAP_FOUR_CLASSES if name == "emobox/iemocap" else LabelMap(keep=labels)
    return assemble(name, table, speakers, rules=replace(rules, label_map=label_map), labels=labels)


def _rotations(items: pd.DataFrame) -> pd.DataFrame:
    folds = sorted(set(items["fold"]) - {"0"})
    parts = [
        items.assign(fold=fold, part=(items["fold"] == fold).map({True: TEST, False: TRAIN}))
        for fold in folds
    ]
    return pd.concat(parts, ignore_index=True)


def _packed(name: str) -> pd.DataFrame:
    with as_file(files("tonfall.evaluation.protocols") / "data" / name) as path:
        return pd.read_csv(path, dtype=str, keep_default_na=False)


def _listed(corpus: str, folder: Path | None) -> pd.DataFrame:
    places = [] if folder is None else [folder / "emobox", folder]
    for place in places:
        for ending in (".csv", ".csv.gz"):
            if (place / f"{corpus}{ending}").is_file():
                return pd.read_csv(place / f"{corpus}{ending}", dtype=str, keep_default_na=False)
    raise ProtocolError(
        f"emobox/{corpus}: there is no such list"
        + (f" in {folder}" if folder else "")
        + f". The package has {', '.join(PACKED)}; give --protocols FOLDER for others."
    )


def _label_space(name: str, rows: pd.DataFrame) -> LabelSpace:
    try:
        names = {common_name(word) for word in rows["emotion"].unique()}
    except ManifestError as error:
        raise ProtocolError(
            f"{name}: EmoBox's labels do not all have a name here. {error}"
        ) from error
    return tuple(category for category in CATEGORIES if category in names)
