"""Every corpus that Tonfall reads, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tonfall.corpora.readers import ased, baved, emodb, emovo, nemo, ravdess
from tonfall.corpora.rows import Reading
from tonfall.errors import ManifestError

__all__ = ["CORPORA", "Corpus", "find_corpus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is published about a corpus, and how to read its release.

    Attributes:
        name: as commands take it.
        title: as people write it.
        read: from the release's folder to rows.
        layout: where a clip lies in the release, for error messages and help.
        languages: ISO 639-1 codes.
        items, speakers, hours: as published; None where that differs between releases.
        licence: as released.
        access: how to get it.
        scales: lowest and highest value of arousal, valence and dominance in the release.
    """

    name: str
    title: str
    read: Callable[[Path], Reading]
    layout: str
    languages: tuple[str, ...]
    items: int | None
    speakers: int | None
    hours: float | None
    licence: str
    access: str
    scales: Mapping[str, tuple[float, float]] | None = None


_RAVDESS_ACCESS = "Zenodo, record 1188976 (doi 10.5281/zenodo.1188976)."

_ALL = (
    Corpus(
        name="ravdess",
        title="RAVDESS, speech",
        read=ravdess.read_speech,
        layout="Actor_NN/03-01-EE-II-SS-RR-AA.wav",
        languages=("en",),
        items=1440,
        speakers=24,
        hours=1.48,
        licence="CC BY-NC-SA 4.0",
        access=_RAVDESS_ACCESS,
    ),
    Corpus(
        name="ravdess-song",
        title="RAVDESS, song",
        read=ravdess.read_song,
        layout="Actor_NN/03-02-EE-II-SS-RR-AA.wav",
        languages=("en",),
        items=1012,
        speakers=23,
        hours=None,
        licence="CC BY-NC-SA 4.0",
        access=_RAVDESS_ACCESS,
    ),
    Corpus(
        name="emodb",
        title="EmoDB (Berlin Database of Emotional Speech)",
        read=emodb.read,
        layout="wav/SStttEv.wav",
        languages=("de",),
        items=535,
        speakers=10,
        hours=0.413,
        licence="none stated; free for research",
        access="TU Berlin offers it for download.",
    ),
    Corpus(
        name="nemo",
        title="nEMO",
        read=nemo.read,
        layout="samples/<speaker>_<emotion>_<sentence>.wav and data.tsv",
        languages=("pl",),
        items=4481,
        speakers=9,
        hours=3.073,
        licence="CC BY-NC-SA 4.0",
        access="GitHub repository amu-cai/nEMO.",
    ),
    Corpus(
        name="emovo",
        title="EMOVO",
        read=emovo.read,
        layout="<speaker>/<emotion>-<speaker>-<sentence>.wav",
        languages=("it",),
        items=588,
        speakers=6,
        hours=0.51,
        licence="none stated; research only",
        access="Its authors (Costantini et al., LREC 2014) offer it for download.",
    ),
    Corpus(
        name="ased",
        title="ASED, version 1",
        read=ased.read,
        layout="01Neutral/n1-yy-aa-gg-bb.wav and so on",
        languages=("am",),
        items=2474,
        speakers=65,
        hours=2.106,
        licence="none stated; research only",
        access="GitHub repository Ethio2021/ASED_V1.",
    ),
    Corpus(
        name="baved",
        title="BAVED",
        read=baved.read,
        layout="<word>/<speaker>-<sex>-<age>-<word>-<level>-<record>.wav",
        languages=("ar",),
        items=1935,
        speakers=59,
        hours=0.888,
        licence="none stated; not for commercial use",
        access="GitHub repository 40uf411/Basic-Arabic-Vocal-Emotions-Dataset.",
        scales={"arousal": (0.0, 2.0)},
    ),
)

CORPORA: Mapping[str, Corpus] = MappingProxyType({corpus.name: corpus for corpus in _ALL})
"""Every corpus, by the name that commands take."""


def find_corpus(name: str) -> Corpus:
    """The corpus of that name; ManifestError with the valid names where there is none."""
    if name not in CORPORA:
        raise ManifestError(
            f"There is no corpus {name!r}. Choose one of {', '.join(sorted(CORPORA))}."
        )
    return CORPORA[name]
