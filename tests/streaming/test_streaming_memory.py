"""What a stream holds does not grow with its length, nor with what it heard."""

from __future__ import annotations

import gc
import pickle
import sys
from itertools import pairwise

import numpy as np
import pytest
from streams import RATE, example, push_all, turns_of, white_noise

from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor
from tonfall.streaming import Engine, Event, Scorer, Stream, StreamEnded
from tonfall.timeline import SAMPLING_RATE


def held(root: object) -> int:
    """Bytes of everything that an engine holds and shares with nothing else."""
    seen: set[int] = set()
    waiting, total = [root], 0
    shared = (type, Predictor, type(sys))
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, shared) or callable(each):
            continue
        seen.add(id(each))
        total += each.nbytes if isinstance(each, np.ndarray) else sys.getsizeof(each)
        waiting += gc.get_referents(each)
    return total


def minute_of(kind: str) -> FloatArray:
    speech = np.tile(example(), (1, 2))[:, : 60 * RATE]
    noise = white_noise(60, level=0.02, channels=2)
    return {"speech": speech, "noise": noise, "both": np.clip(speech + noise, -1, 1)}[kind]


@pytest.mark.parametrize(("kind", "minutes"), [("speech", 8), ("noise", 15), ("both", 8)])
def test_a_long_call_is_held_in_no_more_than_its_first_minutes(
    tiny: Predictor, kind: str, minutes: int
) -> None:
    engine = Engine(tiny, sampling_rate=RATE, channels=2)
    scorer, minute, sizes = Scorer(tiny), minute_of(kind), []
    for _ in range(minutes):
        engine.feed(minute)
        scorer.serve([engine])
        engine.take_events()
        sizes.append(held(engine))
    assert max(sizes[3:]) <= 1.1 * max(sizes[:3])
    assert max(sizes) < 2_000_000


def test_an_hour_of_pauses_is_held_in_nothing(tiny: Predictor) -> None:
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    sizes = []
    for _ in range(60):
        stream.push(example(1, 3))
        stream.skip(58)
        sizes.append(held(stream._engine))
    assert max(sizes[3:]) <= 1.1 * max(sizes[:3])
    assert stream.close()[-1] == StreamEnded(3600 * SAMPLING_RATE)


def test_thousands_of_turns_are_told_in_order_and_forgotten(tiny: Predictor) -> None:
    # Half a second of a vowel and as much silence: about a turn a second and channel.
    speech = example(46.6, 47.1)
    speech[1] = speech[0]
    second = np.concatenate([speech, np.zeros_like(speech)], axis=1)
    minute = np.tile(second, (1, 60))
    stream = Stream(tiny, sampling_rate=RATE, channels=2, baseline=False, scored=[True, False])
    events: list[Event] = []
    for _ in range(20):
        events += stream.push(minute)
    size = held(stream._engine)
    events += stream.close()
    told = turns_of(events)
    assert len(told) > 2000
    for channel in (0, 1):
        segments = [turn.segment for turn in told if turn.channel == channel]
        assert all(one.end < other.start for one, other in pairwise(segments))
    assert size < 2_000_000


def test_no_event_carries_a_baseline_or_features(tiny: Predictor) -> None:
    events = push_all(Stream(tiny, sampling_rate=RATE, channels=2), [example(0, 12)])
    # A baseline refuses to be pickled, so what can be pickled holds none.
    content = pickle.dumps(events)
    assert b"Baseline" not in content
    assert b"numpy" not in content
