"""Every corpus that Tonfall reads, by name, with what is published about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tonfall.corpora.readers import (
    ased,
    audformat_database,
    baved,
    class_folders,
    crema_d,
    emodb,
    emovo,
    esd,
    huggingface,
    iemocap,
    meld,
    mosei,
    msp_podcast,
    nemo,
    ravdess,
    savee,
    table,
    tess,
    urdu,
)
from tonfall.corpora.rows import Reading
from tonfall.emotion.categories import CATEGORIES, LabelSpace
from tonfall.emotion.maps import CORPUS_LABELS
from tonfall.errors import ManifestError

__all__ = ["CORPORA", "OWN_LAYOUTS", "Archive", "Corpus", "find_corpus"]

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Archive:
    """A file to download.

    Attributes:
        url: where it is.
        md5: as its host publishes it, or None where none is published.
    """

    url: str
    md5: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is published about a corpus, and how to read its release.

    Attributes:
        name: as commands take it.
        title: as people write it.
        read: from the release's folder to rows.
        layout: where a clip lies in the release, for error messages and help.
        languages: ISO 639-1 codes.
        items, speakers, hours: as published; None where unknown or differing between releases.
        licence: as released.
        access: how to get it.
        archives: what `download` fetches; empty where it must be applied for or fetched by hand.
        scales: lowest and highest value of a dimension in the release.
        unusable: items that the release itself lacks or has broken.
        is_file: True where the release is one file and not a folder.
    """

    name: str
    title: str
    read: Callable[[Path], Reading]
    layout: str
    languages: tuple[str, ...] = ()
    items: int | None = None
    speakers: int | None = None
    hours: float | None = None
    licence: str
    access: str
    archives: tuple[Archive, ...] = ()
    scales: Mapping[str, Scale] = field(default_factory=dict)
    unusable: frozenset[str] = frozenset()
    is_file: bool = False

    @property
    def labels(self) -> LabelSpace:
        """The canonical names that the corpus's own labels map to."""
        named = set(CORPUS_LABELS.get(self.name, {}).values())
        return tuple(category for category in CATEGORIES if category in named)

    def original(self, dimension: str, value: float) -> float:
        """A dimension in [0, 1] on the release's own scale again.

        >>> find_corpus("iemocap").original("arousal", 0.5)
        3.0
        """
        low, high = self.scales[dimension]
        return low + value * (high - low)


_ZENODO = "https://zenodo.org/records/1188976/files"
_OWN = "your own"

