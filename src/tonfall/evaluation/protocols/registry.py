"""Every protocol by name, and the hashes that complete releases must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import yaml

from tonfall.emotion.maps import LabelMap
from tonfall.errors import ProtocolError
from tonfall.evaluation.heard import Heard
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.protocols import making
from tonfall.evaluation.protocols.emobox import PACKED, check_pair, cross_pair, emobox, our_name
from tonfall.evaluation.protocols.emosuperb import cremad_rotations
from tonfall.evaluation.protocols.making import DEFAULT, Rules
from tonfall.evaluation.protocols.protocol import Protocol
from tonfall.evaluation.protocols.storage import read_protocol

__all__ = [
    "FAMILIES",
    "FOUR",
    "FOUR_CLASSES",
    "SIX",
    "Family",
    "Sources",
    "corpora_of",
    "find_protocol",
    "pins",
]

FOUR = ("ravdess", "emodb", "nemo", "emovo", "ased")
"""The corpora of loco/four."""

SIX = (*FOUR, "crema-d")
"""The corpora of loco/six, of the last of which the truth is what listeners heard."""

_SIX: Mapping[str, Heard] = MappingProxyType(
    {"six": "majority", "six-with-ties": "majority-or-meant"}
)

_WITHIN_FOLDS = 5

FOUR_CLASSES = LabelMap(
    merge={"calm": "neutral", "excitement": "happiness"},
    keep=("neutral", "happiness", "sadness", "anger"),
)
"""The classes that most corpora share; calm counts as neutral, excited as happy."""


@dataclass(frozen=True)
class Sources:
    """What protocols are made from.

    Attributes:
        items: pooled rows of the manifests at hand, or None.
        folder: of fold lists that the package does not have, or None.
        rules: label map (kept by protocols that have none of their own), seed, shared speakers.
    """

    items: pd.DataFrame | None = None
    folder: Path | None = None
    rules: Rules = DEFAULT

    def rows(self, name: str, *corpora: str) -> pd.DataFrame:
        """Rows of the corpora; ProtocolError where there is no manifest of one."""
        if self.items is None:
            raise ProtocolError(
                f"{name}: is made from the manifest of {', '.join(corpora)}. "
                "Give it with --data CORPUS=FOLDER, or a manifest."
            )
        return protocol_items(self.items, corpora)


@dataclass(frozen=True)
class Family:
    """Protocols whose names begin alike.

    Attributes:
        pattern: how a name is written.
        summary: one sentence.
        make: from the name's part after the first slash.
        corpora: the corpora that this part names.
    """

    pattern: str
    summary: str
    make: Callable[[str, Sources], Protocol]
    corpora: Callable[[str], Sequence[str]] = lambda rest: (rest,)


def find_protocol(name: str, sources: Sources) -> Protocol:
    """The protocol of that name, or of that file.

    Raises:
        ProtocolError: there is none, what it is made from is absent or incomplete, or speakers or
            recordings are shared and the rules do not allow it.
    """
    if name.endswith((".yaml", ".yml")):
        protocol = read_protocol(Path(name))
        if not sources.rules.allow_shared_speakers:
            protocol.require_disjoint()
        return protocol
    family, rest = _family(name)
    protocol = family.make(rest, sources)
    _check_pin(protocol, sources.rules)
    return protocol


def corpora_of(name: str) -> tuple[str, ...]:
    """The corpora whose items a protocol names; those that from/CORPUS tests are any others.

    Raises:
        ProtocolError: there is no such protocol.

    >>> corpora_of("emobox/cremad")
    ('crema-d',)
    """
    if name.endswith((".yaml", ".yml")):
        return read_protocol(Path(name)).corpora
    family, rest = _family(name)
    return tuple(family.corpora(rest))


def _family(name: str) -> tuple[Family, str]:
    """The family that a name belongs to, and what stands behind the first slash."""
    family, _, rest = name.partition("/")
    if family not in FAMILIES or not rest:
        patterns = ", ".join(known.pattern for known in FAMILIES.values())
        raise ProtocolError(
            f"There is no protocol {name!r}. Choose {patterns}, "
            "or a .yaml file that 'tonfall protocols --write' made."
        )
    return FAMILIES[family], rest


@cache
def pins() -> Mapping[str, Mapping[str, object]]:
    """Name to ``hash`` and ``items`` of protocols over complete releases, by the default rules."""
    text = (files("tonfall.evaluation.protocols") / "data" / "pins.yaml").read_text("utf-8")
    return MappingProxyType(yaml.safe_load(text))


def _check_pin(protocol: Protocol, rules: Rules) -> None:
    pin = pins().get(protocol.name)
    if pin is None or replace(rules, allow_shared_speakers=False) != DEFAULT:
        return
    if pin["hash"] != protocol.hash:
        raise ProtocolError(
            f"{protocol.name}: has the hash {protocol.hash[:12]} over "
            f"{protocol.table['item'].nunique()} items, but the complete release gives "
            f"{str(pin['hash'])[:12]} over {pin['items']}. Prepare the complete release again, or "
            "pass another --seed for a protocol of your own."
        )


def _several(corpora: str) -> tuple[str, ...]:
    """The corpora of a name such as ravdess+emodb, or of "four"."""
    return FOUR if corpora == "four" else tuple(corpora.split("+"))


def _loso(corpus: str, sources: Sources) -> Protocol:
    name = f"loso/{corpus}"
    return making.leave_one_out(name, sources.rows(name, corpus), by="speaker", rules=sources.rules)


def _lo_session(corpus: str, sources: Sources) -> Protocol:
    name = f"lo-session/{corpus}"
    return making.leave_one_out(name, sources.rows(name, corpus), by="session", rules=sources.rules)


def _loco(corpora: str, sources: Sources) -> Protocol:
    name, rules = f"loco/{corpora}", replace(sources.rules, label_map=FOUR_CLASSES)
    items = sources.rows(name, *_left_out(corpora))
    if corpora in _SIX:
        return making.leave_one_heard(name, items, heard={SIX[-1]: _SIX[corpora]}, rules=rules)
    return making.leave_one_out(name, items, by="corpus", rules=rules)


def _left_out(corpora: str) -> tuple[str, ...]:
    return SIX if corpora in _SIX else _several(corpora)


def _from(corpus: str, sources: Sources) -> Protocol:
    name, rules = f"from/{corpus}", replace(sources.rules, label_map=FOUR_CLASSES)
    others = () if sources.items is None else sorted(set(sources.items["corpus"]) - {corpus})
    return making.train_on(name, sources.rows(name, corpus, *others), corpus=corpus, rules=rules)


def _within(corpus: str, sources: Sources) -> Protocol:
    name, rules = f"within/{corpus}", replace(sources.rules, label_map=FOUR_CLASSES)
    items = sources.rows(name, corpus)
    return making.grouped_folds(name, items, folds=_WITHIN_FOLDS, rules=rules)


def _grouped(rest: str, sources: Sources) -> Protocol:
    corpus, _, folds = rest.rpartition("/")
    name = f"grouped/{rest}"
    if not corpus or not folds.isdigit():
        raise ProtocolError(f"{name}: expected grouped/<corpus>/<folds>, as in grouped/emodb/5.")
    items = sources.rows(name, corpus)
    return making.grouped_folds(name, items, folds=int(folds), rules=sources.rules)


def _official(corpus: str, sources: Sources) -> Protocol:
    name = f"official/{corpus}"
    return making.official_split(name, sources.rows(name, corpus), rules=sources.rules)


def _all(corpora: str, sources: Sources) -> Protocol:
    name = f"all/{corpora}"
    items = sources.rows(name, *_several(corpora))
    return making.all_tested(name, items, rules=sources.rules)


def _emobox(corpus: str, sources: Sources) -> Protocol:
    return emobox(corpus, folder=sources.folder, rules=sources.rules)


def _cross(rest: str, sources: Sources) -> Protocol:
    train, _, test = rest.partition("-")
    items = sources.rows(check_pair(train, test), train, test)
    return cross_pair(train, test, items, rules=sources.rules)


def _emosuperb(corpus: str, sources: Sources) -> Protocol:
    if corpus != "cremad":
        raise ProtocolError(f"emosuperb/{corpus}: there is only emosuperb/cremad.")
    return cremad_rotations(rules=sources.rules)


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "emobox": Family(
            "emobox/<corpus>",
            f"EmoBox's folds; packed: {', '.join(PACKED)}.",
            _emobox,
            lambda rest: (our_name(rest),),
        ),
        "emobox-cross": Family(
            "emobox-cross/<train>-<test>",
            "EmoBox's cross-corpus pairs: iemocap, meld, ravdess, savee; four classes.",
            _cross,
            lambda rest: rest.partition("-")[::2],
        ),
        "emosuperb": Family(
            "emosuperb/cremad",
            "EMO-SUPERB's five rotations by speaker.",
            _emosuperb,
            lambda rest: (our_name(rest),),
        ),
        "loso": Family("loso/<corpus>", "Leave one speaker out.", _loso),
        "lo-session": Family("lo-session/<corpus>", "Leave one session out.", _lo_session),
        "loco": Family(
            "loco/four",
            f"Leave one corpus out over {', '.join(FOUR)}, four classes; or loco/<a>+<b>+...; "
            "or loco/six, with crema-d by the listeners' majority, and loco/six-with-ties.",
            _loco,
            _left_out,
        ),
        "from": Family(
            "from/<corpus>", "Train on one corpus, test on all others given; four classes.", _from
        ),
        "within": Family(
            "within/<corpus>", "Five folds that part no speaker, four classes.", _within
        ),
        "official": Family("official/<corpus>", "The release's own split.", _official),
        "grouped": Family(
            "grouped/<corpus>/<folds>",
            "Random folds that part no speaker.",
            _grouped,
            lambda rest: (rest.partition("/")[0],),
        ),
        "all": Family(
            "all/<a>+<b>+...", "All items tested, for models that are trained.", _all, _several
        ),
    }
)
"""First part of a protocol's name to how it is made."""
