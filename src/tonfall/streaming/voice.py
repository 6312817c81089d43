"""One voice of a stream: its pieces, windows, turns and baseline."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tonfall.arrays import FloatArray
from tonfall.bundle import BundleSpec
from tonfall.features import HOP
from tonfall.runtime import LEAST_SPEECH_S, Baseline, Judgement, scored_turn
from tonfall.streaming.events import Event, SpeechEnded, SpeechStarted, TurnEnded, WindowScored
from tonfall.streaming.jobs import WindowJob
from tonfall.timeline import SAMPLING_RATE, Segment, Turn, Window

__all__ = ["Piece", "Voice"]


@dataclass(slots=True)
class Piece:
    """A second of one channel.

    Attributes:
        segment: what it covers, in samples at 16 kHz.
        speech_s: seconds of speech in it.
        snr_db: level of speech over background, or None.
        statistics: what the encoder gave; None until then, and for ever without speech.
        given_up: True where a model failed on it, or there was no time for it.
        era: number of the baseline that it belongs to.
    """

    segment: Segment
    speech_s: float
    snr_db: float | None = None
    statistics: FloatArray | None = None
    given_up: bool = False
    era: int = 0

    def fill(self, statistics: FloatArray) -> None:
        """Take the encoder's row."""
        self.statistics = statistics

    def give_up(self) -> None:
        """No window that this piece belongs to can be judged."""
        self.given_up = True

    @property
    def spoken(self) -> bool:
        """True where there is speech enough to encode."""
        return self.speech_s >= LEAST_SPEECH_S


