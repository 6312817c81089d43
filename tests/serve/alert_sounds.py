"""Windows and observations for tests of alert rules."""

from __future__ import annotations

from collections.abc import Sequence

from tonfall.serve.alerts import Condition, Firing, Observation, Over, Rule, Watch
from tonfall.timeline import Segment, Window

LABELS = ("neutral", "happiness", "sadness", "anger")


def window(
    end: float, anger: float, *, speaker: str = "S1", unclear: bool = False, snr: float = 20
) -> Window:
    """A window of three seconds that ends at ``end``."""
    rest = (1 - anger) / 3
    return Window(
        segment=Segment(int(max(0, end - 3) * 16_000), int(end * 16_000)),
        channel=0,
        speaker=speaker,
        guess="anger" if anger > 0.5 else "neutral",
        confidence=max(anger, rest),
        unclear=unclear,
        probabilities=(rest, rest, rest, anger),
        arousal=0.8,
        valence=0.2,
        dominance=0.5,
        speech_ratio=0.9,
        snr_db=snr,
    )


def seen(
    end: float, smoothed: float, *, speech_s: float = 60.0, step_s: float = 1.0, **of_window: object
) -> Observation:
    """A window whose curve of anger stands at ``smoothed``."""
    rest = (1 - smoothed) / 3
    return Observation(
        window=window(end, of_window.pop("anger", smoothed), **of_window),  # type: ignore[arg-type]
        smoothed=(rest, rest, rest, smoothed),
        arousal=0.8,
        valence=0.2,
        dominance=0.5,
        speech_s=speech_s,
        step_s=step_s,
    )


def rule(
    measure: str | Sequence[str] = "anger",
    *,
    above: float | None = 0.6,
    below: float | None = None,
    release: float | None = None,
    of: str = "smoothed",
    **changes: object,
) -> Rule:
    """A rule of one condition that fires at once, unless changed."""
    condition = Condition.model_validate(
        {"measure": measure, "above": above, "below": below, "release": release, "of": of}
    )
    quick: dict[str, object] = {"persists_s": 0, "cooldown_s": 0, "minimum_speech_s": 0}
    return Rule.model_validate({"name": "test", "when": (condition,), **quick, **changes})


def run(one: Rule, observations: Sequence[Observation]) -> list[Firing | Over]:
    """What the rule says, window by window."""
    watch = Watch((one,), LABELS)
    return [told for each in observations for told in watch.update(each)]


def fired_at(one: Rule, observations: Sequence[Observation]) -> list[float]:
    """Seconds at which it fired."""
    return [each.seconds for each in run(one, observations) if isinstance(each, Firing)]
