"""What ``bundle.json`` says: everything that training decided and scoring needs to know."""

from __future__ import annotations

from math import nan
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from tonfall.emotion import CATEGORIES, DIMENSIONS

__all__ = [
    "SCHEMA_VERSION",
    "Agreement",
    "BaselineSpec",
    "BundleSpec",
    "Calibration",
    "CorpusUse",
    "FrontEnd",
    "Gate",
    "LeftOut",
    "SiteUse",
    "Windows",
    "least_schema_version",
]

SCHEMA_VERSION = 4
"""The newest schema that this version of Tonfall can read.

2 is 1 with ``site`` or ``calibration.left_out``; 3 is 2 with ``calibration.corpora`` or
``calibration.left_out.dimensions``; 4 is 3 with another front end than ``log_mel_80``.
"""

Unit = Annotated[float, Field(ge=0, le=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FrontEnd(_Spec):
    """What the graph takes: frames of 10 ms cut into pieces, each encoded once.

    Attributes:
        kind: ``log_mel_80``, the one log-mel of ``tonfall.features``; or ``waveform``, the samples
            themselves at 16 kHz, of which frame *k* holds those from 160 *k* on; or
            ``functionals``, numbers of a feature set over all the sound of a window.
        piece_frames: frames that a piece stands for.
        context_frames: frames before the piece that the encoder also sees; none for functionals.
        feature_set: of functionals, as `tonfall features --set` names it; None for the others.
    """

    kind: Literal["log_mel_80", "waveform", "functionals"] = "log_mel_80"
    piece_frames: int = Field(ge=10, le=1000)
    context_frames: int = Field(default=0, ge=0, le=1000)
    feature_set: str | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> FrontEnd:
        if (self.kind == "functionals") != (self.feature_set is not None):
            raise ValueError("a feature_set belongs to the kind functionals, which needs one")
        if self.kind == "functionals" and self.context_frames:
            raise ValueError("functionals see no context; leave out context_frames")
        return self

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What older versions wrote, and can read, where there is no feature set."""
        content: dict[str, object] = serialise(self)
        if self.feature_set is None:
            content.pop("feature_set", None)
        return content

    @property
    def width(self) -> int:
        """Values of a frame."""
        return 80 if self.kind == "log_mel_80" else 160

    @property
    def padding(self) -> float:
        """What stands in frames before the audio began or after it ended.

        Silence; for functionals NaN, since these are of the sound that there is.
        """
        return {"log_mel_80": -10.0, "waveform": 0.0, "functionals": nan}[self.kind]


class Windows(_Spec):
    """How pieces are put together: the last ``pieces`` of them are judged as one.

    Attributes:
        pieces: pieces in a full window.
        minimum_speech_s: seconds of speech below which a window is not judged.
    """

    pieces: int = Field(ge=1, le=60)
    minimum_speech_s: float = Field(gt=0, le=10)


class Gate(_Spec):
    """How much a judged window moves the baseline: nothing clearly emotional moves it far.

    The weight of a window is 1 less the probabilities of the held labels, each times its
    strength, and at least ``floor``.

    Attributes:
        held: strength in [0, 1] for each label that is held back.
        floor: what even the clearest of these moves the baseline.
    """

    held: dict[str, Unit]
    floor: Unit


class BaselineSpec(_Spec):
    """The prior of the baseline, and how it learns.

    Attributes:
        prior_mean: mean of the pooled features over the training corpora, moved where
            `Calibration.offsets` says so.
        prior_weight_s: seconds of speech that the prior counts for.
        gate: how much each window moves the baseline.
    """

    prior_mean: tuple[float, ...] = Field(min_length=1)
    prior_weight_s: float = Field(gt=0, le=600)
    gate: Gate


class CorpusUse(_Spec):
    """A corpus of which something was used, with the licence it was released under.

    Attributes:
        clips: that were used, of so many speakers.
    """

    name: str
    licence: str
    clips: int = Field(ge=1)
    speakers: int = Field(ge=1)
    language: str


class Agreement(_Spec):
    """How a predicted dimension agrees with what it should be, as a mean over corpora.

    Attributes:
        correlation: Pearson's.
        concordance: Lin's, which counts offset and scale as well.
    """

    correlation: float = Field(ge=-1, le=1)
    concordance: float = Field(ge=-1, le=1)


class LeftOut(_Spec):
    """How probabilities do on corpora that the head was fitted without.

    For each corpus temperature and threshold are those of the others, so that no figure is of a
    corpus that something was chosen on.

    Attributes:
        corpora: left out of training one at a time, or never learnt from (`Calibration.corpora`).
        expected_calibration_error: mean over these corpora.
        recall_certain: mean recall of the labels among clips at or above the threshold, each
            corpus counting alike; recall_uncertain is that of the rest.
        dimensions: by name, against ratings where a corpus has them, and else the places of the
            categories; empty where this was not measured.
        rated: share of the clips that have ratings; None where this was not measured.
    """

    corpora: tuple[str, ...] = Field(min_length=2)
    expected_calibration_error: Unit
    recall_certain: Unit | None = None
    recall_uncertain: Unit | None = None
    dimensions: dict[str, Agreement] = {}
    rated: Unit | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What older versions wrote, and can read, where dimensions were not measured."""
        content: dict[str, object] = serialise(self)
        if not self.dimensions:
            content.pop("dimensions", None)
            content.pop("rated", None)
        return content


class Calibration(_Spec):
    """Chosen on development data: temperature of the logits, and when to say "unclear".

    Attributes:
        temperature: divides the logits.
        uncertain_below: confidence under which the label is "unclear".
        coverage: share of the development clips at or above it.
        accuracy_certain: their accuracy; accuracy_uncertain is that of the rest.
        left_out: where all this was chosen on corpora that the head was fitted without; None
            where it was on held-out speakers of the training corpora.
        corpora: that the model did not learn from, and on which all this was chosen; empty where
            it was chosen on the training corpora.
        offsets: True where how readily each label is said was chosen on these corpora, too: it is
            part of the head and the prior.
    """

    temperature: float = Field(gt=0, le=100)
    uncertain_below: Unit
    coverage: Unit | None = None
    accuracy_certain: Unit | None = None
    accuracy_uncertain: Unit | None = None
    left_out: LeftOut | None = None
    corpora: tuple[CorpusUse, ...] = ()
    offsets: bool = False

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What older versions wrote, and can read, where no corpus was left out."""
        content: dict[str, object] = serialise(self)
        for name in ("left_out", "corpora", "offsets"):
            if not getattr(self, name):
                content.pop(name, None)
        return content


class SiteUse(_Spec):
    """Where the prior of a bundle comes from that was fitted to a site without labels.

    Attributes:
        model: name of the bundle that it was made of.
        version: of that bundle.
        hash: SHA-256 of that bundle, as of `tonfall.bundle.Bundle`.
        recordings: in which speech was heard.
        voices: channels or speakers of them, counted anew in each.
        speech_s: seconds of speech, over all of them.
    """

    model: str
    version: str
    hash: str
    recordings: int = Field(ge=1)
    voices: int = Field(ge=1)
    speech_s: float = Field(gt=0)


class BundleSpec(_Spec):
    """The whole of ``bundle.json``.

    Attributes:
        corpora: that the model was trained on.
        site: what the prior was learnt from, where it is a site's; None for the training corpora's.
        files: SHA-256 (hexadecimal) of every other file of the bundle.
        figures: measured before shipping, by protocol name; in percent unless the name says so.
    """

    schema_version: int = Field(ge=1)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: str
    description: str
    labels: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    dimensions_weak: bool = False
    front_end: FrontEnd
    windows: Windows
    baseline: BaselineSpec | None = None
    site: SiteUse | None = None
    calibration: Calibration
    licence: str
    corpora: tuple[CorpusUse, ...]
    figures: dict[str, float] = {}
    recipe: str
    files: dict[str, str]

    @model_validator(mode="after")
    def _check_names(self) -> BundleSpec:
        unknown = [name for name in self.labels if name not in CATEGORIES]
        unknown += [name for name in self.dimensions if name not in DIMENSIONS]
        if unknown:
            raise ValueError(f"unknown labels or dimensions: {', '.join(unknown)}")
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError("the labels must be distinct, and at least one")
        if self.front_end.kind != "log_mel_80" and self.schema_version < 4:
            raise ValueError(
                f"a front end of the kind {self.front_end.kind} needs schema_version 4"
            )
        if self.site and not self.baseline:
            raise ValueError("a site's prior needs a baseline")
        if self.baseline and not set(self.baseline.gate.held) <= set(self.labels):
            raise ValueError("the gate names labels that the model does not have")
        return self


def least_schema_version(front_end: FrontEnd, calibration: Calibration) -> int:
    """The oldest schema that has what is written, so that an older Tonfall reads what it can."""
    if front_end.kind != "log_mel_80" or calibration.offsets:
        return 4
    measured = calibration.left_out
    if calibration.corpora or (measured and measured.dimensions):
        return 3
    return 1 if measured is None else 2
