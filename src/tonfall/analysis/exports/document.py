"""The timeline's JSON document: its fields, bounds and meaning, checked on the way in.

The JSON Schema beside this module is made from these classes by :func:`json_schema`; a test
compares the two.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tonfall.emotion import CATEGORIES
from tonfall.timeline import UNCLEAR

__all__ = [
    "FORMAT",
    "SCHEMA_VERSION",
    "FeaturesEntry",
    "ModelFacts",
    "RecordingFacts",
    "TimelineDocument",
    "TurnEntry",
    "WindowEntry",
    "json_schema",
]

FORMAT = "tonfall.timeline"
SCHEMA_VERSION = 2

Unit = Annotated[float, Field(ge=0, le=1)]
LABEL = f'The guess, or "{UNCLEAR}" where the confidence is below the threshold.'
Seconds = Annotated[float, Field(ge=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RecordingFacts(_Entry):
    """The audio that the timeline was made from."""

    file: str = Field(
        description='As it was given; "-" for standard input, "" for an array or a live stream.'
    )
    sampling_rate: int = Field(gt=0, description="Of the source, in Hz.")
    channels: int = Field(gt=0, description="Of the source.")
    duration: Seconds = Field(description="In seconds.")


class ModelFacts(_Entry):
    """The model that judged."""

    name: str = Field(description="Name of the bundle.")
    hash: str = Field(description="SHA-256 of the bundle, hexadecimal.")
    labels: list[Literal[CATEGORIES]] = Field(  # type: ignore[valid-type]
        min_length=1, description="The label space, in the model's order."
    )
    baseline: bool = Field(
        description="True where each voice was judged against what was heard of it before."
    )


class _Judged(_Entry):
    start: Seconds = Field(description="In seconds since the start of the recording.")
    end: Seconds = Field(description="In seconds; not part of the stretch itself.")
    channel: int = Field(ge=0, description="Index of the channel.")
    speaker: str = Field(description="Label of the speaker within this recording.")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> _Judged:
        if self.end < self.start:
            raise ValueError(f"ends at {self.end} s, before its start at {self.start} s")
        return self


class FeaturesEntry(_Entry):
    """How the voice was, measured; nulls where that is undefined.

    What ends in ``_z`` is in standard deviations of the speaker's windows in this recording, from
    their mean; of pitch on a logarithmic scale.
    """

    pitch_hz: Annotated[float, Field(gt=0)] | None = Field(description="Median, in Hz.")
    loudness: Annotated[float, Field(ge=0)] | None = Field(description="Mean, without unit.")
    syllables_per_s: Annotated[float, Field(ge=0)] | None = Field(
        description="Syllable nuclei a second of speech."
    )
    hnr_db: float | None = Field(description="Mean ratio of harmonics to noise, in dB.")
    pitch_z: float | None
    loudness_z: float | None
    syllables_z: float | None
    hnr_z: float | None


FEATURES = "Of the speaker's speech in it; absent where they were not asked for."


class TurnEntry(_Judged):
    """A stretch of speech of one speaker; nulls where it was not judged."""

    label: str | None = Field(description=LABEL)
    guess: str | None = Field(description="The most probable category.")
    confidence: Unit | None = Field(description="Probability of the guess.")
    probabilities: dict[str, Unit] = Field(description="By label; empty where not judged.")
    arousal: Unit | None
    valence: Unit | None
    dominance: Unit | None
    short: bool = Field(
        default=False, description="True where it was judged on less than half a second of speech."
    )
    features: FeaturesEntry | None = Field(default=None, description=FEATURES)


class WindowEntry(_Judged):
    """A few seconds that the model judged as one."""

    label: str = Field(description=LABEL)
    guess: str = Field(description="The most probable category.")
    confidence: Unit = Field(description="Probability of the guess.")
    probabilities: dict[str, Unit] = Field(description="By label, summing to 1.")
    arousal: Unit | None
    valence: Unit | None
    dominance: Unit | None
    speech_ratio: Unit = Field(description="The part of the window that is speech.")
    snr_db: float | None = Field(description="Speech over background in dB.")
    heard: Seconds = Field(
        description="Seconds of speech that the baseline had heard before this window."
    )
    features: FeaturesEntry | None = Field(default=None, description=FEATURES)


class TimelineDocument(_Entry):
    """Who spoke when in one recording, and how it sounded."""

    format: Literal["tonfall.timeline"]
    schema_version: Literal[2]
    recording: RecordingFacts
    model: ModelFacts
    notes: list[str] = Field(description="Sentences for the reader.")
    turns: list[TurnEntry]
    windows: list[WindowEntry]

    @model_validator(mode="after")
    def _labels_are_the_models(self) -> TimelineDocument:
        labels = set(self.model.labels)
        entries: list[TurnEntry | WindowEntry] = [*self.turns, *self.windows]
        for entry in entries:
            judged = entry.guess is not None
            if (judged and entry.guess not in labels) or set(entry.probabilities) != (
                labels if judged else set()
            ):
                raise ValueError(f"the entry at {entry.start} s has labels other than the model's")
            if entry.label not in (entry.guess, UNCLEAR if judged else None):
                raise ValueError(
                    f"the entry at {entry.start} s has the label {entry.label}, which is neither "
                    f"its guess nor {UNCLEAR}"
                )
        return self


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of a timeline file, as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tonfall timeline",
        **{k: v for k, v in TimelineDocument.model_json_schema().items() if k != "title"},
    }
    return json.dumps(schema, indent=2) + "\n"
