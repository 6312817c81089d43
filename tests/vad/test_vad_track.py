from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.vad import VoiceModel, VoiceTrack, probabilities


def push_in_parts(model: VoiceModel, tracks: dict[VoiceTrack, list[FloatArray]]) -> None:
    """Feed all tracks side by side, each with its own parts."""
    for turn in range(max(map(len, tracks.values()))):
        for track, parts in tracks.items():
            if turn < len(parts):
                track.push(parts[turn])
        model.score([job for track in tracks for job in track.due()])
    for track in tracks:
        track.close()
    model.score([job for track in tracks for job in track.due()])


cuts = st.lists(st.integers(0, 96_256), max_size=30).map(sorted)


@settings(deadline=None, max_examples=25)
@given(where=st.lists(cuts, min_size=1, max_size=4))
def test_any_chunking_beside_any_others_gives_the_same(
    voice_model: VoiceModel, speech: FloatArray, where: list[list[int]]
) -> None:
    tracks = {
        VoiceTrack(): [speech[start:end] for start, end in pairwise([0, *cut, len(speech)])]
        for cut in where
    }
    push_in_parts(voice_model, tracks)
    [expected] = probabilities(speech[None])
    for track in tracks:
        np.testing.assert_allclose(track.take(), expected, atol=1e-6)


def test_each_probability_is_given_once_and_in_order(
    voice_model: VoiceModel, speech: FloatArray
) -> None:
    track, taken = VoiceTrack(), []
    for start in range(0, len(speech), 3000):
        track.push(speech[start : start + 3000])
        voice_model.score(track.due())
        taken.append(track.take())
    assert not len(track.take())
    np.testing.assert_allclose(np.concatenate(taken), probabilities(speech[None])[0], atol=1e-6)


def test_less_than_a_chunk_is_not_due_until_closed(
    voice_model: VoiceModel, speech: FloatArray
) -> None:
    track = VoiceTrack()
    track.push(speech[:511])
    assert track.due() == []
    track.close()
    voice_model.score(track.due())
    expected = probabilities(np.pad(speech[:511], (0, 1))[None])[0]
    np.testing.assert_array_equal(track.take(), expected)


def test_nothing_is_due_while_a_job_is_out(voice_model: VoiceModel, speech: FloatArray) -> None:
    track = VoiceTrack()
    track.push(speech[:1024])
    jobs = track.due()
    track.push(speech[1024:2048])
    assert track.due() == []
    voice_model.score(jobs)
    [job] = track.due()
    assert len(job.windows) == 2


def test_an_empty_stream_has_no_probabilities(voice_model: VoiceModel) -> None:
    track = VoiceTrack()
    track.close()
    assert track.due() == []
    assert track.take().shape == (0,)


def test_a_track_whose_job_was_shed_hears_what_follows(
    voice_model: VoiceModel, speech: FloatArray
) -> None:
    track = VoiceTrack()
    track.push(speech[: 50 * 512])
    [job] = track.due()
    job.shed()
    track.push(speech[50 * 512 :])
    voice_model.score(track.due())
    found = track.take()
    assert np.isnan(found[:50]).all()
    # Its state begins anew, but the 64 samples before it are still seen.
    np.testing.assert_allclose(found[50:], probabilities(speech[None, 50 * 512 :])[0], atol=0.2)
    assert (found[50:] > 0.9).any()