@dataclass(slots=True)
class Voice:
    """What is known of one speaker of a stream, and what is due.

    Windows are judged strictly in order, each against what was heard before it, so that the
    result does not depend on how audio or work was cut.

    Args:
        spec: of the model's bundle.
        channel: index of the channel.
        speaker: label within the recording.
        prior: of the baseline, or None to judge every window alone.

    Attributes:
        baseline: what was heard so far; the prior anew with each era.
        learnt: what the voice adds to a line's prior, judged against the model's own prior; None
            where nothing is to be learnt of it.
        learn_from: sample at which the first window begins that is learnt from.
        shed: windows that were given up.
    """

    spec: BundleSpec
    channel: int
    speaker: str
    prior: Baseline | None
    baseline: Baseline | None = None
    learnt: Baseline | None = None
    learn_from: int = 0
    shed: int = 0
    events: list[Event] = field(default_factory=list)
    _recent: deque[Piece] = field(default_factory=deque)
    _due: deque[tuple[Piece, ...]] = field(default_factory=deque)
    _asked: bool = False
    _windows: deque[tuple[int, Window]] = field(default_factory=deque)
    _short: deque[tuple[int, Window]] = field(default_factory=deque)
    _turns: deque[Segment] = field(default_factory=deque)
    _uncovered: int | None = None
    _judged: bool = False
    _earliest: int = 0
    _cut_to: int = 0
    _era: int = 0

    def __post_init__(self) -> None:
        self.baseline = self.prior

    def start_speech(self, sample: int) -> None:
        """A turn began at ``sample``."""
        self.events.append(SpeechStarted(sample, self.channel, self.speaker))

    def end_speech(self, turn: Segment) -> None:
        """A turn is over; it is told once its windows are judged."""
        self.events.append(SpeechEnded(turn.end, self.channel, self.speaker))
        self._turns.append(turn)

    def expect_turns(self, *, earliest: int) -> None:
        """No turn that is still open or to come begins before sample ``earliest``."""
        self._earliest = earliest

    def pass_over(self, end: int) -> None:
        """The next second, up to ``end``, is not to be judged."""
        self._cut_to = end

    def add_piece(self, piece: Piece) -> None:
        """The next second is cut. A window ends with it where there is speech enough.

        Speech that ends before it is enough gives a short window. That one is not told and teaches
        the baseline nothing: it is there for a turn that no other window reaches.
        """
        if not piece.spoken:
            self._ask_short()
        self._judged = True
        self._recent.append(piece)
        while len(self._recent) > self.spec.windows.pieces:
            self._recent.popleft()
        self._cut_to = piece.segment.end
        speech = sum(recent.speech_s for recent in self._recent if recent.spoken)
        if piece.spoken and speech >= self.spec.windows.minimum_speech_s:
            self._due.append(tuple(self._recent))
            self._uncovered = None
        elif piece.spoken and self._uncovered is None:
            self._uncovered = piece.segment.start

    def break_off(self) -> None:
        """A gap: windows do not reach across it."""
        self._ask_short()
        self._recent.clear()

    def _ask_short(self) -> None:
        if self._uncovered is not None:
            self._due.append(tuple(self._recent))
            self._uncovered = None

    def window_job(self) -> WindowJob | None:
        """The next window to be judged, or None while one is out or its pieces are."""
        while not self._asked and self._due and any(piece.given_up for piece in self._due[0]):
            self._shed()
        if self._asked or not self._due:
            return None
        spoken = [piece.statistics for piece in self._due[0] if piece.spoken]
        rows = tuple(row for row in spoken if row is not None)
        if len(rows) < len(spoken):
            return None
        self._asked = True
        self._enter(self._due[0][-1].era)
        learns = self._learns_from(self._due[0])
        return WindowJob(rows, self.baseline, self._deliver, self._shed, learns)

    def settle(self) -> None:
        """Tell the turns whose windows are all judged; forget windows no turn will ask for."""
        until = self._due[0][-1].segment.start if self._due else self._cut_to
        if self._uncovered is not None:
            until = min(until, self._uncovered)
        while self._turns and self._turns[0].end <= until:
            turn = self._turn(self._turns[0])
            if turn.guess is None and until < self._turns[0].end + self._patience:
                break
            self._tell(turn)
        needed = min([turn.start for turn in self._turns], default=self._earliest)
        for windows in (self._windows, self._short):
            while windows and windows[0][1].segment.end <= needed:
                windows.popleft()

    def close(self) -> None:
        """Nothing follows: tell every turn that is left."""
        assert not self._due
        while self._turns:
            self._tell(self._turn(self._turns[0]))

    @property
    def _patience(self) -> int:
        """Samples after a turn that no window reaches in which one may still come to judge it."""
        return self.spec.front_end.piece_frames * HOP if self._judged else 0

    def _tell(self, turn: Turn) -> None:
        segment = self._turns.popleft()
        if turn.guess is None:
            every = [*self._short, *self._windows]
            turn = self._scored(segment, every, before=segment.end + self._patience)
            turn = replace(turn, short=turn.guess is not None)
        self.events.append(TurnEnded(turn))

    def _turn(self, segment: Segment) -> Turn:
        """Windows whose newest second comes after the turn do not count: live, they are not in."""
        return self._scored(segment, self._windows, before=segment.end)

    def _scored(
        self, segment: Segment, windows: Iterable[tuple[int, Window]], *, before: int
    ) -> Turn:
        return scored_turn(
            Turn(segment, self.channel, self.speaker),
            [window for newest, window in windows if newest < before],
            labels=self.spec.labels,
            threshold=self.spec.calibration.uncertain_below,
        )

    def _enter(self, era: int) -> None:
        """Forget what was heard, if another voice may speak from this window on."""
        if era != self._era:
            self._era, self.baseline = era, self.prior

    def _shed(self) -> None:
        self._asked = False
        self._due.popleft()
        self.shed += 1

    def _deliver(self, judgement: Judgement) -> None:
        self._asked = False
        pieces = self._due.popleft()
        window = _window(self, pieces, judgement)
        newest = pieces[-1]
        if self._is_short(pieces):
            self._short.append((newest.segment.start, window))
            return
        if self.baseline:
            self.baseline = self.baseline.updated(
                judgement.pooled, seconds=newest.speech_s, gate=judgement.gate
            )
        if self.learnt and judgement.prior_gate is not None:
            self.learnt = self.learnt.updated(
                judgement.pooled, seconds=newest.speech_s, gate=judgement.prior_gate
            )
        self._windows.append((newest.segment.start, window))
        self.events.append(WindowScored(window))

    def _learns_from(self, pieces: Sequence[Piece]) -> bool:
        return self.learnt is not None and pieces[0].segment.start >= self.learn_from

    def _is_short(self, pieces: Sequence[Piece]) -> bool:
        speech = sum(piece.speech_s for piece in pieces if piece.spoken)
        return speech < self.spec.windows.minimum_speech_s


def _window(voice: Voice, pieces: tuple[Piece, ...], judgement: Judgement) -> Window:
    """The window, judged against the baseline as it is."""
    heard = voice.baseline.heard if voice.baseline else 0.0
    newest = pieces[-1]
    segment = Segment(pieces[0].segment.start, newest.segment.end)
    affect = judgement.affect
    speech = sum(piece.speech_s for piece in pieces)
    return Window(
        segment=segment,
        channel=voice.channel,
        speaker=voice.speaker,
        guess=affect.guess,
        confidence=affect.confidence,
        unclear=affect.unclear,
        probabilities=affect.probabilities,
        arousal=affect.arousal,
        valence=affect.valence,
        dominance=affect.dominance,
        speech_ratio=min(1.0, speech * SAMPLING_RATE / max(segment.samples, 1)),
        snr_db=newest.snr_db,
        heard=round(heard, 3),
    )
