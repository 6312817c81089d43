"""Calls composed from clips of one speaker: what a model makes of a voice as it goes on.

A corpus of clips says nothing about a call, and calls with labels are not to be had. So clips of
a speaker are put in a row, in random order, as five kinds of call:

=================  ===============================================================
mostly_neutral     70 % neutral clips, at most 24 clips
mixed              25 % neutral clips, at most 24 clips
angry_start        nothing but angry clips, at most 16: what a careless baseline erases
turns_angry        at most 12 neutral clips, then at most 8 angry ones
neutral_only       nothing but neutral clips, at most 24: every anger is a false alarm
=================  ===============================================================

A speaker without clips enough for a kind is left out of it. Clips of one corpus share a room, so
this says what is learnt of voice and room together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from tonfall.errors import ProtocolError

__all__ = ["KINDS", "PINS", "by_call", "calls_hash", "check_calls_pin", "compose_calls"]

PINS: Mapping[str, str] = MappingProxyType(
    {
        "ravdess": "1c301a468404a19e",
        "emodb": "9115dc02f708cb56",
        "nemo": "2586549101247754",
        "emovo": "452549085044e5e8",
        "ased": "cfb6dba31d1be4d5",
    }
)
"""Beginning of the hash of each complete release's calls (seed 0, three draws, four classes)."""

_Clips = Mapping[str, list[str]]


def compose_calls(items: pd.DataFrame, *, seed: int = 0, draws: int = 3) -> pd.DataFrame:
    """Compose calls of every kind, ``draws`` for each speaker.

    Args:
        items: item, corpus, speaker and label (neutral, anger and others) of each clip.
        seed: the same seed and items give the same calls.
        draws: calls of each kind and speaker.

    Returns:
        A row a clip: call (its name), kind, corpus, speaker, position (from 0), item.

    Raises:
        ProtocolError: no speaker has clips enough for any call.
    """
    rows = []
    for (corpus, speaker), own in items.sort_values("item").groupby(["corpus", "speaker"]):
        rng = np.random.default_rng([seed, _number(f"{corpus}/{speaker}")])
        clips = {str(label): list(group["item"]) for label, group in own.groupby("label")}
        for draw in range(draws):
            shuffled = {label: list(rng.permutation(clips[label])) for label in sorted(clips)}
            for kind, make in _MAKERS.items():
                for position, item in enumerate(make(shuffled, rng)):
                    call = f"{corpus}/{speaker}/{kind}/{draw}"
                    rows.append((call, kind, corpus, speaker, position, str(item)))
    if not rows:
        raise ProtocolError(
            "No speaker has at least four neutral or angry clips, so no call can be composed; "
            "take a corpus with more clips a speaker."
        )
    columns = ["call", "kind", "corpus", "speaker", "position", "item"]
    return pd.DataFrame(rows, columns=columns)


def calls_hash(calls: pd.DataFrame) -> str:
    """SHA-256, hexadecimal, of which clips are in which call, in which order."""
    lines = calls[["call", "position", "item"]].astype(str).agg("|".join, axis=1)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def check_calls_pin(calls: pd.DataFrame, *, seed: int, draws: int) -> None:
    """Check the calls of complete releases against those that published figures were made on.

    Only seed 0 and three draws are pinned; with others, and with other corpora, any calls do.

    Raises:
        ProtocolError: a pinned corpus gives other calls.
    """
    if (seed, draws) != (0, 3):
        return
    for corpus, own in calls.groupby("corpus"):
        pin = PINS.get(str(corpus))
        found = calls_hash(own)
        if pin is not None and not found.startswith(pin):
            raise ProtocolError(
                f"calls: the clips of {corpus} give calls of the hash {found[: len(pin)]}, but the "
                f"complete release gives {pin}. Prepare the complete release again, or pass "
                "another --seed for calls of your own."
            )


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _blend(neutral_share: float) -> Callable[[_Clips, np.random.Generator], list[str]]:
    def make(clips: _Clips, rng: np.random.Generator) -> list[str]:
        neutral = clips.get("neutral", [])
        others = [item for label, own in clips.items() if label != "neutral" for item in own]
        others = list(rng.permutation(others)) if others else []
        total = min(24, int(len(neutral) / neutral_share), int(len(others) / (1 - neutral_share)))
        if total < 6:
            return []
        count = round(total * neutral_share)
        return list(rng.permutation(neutral[:count] + others[: total - count]))

    return make


def _angry_start(clips: _Clips, _rng: np.random.Generator) -> list[str]:
    angry = clips.get("anger", [])
    return angry[:16] if len(angry) >= 4 else []


def _turns_angry(clips: _Clips, _rng: np.random.Generator) -> list[str]:
    neutral, angry = clips.get("neutral", []), clips.get("anger", [])
    return neutral[:12] + angry[:8] if len(neutral) >= 4 and len(angry) >= 3 else []


def _neutral_only(clips: _Clips, _rng: np.random.Generator) -> list[str]:
    neutral = clips.get("neutral", [])
    return neutral[:24] if len(neutral) >= 4 else []


_MAKERS: Mapping[str, Callable[[_Clips, np.random.Generator], list[str]]] = MappingProxyType(
    {
        "mostly_neutral": _blend(0.7),
        "mixed": _blend(0.25),
        "angry_start": _angry_start,
        "turns_angry": _turns_angry,
        "neutral_only": _neutral_only,
    }
)

KINDS = tuple(_MAKERS)
"""Kinds of composed calls."""


def by_call(calls: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Each call's name and its items in order."""
    for name, rows in calls.sort_values(["call", "position"]).groupby("call", sort=True):
        yield str(name), rows["item"].tolist()