_IEMOCAP_SCALES = dict.fromkeys(("arousal", "valence", "dominance"), (iemocap.LOWEST, iemocap.TOP))
_MSP_SCALES = dict.fromkeys(
    ("arousal", "valence", "dominance"), (msp_podcast.LOWEST, msp_podcast.TOP)
)

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
        access="Zenodo record 1188976, Audio_Speech_Actors_01-24.zip",
        archives=(
            Archive(f"{_ZENODO}/Audio_Speech_Actors_01-24.zip", "bc696df654c87fed845eb13823edef8a"),
        ),
    ),
    Corpus(
        name="ravdess-song",
        title="RAVDESS, song",
        read=ravdess.read_song,
        layout="Actor_NN/03-02-EE-II-SS-RR-AA.wav",
        languages=("en",),
        items=1012,
        speakers=23,
        licence="CC BY-NC-SA 4.0",
        access="Zenodo record 1188976, Audio_Song_Actors_01-24.zip",
        archives=(
            Archive(f"{_ZENODO}/Audio_Song_Actors_01-24.zip", "5411230427d67a21e18aa4d466e6d1b9"),
        ),
    ),
    Corpus(
        name="crema-d",
        title="CREMA-D",
        read=crema_d.read,
        layout="AudioWAV/1001_DFA_ANG_XX.wav and the tables of votes and demographics",
        languages=("en",),
        items=7442,
        speakers=91,
        hours=5.257,
        licence="ODbL 1.0, contents DbCL 1.0",
        access="GitHub repository CheyneyComputerScience/CREMA-D, cloned with git-lfs",
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
        access="emodb.bilderbar.info offers download.zip",
        archives=(Archive("http://emodb.bilderbar.info/download/download.zip"),),
    ),
    Corpus(
        name="iemocap",
        title="IEMOCAP, turns",
        read=iemocap.read,
        layout="Session1/dialog/EmoEvaluation/*.txt and Session1/sentences/wav/*/*.wav",
        languages=("en",),
        items=10039,
        speakers=10,
        hours=12.0,
        licence="by agreement with USC SAIL; research only",
        access="sign the agreement at sail.usc.edu/iemocap; a link comes by mail",
        scales=_IEMOCAP_SCALES,
    ),
    Corpus(
        name="iemocap-dialogues",
        title="IEMOCAP, turns inside dialogues",
        read=iemocap.read_dialogues,
        layout="Session1/dialog/EmoEvaluation/*.txt and Session1/dialog/wav/*.wav",
        languages=("en",),
        items=10039,
        speakers=10,
        hours=12.0,
        licence="by agreement with USC SAIL; research only",
        access="sign the agreement at sail.usc.edu/iemocap; a link comes by mail",
        scales=_IEMOCAP_SCALES,
    ),
    Corpus(
        name="mosei",
        title="CMU-MOSEI",
        read=mosei.read,
        layout="CMU_MOSEI_Labels.csd and Raw/Audio/Full/WAV_16000/<video>.wav",
        languages=("en",),
        licence="labels by the CMU MultimodalSDK's terms; the videos are their makers'",
        access="label files through the CMU-MultimodalSDK (GitHub); raw audio by its README",
        scales={"valence": (mosei.LOWEST, mosei.TOP)},
    ),
    Corpus(
        name="meld",
        title="MELD",
        read=meld.read,
        layout="train_sent_emo.csv and train_splits/dia0_utt0.mp4, likewise dev and test",
        languages=("en",),
        items=13708,
        speakers=304,
        licence="tables GPL 3.0; the clips are of a television series",
        access="MELD.Raw.tar.gz, linked from GitHub repository declare-lab/MELD",
        archives=(
            Archive(
                "https://huggingface.co/datasets/declare-lab/MELD/resolve/main/MELD.Raw.tar.gz"
            ),
        ),
        scales={"valence": (-1.0, 1.0)},
        unusable=meld.UNUSABLE,
    ),
    Corpus(
        name="tess",
        title="TESS (Toronto Emotional Speech Set)",
        read=tess.read,
        layout="OAF_angry/OAF_<word>_<emotion>.wav",
        languages=("en",),
        items=2800,
        speakers=2,
        licence="CC BY-NC-ND 4.0",
        access="Borealis, doi 10.5683/SP2/E8H2MF",
    ),
    Corpus(
        name="savee",
        title="SAVEE",
        read=savee.read,
        layout="AudioData/DC/a01.wav",
        languages=("en",),
        items=480,
        speakers=4,
        licence="research only",
        access="register at the University of Surrey's SAVEE page",
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
        access="GitHub repository amu-cai/nEMO",
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
        access="its authors (Costantini et al., LREC 2014) offer it for download",
    ),
    Corpus(
        name="esd",
        title="ESD (Emotional Speech Dataset)",
        read=esd.read,
        layout="<speaker>/<Emotion>/<speaker>_<number>.wav",
        languages=("zh", "en"),
        items=35000,
        speakers=20,
        licence="by signed licence; research only",
        access="send the licence named in GitHub repository HLTSingapore/Emotional-Speech-Data",
    ),
    Corpus(
        name="urdu",
        title="URDU",
        read=urdu.read,
        layout="Angry/SM1_F10_A010.wav",
        languages=("ur",),
        items=400,
        speakers=29,
        licence="research only",
        access="GitHub repository siddiquelatif/URDU-Dataset",
    ),
    Corpus(
        name="ased",
        title="ASED, version 1",
        read=ased.read,
        layout="01Neutral/n1-yy-aa-gg-bb.wav",
        languages=("am",),
        items=2474,
        speakers=65,
        hours=2.106,
        licence="none stated; research only",
        access="GitHub repository Ethio2021/ASED_V1",
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
        access="GitHub repository 40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
        scales={"arousal": (0.0, 2.0)},
    ),
    Corpus(
        name="msp-podcast",
        title="MSP-Podcast",
        read=msp_podcast.read,
        layout="Labels/labels_consensus.csv and Audios/<turn>.wav",
        languages=("en",),
        licence="by agreement with UT Dallas; research only",
        access="an agreement between institutions, from the MSP Lab's page on the corpus",
        scales=_MSP_SCALES,
    ),
    Corpus(
        name="csv",
        title="a CSV table of one's own",
        read=table.read,
        layout="a CSV file with the column 'file' and any of the manifest's others",
        licence=_OWN,
        access=_OWN,
        is_file=True,
    ),
    Corpus(
        name="audformat",
        title="an audformat database",
        read=audformat_database.read,
        layout="db.yaml and a table with a column 'emotion' or 'label'",
        licence=_OWN,
        access=_OWN,
    ),
    Corpus(
        name="folders",
        title="a folder a class",
        read=class_folders.read,
        layout="<class>/**/<clip>.wav",
        licence=_OWN,
        access=_OWN,
    ),
    Corpus(
        name="huggingface",
        title="a Hugging Face datasets folder",
        read=huggingface.read,
        layout="metadata.csv beside clips, Parquet shards, or Arrow files",
        licence=_OWN,
        access=_OWN,
    ),
)

CORPORA: Mapping[str, Corpus] = MappingProxyType({corpus.name: corpus for corpus in _ALL})
"""Every corpus, by the name that commands take."""

OWN_LAYOUTS = frozenset({"csv", "audformat", "folders", "huggingface"})
"""Those that are no corpus but a layout of one's own recordings."""


def find_corpus(name: str) -> Corpus:
    """The corpus of that name; ManifestError with the valid names where there is none."""
    if name not in CORPORA:
        raise ManifestError(
            f"There is no corpus {name!r}. Choose one of {', '.join(sorted(CORPORA))}."
        )
    return CORPORA[name]
