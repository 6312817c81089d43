"""What is not judged is not made up, and leaves the baselines as they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from streams import RATE, assert_same, cut, example, push_all, turns_of, windows_of

from tonfall.arrays import FloatArray
from tonfall.bundle import Bundle
from tonfall.errors import BundleError
from tonfall.runtime import Baseline, Judgement, Predictor
from tonfall.streaming import Engine, Scorer, Stream, StreamEnded, WindowJob
from tonfall.timeline import SAMPLING_RATE, Segment
from tonfall.vad import VoiceModel


class Faulty(Predictor):
    """A model whose parts fail when told to."""

    judges = encodes = True

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        return super().encode(frames if self.encodes else frames[:, 1:], weights)

    def judge_windows(
        self, statistics: FloatArray, baselines: Sequence[Baseline | None]
    ) -> list[Judgement]:
        spoilt = statistics if self.judges else statistics * np.float32(np.nan)
        return super().judge_windows(spoilt, baselines)


@pytest.fixture
def faulty(tiny_bundle: Bundle) -> Faulty:
    return Faulty(tiny_bundle)


def window_jobs(engine: Engine, model: Predictor) -> list[WindowJob]:
    """The windows that are due once voices and pieces are done."""
    VoiceModel.load().score(engine.voice_jobs())
    for job in engine.piece_jobs():
        job.deliver(model.encode(job.frames[None], job.weights[None])[0])
    return engine.window_jobs()


def judge(job: WindowJob, model: Predictor) -> None:
    job.deliver(model.judge_windows(model.combine(job.pieces)[None], [job.baseline])[0])


def test_a_shed_window_leaves_the_baseline_as_it_was(tiny: Predictor) -> None:
    engine = Engine(tiny, sampling_rate=RATE, channels=1)
    engine.feed(example(4, 12)[:1])
    (first,) = window_jobs(engine, tiny)
    judge(first, tiny)
    (second,) = engine.window_jobs()
    assert second.baseline is not None
    assert second.baseline.heard > 0
    second.shed()
    (third,) = engine.window_jobs()
    assert third.baseline is second.baseline
    assert not np.array_equal(third.pieces, second.pieces)


def test_a_shed_window_is_not_told_and_the_others_are(tiny: Predictor) -> None:
    engine = Engine(tiny, sampling_rate=RATE, channels=1)
    engine.feed(example(4, 12)[:1])
    engine.close()
    jobs, judged = window_jobs(engine, tiny), 0
    for number in range(100):
        if not jobs:
            break
        if number % 2:
            jobs[0].shed()
        else:
            judge(jobs[0], tiny)
            judged += 1
        jobs = engine.window_jobs()
    events = engine.take_events()
    assert len(windows_of(events)) == judged > 1
    assert turns_of(events)
    assert isinstance(events[-1], StreamEnded)


def test_no_second_window_of_a_voice_is_handed_out_before_the_first_is_judged(
    tiny: Predictor,
) -> None:
    engine = Engine(tiny, sampling_rate=RATE, channels=1)
    engine.feed(example(4, 12)[:1])
    assert len(window_jobs(engine, tiny)) == 1
    assert engine.window_jobs() == []


@pytest.mark.parametrize(
    ("part", "message"), [("judges", "scores that are not finite"), ("encodes", "graph failed")]
)
def test_a_failed_model_is_an_error_and_the_stream_goes_on(
    faulty: Faulty, part: str, message: str
) -> None:
    chunks = cut(example(4, 18)[:1], [4 * RATE, 2 * RATE, 2 * RATE])
    stream = Stream(faulty, sampling_rate=RATE)
    before = windows_of(stream.push(chunks[0]))
    setattr(faulty, part, False)
    with pytest.raises(BundleError, match=message):
        stream.push(chunks[1])
    setattr(faulty, part, True)
    after = windows_of([event for chunk in chunks[2:] for event in stream.push(chunk)])
    assert before
    assert after
    times = [window.segment.end for window in after]
    untroubled = push_all(Stream(faulty, sampling_rate=RATE), chunks)
    healthy = {window.segment.end: window for window in windows_of(untroubled)}
    assert set(times) < set(healthy)
    # What was lost was not heard.
    assert after[0].heard < healthy[times[0]].heard


class Deaf(VoiceModel):
    """Voice activity that fails when told to."""

    hears = True

    def _score_stretch(self, batch: Sequence[object]) -> None:
        if not self.hears:
            raise BundleError("The voice activity model failed.")
        super()._score_stretch(batch)  # type: ignore[arg-type]


def test_a_stream_hears_again_after_voice_activity_failed(tiny: Predictor) -> None:
    voice = Deaf.load()
    assert isinstance(voice, Deaf)
    scorer, engine = Scorer(tiny, voice_model=voice), Engine(tiny, sampling_rate=RATE, channels=1)
    chunks = cut(example(4, 18)[:1], [4 * RATE, 2 * RATE])
    engine.feed(chunks[0])
    scorer.serve([engine])
    voice.hears = False
    engine.feed(chunks[1])
    with pytest.raises(BundleError, match="voice activity model failed"):
        scorer.serve([engine])
    voice.hears = True
    engine.feed(chunks[2])
    engine.close()
    scorer.serve([engine])
    events = engine.take_events()
    judged = [window.segment for window in windows_of(events)]
    assert any(segment.end > 12 * SAMPLING_RATE for segment in judged)
    # Nothing is said of windows in which it is not known who spoke, and that is counted.
    lost = Segment(int(4.1 * SAMPLING_RATE), int(5.9 * SAMPLING_RATE))
    assert not any(segment.overlap(lost) for segment in judged if segment.start >= SAMPLING_RATE)
    assert isinstance(events[-1], StreamEnded)


def test_one_piece_that_fails_costs_no_other_stream_anything(tiny_bundle: Bundle) -> None:
    class Choosy(Predictor):
        """Fails on the loud."""

        def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
            if frames.max() > 0.5:
                raise BundleError("The model failed.")
            return super().encode(frames, weights)

    model = Choosy(tiny_bundle)
    quiet = example(4, 12)[:1] * np.float32(0.1)
    loud = quiet / np.abs(quiet).max()
    engines = [Engine(model, sampling_rate=RATE, channels=1) for _ in range(2)]
    scorer = Scorer(model)
    for engine, samples in zip(engines, (quiet, loud), strict=True):
        engine.feed(samples)
        engine.close()
    with pytest.raises(BundleError, match="The model failed"):
        scorer.serve(engines)
    events = [engine.take_events() for engine in engines]
    assert_same(events[0], push_all(Stream(model, sampling_rate=RATE), [quiet]))
    assert len(windows_of(events[1])) < len(windows_of(events[0]))
    assert (engines[0].shed, engines[1].shed > 0) == (0, True)
