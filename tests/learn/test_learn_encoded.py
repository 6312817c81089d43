"""What a bundle makes of clips is made once, for every protocol and every head on one front."""

from __future__ import annotations

from pathlib import Path

import grimp
import numpy as np
import pytest
import soundfile
from made_clips import RATE, voice
from tiny_bundle import tiny_spec, write_tiny

from tonfall.corpora.clips import Clip
from tonfall.errors import AudioError
from tonfall.learn import encoded
from tonfall.learn.degrade import Degradation, parse_degradation
from tonfall.learn.encoded import bundle_statistics
from tonfall.learn.shelves import open_shelves
from tonfall.runtime import Predictor


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    made = []
    for number, pitch in enumerate((110, 220, 330)):
        file = tmp_path / f"{number}.wav"
        soundfile.write(file, voice(pitch, seconds=1.2, seed=number), RATE)
        made.append(Clip(str(number), file))
    return made


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Items that were encoded, in order."""
    found: list[str] = []
    real = encoded.encode_clip

    def counted(
        model: Predictor, clip: Clip, degradation: Degradation | None
    ) -> tuple[np.ndarray, float]:
        found.append(clip.item)
        return real(model, clip, degradation)

    monkeypatch.setattr(encoded, "encode_clip", counted)
    return found


def test_a_second_time_nothing_is_encoded(
    clips: list[Clip], tiny: Predictor, heard: list[str]
) -> None:
    first = bundle_statistics(tiny, clips[:2], None)
    open_shelves.cache_clear()  # as another process would begin
    second = bundle_statistics(tiny, clips, None)
    assert heard == ["0", "1", "2"]
    np.testing.assert_array_equal(second[0][:2], first[0])
    np.testing.assert_array_equal(second[1][:2], first[1])
    assert len(np.unique(second[0][:, 0])) == 3


def test_another_degradation_or_sound_is_encoded_anew(
    clips: list[Clip], tiny: Predictor, heard: list[str]
) -> None:
    clean, _ = bundle_statistics(tiny, clips[:1], None)
    lost, _ = bundle_statistics(tiny, clips[:1], parse_degradation("loss:30"))
    soundfile.write(clips[0].file, voice(500, seconds=1.3, seed=9), RATE)
    other, _ = bundle_statistics(tiny, clips[:1], None)
    assert heard == ["0", "0", "0"]
    assert not np.array_equal(clean, lost)
    assert not np.array_equal(clean, other)


def test_another_head_on_the_same_front_encodes_nothing(
    clips: list[Clip], tiny: Predictor, heard: list[str], tmp_path: Path
) -> None:
    bundle_statistics(tiny, clips, None)
    spec = tiny_spec().model_copy(update={"name": "renamed"})
    renamed = Predictor(write_tiny(tmp_path / "renamed", spec=spec))
    assert renamed.hash != tiny.hash
    bundle_statistics(renamed, clips, None)
    assert heard == ["0", "1", "2"]


def test_a_silent_clip_is_named(clips: list[Clip], tiny: Predictor, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match=r"nothing \(.*nothing\.wav\)"):
        bundle_statistics(tiny, [Clip("nothing", tmp_path / "nothing.wav")], None)
    assert clips


def test_the_key_covers_all_code_that_an_encoded_clip_goes_through() -> None:
    """But for the bundle, the degradation and values, which stand in the key themselves."""
    graph = grimp.build_graph("tonfall")
    used = graph.find_upstream_modules("tonfall.learn.encoded") | {"tonfall.learn.encoded"}
    covered = {part.removesuffix(".py").replace("/", ".") for part in encoded.CODE}
    covered |= {part.removesuffix(".__init__") for part in covered}
    elsewhere = {
        *("bundle", "contents", "corpora", "emotion", "errors", "parsing", "timeline", "workers"),
        *("learn.augment", "learn.changes", "learn.degrade", "learn.shelves"),
        *("runtime", "runtime.baseline"),
    }
    left = [
        name
        for module in used
        for name in [module.removeprefix("tonfall.")]
        if not any(f"{name}.".startswith(f"{each}.") for each in covered | elsewhere)
    ]
    assert left == []
