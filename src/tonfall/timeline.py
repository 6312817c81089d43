"""Who spoke when, and how it sounded: the values that everything else passes round.

Inside, time is an integer count of samples at 16 kHz since the start of the stream;
seconds are computed on the way out and never summed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "SAMPLING_RATE",
    "UNCLEAR",
    "Features",
    "Recording",
    "Segment",
    "Timeline",
    "Turn",
    "Window",
    "seconds",
    "shown_label",
]

SAMPLING_RATE = 16_000
"""Hz of the sample count that all times inside are given in."""

UNCLEAR = "unclear"
"""The label where the model's confidence is below its threshold; no category is called so."""


def shown_label(guess: str, unclear: bool) -> str:
    """The label of a stretch: the guess, or "unclear" where the confidence does not carry it."""
    return UNCLEAR if unclear else guess


def seconds(samples: int) -> float:
    """Seconds of a count of samples at 16 kHz, rounded to a tenth of a millisecond.

    >>> seconds(24000)
    1.5
    """
    return round(samples / SAMPLING_RATE, 4)


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A half-open stretch of time ``[start, end)`` in samples at 16 kHz.

    >>> Segment(0, 16000).overlap(Segment(8000, 32000))
    8000
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end, (self.start, self.end)

    @property
    def samples(self) -> int:
        """Length in samples at 16 kHz."""
        return self.end - self.start

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return seconds(self.samples)

    def overlap(self, other: Segment) -> int:
        """Samples that both segments share."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Features:
    """How a voice was, measured: each in its unit, and against the speaker's own baseline.

    A number is None where it is undefined: no voice, too little speech, too few windows for a
    baseline.

    Attributes:
        pitch_hz: median over the voiced frames, in Hz.
        loudness: mean of the auditory loudness, without unit; 1 is speech near the microphone.
        syllables_per_s: syllable nuclei a second of speech.
        hnr_db: mean ratio of harmonics to noise over the voiced frames, in dB.
        pitch_z: in standard deviations of the speaker's windows in this recording from their
            mean; of pitch on a logarithmic scale.
        loudness_z, syllables_z, hnr_z: likewise.
    """

    pitch_hz: float | None = None
    loudness: float | None = None
    syllables_per_s: float | None = None
    hnr_db: float | None = None
    pitch_z: float | None = None
    loudness_z: float | None = None
    syllables_z: float | None = None
    hnr_z: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of speech of one speaker, and how it sounded as a whole.

    Where a turn was too short to be judged, or its side is not scored, ``label``, ``guess`` and
    ``confidence`` are None, ``probabilities`` is empty and the dimensions are None.

    ``short`` is True where there was less speech than a window needs (half a second), so that the
    judgement rests on little. ``features`` are there where they were asked for and the speaker was
    judged.
    """

    segment: Segment
    channel: int
    speaker: str
    guess: str | None = None
    confidence: float | None = None
    unclear: bool = False
    probabilities: tuple[float, ...] = ()
    arousal: float | None = None
    valence: float | None = None
    dominance: float | None = None
    short: bool = False
    features: Features | None = None

    @property
    def label(self) -> str | None:
        """The guess, "unclear" where the confidence is below the threshold, or None."""
        return None if self.guess is None else shown_label(self.guess, self.unclear)


@dataclass(frozen=True, slots=True)
class Window:
    """The last three seconds before ``segment.end``, judged as one.

    Attributes:
        segment: what was judged; shorter than three seconds at a stream's start or after a gap.
        channel: index of the channel.
        speaker: label of the speaker within this recording.
        guess: the most probable category.
        confidence: in [0, 1], of the guess.
        unclear: True where confidence is below the model's threshold.
        probabilities: in [0, 1], in the order of the timeline's labels, summing to 1.
        arousal, valence, dominance: in [0, 1], or None where the model has no dimensions.
        speech_ratio: in [0, 1], the part of the window that is speech.
        snr_db: level of speech over background in dB, or None where it cannot be told.
        heard: seconds of speech that the baseline had heard before this window.
        features: of the speaker's speech in it, where they were asked for.
    """

    segment: Segment
    channel: int
    speaker: str
    guess: str
    confidence: float
    unclear: bool
    probabilities: tuple[float, ...]
    arousal: float | None
    valence: float | None
    dominance: float | None
    speech_ratio: float
    snr_db: float | None = None
    heard: float = 0.0
    features: Features | None = None

    @property
    def label(self) -> str:
        """The guess, or "unclear" where the confidence is below the threshold."""
        return shown_label(self.guess, self.unclear)


@dataclass(frozen=True, slots=True)
class Recording:
    """Facts about the audio a timeline was made from.

    Attributes:
        file: as it was given; "-" for standard input, "" for an array or a live stream.
        sampling_rate: of the source, in Hz.
        channels: of the source; 1 where they were mixed to one.
        samples: length at 16 kHz.
    """

    file: str
    sampling_rate: int
    channels: int
    samples: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return seconds(self.samples)


@dataclass(frozen=True, slots=True, repr=False)
class Timeline:
    """Turns and windows of one recording, in order of time, with the model that made them.

    Attributes:
        labels: the model's label space; the order of every ``probabilities``.
        model: the bundle's name.
        model_hash: SHA-256 of the bundle, hexadecimal.
        baseline: True where each voice was judged against what was heard of it before.
        notes: sentences for the reader, such as "no speech was found".
    """

    recording: Recording
    labels: tuple[str, ...]
    model: str
    model_hash: str
    baseline: bool
    turns: tuple[Turn, ...] = ()
    windows: tuple[Window, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<Timeline of {self.facts}>"

    @property
    def facts(self) -> str:
        """The recording and what was found in it, in a line."""
        recording = self.recording
        parts = (
            f"{recording.duration:.1f} s",
            f"{len(self.speakers)} speakers",
            f"{len(self.turns)} turns",
            f"{len(self.windows)} windows",
            f"model {self.model}",
        )
        return f"{recording.file or 'an array'}: {', '.join(parts)}"

    @property
    def speakers(self) -> tuple[str, ...]:
        """Every speaker, in order of first appearance."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))
