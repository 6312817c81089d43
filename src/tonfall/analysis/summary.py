"""What a recording amounts to for each speaker, weighted by speech time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tonfall.analysis.strip import Cell, speech, strip
from tonfall.analysis.trajectory import Trend, trend_of
from tonfall.timeline import UNCLEAR, Timeline, Window, seconds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SpeakerSummary", "Summary", "summarize"]


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    """One speaker of one recording.

    Everything below ``share_of_talk`` is over the judged part of the speech and weighted by its
    length; it is None or empty where nothing was judged.

    Attributes:
        speaker: label within this recording.
        channel: index of the channel of the speaker's first turn.
        turns: number of turns.
        speech_seconds: length of the speaker's turns together.
        share_of_talk: in [0, 1], this speaker's part of what all speakers' turns add up to.
        judged_seconds: speech that a window of the model reaches.
        label: what holds for the longest time: a category, or "unclear".
        guess: the category of the highest mean probability, also where the label is "unclear".
        label_shares: each category and "unclear" to its part of the time, in [0, 1], summing to 1;
            time in which the model was unsure counts for no category.
        probabilities: category to its mean probability, in [0, 1], summing to 1.
        arousal, valence, dominance: means in [0, 1], or None where the model has no dimensions.
        trend: where the tone went.
    """

    speaker: str
    channel: int
    turns: int
    speech_seconds: float
    share_of_talk: float
    judged_seconds: float
    label: str | None
    guess: str | None
    label_shares: dict[str, float]
    probabilities: dict[str, float]
    arousal: float | None
    valence: float | None
    dominance: float | None
    trend: Trend


class Summary(tuple[SpeakerSummary, ...]):
    """The speakers of a recording, in order of first appearance; shown as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        from tonfall.analysis.rows import as_text, speaker_rows

        return as_text(speaker_rows(self)) or "no speech"

    def _repr_html_(self) -> str:
        from tonfall.analysis.rows import as_html, speaker_rows

        return as_html(speaker_rows(self)) or "<p>no speech</p>"

    def to_frame(self) -> pd.DataFrame:
        """A row a speaker, indexed by ``speaker``.

        The columns are those of :class:`SpeakerSummary`; of its shares and probabilities each is
        one, ``share_<label>`` and ``p_<label>``.
        """
        import pandas as pd

        index = pd.Index([each.speaker for each in self], name="speaker", dtype="string")
        return pd.DataFrame([_columns(each) for each in self], index=index)


def _columns(summary: SpeakerSummary) -> dict[str, object]:
    values = asdict(summary)
    shares, probabilities = values.pop("label_shares"), values.pop("probabilities")
    del values["speaker"]
    return {
        **values,
        "trend": str(summary.trend),
        **{f"share_{label}": share for label, share in shares.items()},
        **{f"p_{label}": share for label, share in probabilities.items()},
    }


def summarize(timeline: Timeline) -> Summary:
    """Summaries of all speakers, in order of first appearance."""
    speech_samples = {name: _speech_samples(timeline, name) for name in timeline.speakers}
    total = sum(speech_samples.values())
    return Summary(
        _speaker(timeline, name, samples, samples / total if total else 0.0)
        for name, samples in speech_samples.items()
    )


def _speech_samples(timeline: Timeline, speaker: str) -> int:
    return sum(segment.samples for segment in speech(timeline, speaker))


def _speaker(timeline: Timeline, name: str, samples: int, share: float) -> SpeakerSummary:
    turns = [turn for turn in timeline.turns if turn.speaker == name]
    cells = strip(timeline, name)
    shares = _label_shares(cells, timeline.labels)
    probabilities = _probabilities(cells, timeline.labels)
    return SpeakerSummary(
        speaker=name,
        channel=turns[0].channel,
        turns=len(turns),
        speech_seconds=seconds(samples),
        share_of_talk=share,
        judged_seconds=seconds(sum(cell.segment.samples for cell in cells)),
        label=max(shares, key=shares.__getitem__) if shares else None,
        guess=max(probabilities, key=probabilities.__getitem__) if probabilities else None,
        label_shares=shares,
        probabilities=probabilities,
        arousal=_mean(cells, lambda window: window.arousal),
        valence=_mean(cells, lambda window: window.valence),
        dominance=_mean(cells, lambda window: window.dominance),
        trend=trend_of(cells, timeline.labels),
    )


def _label_shares(cells: Sequence[Cell], labels: Sequence[str]) -> dict[str, float]:
    total = sum(cell.segment.samples for cell in cells)
    if not total:
        return {}
    samples = dict.fromkeys([*labels, UNCLEAR], 0)
    for cell in cells:
        samples[cell.window.label] += cell.segment.samples
    return {label: count / total for label, count in samples.items()}


def _probabilities(cells: Sequence[Cell], labels: Sequence[str]) -> dict[str, float]:
    total = sum(cell.segment.samples for cell in cells)
    if not total:
        return {}
    sums = [0.0] * len(labels)
    for cell in cells:
        for index, probability in enumerate(cell.window.probabilities):
            sums[index] += probability * cell.segment.samples
    return {label: value / total for label, value in zip(labels, sums, strict=True)}


def _mean(cells: Sequence[Cell], value: Callable[[Window], float | None]) -> float | None:
    """Mean over the cells that have the value, weighted by length."""
    pairs = [(value(cell.window), cell.segment.samples) for cell in cells]
    known = [(number, samples) for number, samples in pairs if number is not None]
    total = sum(samples for _, samples in known)
    if not total:
        return None
    return sum(number * samples for number, samples in known) / total
