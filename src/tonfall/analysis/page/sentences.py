"""The result of a recording in words: what a reader should know before any picture."""

from __future__ import annotations

from tonfall.analysis.summary import SpeakerSummary, summarize
from tonfall.analysis.trajectory import Trend
from tonfall.timeline import UNCLEAR, Timeline

__all__ = ["sentences"]

_NAMED = 3
"""Labels that a sentence names; the card of the speaker has all."""

_ADJECTIVES = ("neutral", "calm", UNCLEAR)
"""Labels that one sounds; one sounds like the others."""

_TRENDS = {
    Trend.IMPROVING: "the tone improved towards the end",
    Trend.WORSENING: "the tone worsened towards the end",
    Trend.STEADY: "the tone stayed much the same",
    Trend.UNKNOWN: "that is too little speech for a trend",
}


def sentences(timeline: Timeline) -> tuple[str, ...]:
    """A sentence a speaker, in order of appearance; none where nobody speaks."""
    return tuple(_sentence(each) for each in summarize(timeline))


def _sentence(summary: SpeakerSummary) -> str:
    spoke = f"{summary.speaker} spoke for {summary.speech_seconds:.0f} s"
    if summary.label is None:
        return f"{spoke} and was not judged."
    ranked = sorted(summary.label_shares.items(), key=lambda entry: -entry[1])
    first, *others = [each for each in ranked[:_NAMED] if each[1] >= 0.005]
    named = [_share(*first, of=" of that time"), *(_share(*each) for each in others)]
    return f"{spoke} and sounded {', then '.join(named)}; {_TRENDS[summary.trend]}."


def _share(label: str, share: float, *, of: str = "") -> str:
    said = label if label in _ADJECTIVES else f"like {label}"
    return f"{said} ({share:.0%}{of})".replace("%", "\N{NO-BREAK SPACE}%")
