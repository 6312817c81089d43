"""Each change does what it says: measured, on sounds of which the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_clips import made_corpus

from tonfall.arrays import FloatArray
from tonfall.corpora import Manifest
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn import changes
from tonfall.learn.clips import copy_key, copy_sound, pool_clips
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.recipe import Recipe, read_recipe

RATE = 16_000


def tone(hertz: float, *, seconds: float = 2.0) -> FloatArray:
    """(samples,) of a sine at a quarter of full scale."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.25 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def loudest_hertz(waveform: FloatArray) -> float:
    """Where the spectrum of the middle half is highest."""
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 8 * len(middle)))
    return float(np.argmax(spectrum)) * RATE / (8 * len(middle))


def level_db(waveform: FloatArray) -> float:
    return float(10 * np.log10(np.mean(waveform.astype(np.float64) ** 2)))


@pytest.mark.parametrize("snr_db", [0, 20, 40])
def test_gaussian_noise_has_the_ratio_that_was_asked(snr_db: float) -> None:
    clean = tone(300)
    noise = changes.add_white_noise(clean, snr_db=snr_db, rng=np.random.default_rng(0)) - clean
    assert level_db(clean) - level_db(noise) == pytest.approx(snr_db, abs=0.2)
    # White: as strong in the upper half of the spectrum as in the lower.
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[len(power) // 2 :].mean() == pytest.approx(power.mean(), rel=0.05)


def test_gsm_keeps_the_band_of_a_telephone_and_not_what_lies_above() -> None:
    assert level_db(changes.gsm(tone(1000))) == pytest.approx(level_db(tone(1000)), abs=1)
    assert level_db(changes.gsm(tone(6000))) < level_db(tone(6000)) - 30


def test_opus_is_worse_with_fewer_bits() -> None:
    clean = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    off = [level_db(changes.opus(clean, kbps=kbps) - clean) for kbps in (128, 32, 12)]
    assert off[0] < off[1] < off[2]
    assert off[0] < level_db(clean) - 15


def test_a_bit_rate_of_opus_is_about_that() -> None:
    import io

    import soundfile

    clean = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    buffer = io.BytesIO()
    level = (256 - 32) / 250
    soundfile.write(buffer, clean, RATE, format="OGG", subtype="OPUS", compression_level=level)
    assert buffer.tell() * 8 / 10 / 1000 == pytest.approx(32, abs=4)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_stretching_changes_length_and_no_pitch(factor: float) -> None:
    pytest.importorskip("av", reason="needs PyAV: extra av")
    made = changes.stretch_time(tone(400), factor=factor)
    assert len(made) == pytest.approx(2 * RATE / factor, rel=0.03)
    assert loudest_hertz(made) == pytest.approx(400, rel=0.01)


@pytest.mark.parametrize("semitones", [-4, 3, 12])
def test_pitch_moves_by_semitones_and_the_length_stays(semitones: float) -> None:
    pytest.importorskip("av", reason="needs PyAV: extra av")
    made = changes.shift_pitch(tone(400), semitones=semitones)
    assert len(made) == 2 * RATE
    assert loudest_hertz(made) == pytest.approx(400 * 2 ** (semitones / 12), rel=0.01)


def test_without_pyav_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r'need PyAV; run: pip install "tonfall\[av\]"'):
        parse_degradation("pitch:2")(tone(400), "item")


def test_silence_is_put_before_and_trimmed_from_both_ends() -> None:
    sound = tone(300, seconds=0.5)
    late = changes.delay(sound, seconds=0.3)
    assert not late[: round(0.3 * RATE)].any()
    padded = np.pad(late, (0, RATE)) + np.float32(1e-5)
    np.testing.assert_allclose(changes.trim_silence(padded, range_db=40), sound, atol=2e-5)
    assert len(changes.trim_silence(sound[:80], range_db=40)) == 80


def test_a_level_is_brought_to_what_was_asked() -> None:
    quiet = 0.01 * tone(300)
    assert level_db(changes.scale_to_level(quiet, level_db=-20)) == pytest.approx(-20, abs=0.01)
    assert np.abs(changes.scale_to_level(quiet, level_db=0)).max() <= 1
    assert not changes.scale_to_level(np.zeros(100, np.float32), level_db=-20).any()


def test_a_range_is_drawn_from_by_item_and_seed() -> None:
    from dataclasses import replace

    chain = parse_degradation("speed:0.8..1.2+level:-30..-10")
    assert chain.name == "speed:0.8..1.2+level:-30..-10"
    names = [f"item{number}" for number in range(200)]
    drawn = [chain.drawn(name) for name in names]
    factors = [float(each.split("+")[0].removeprefix("speed:")) for each in drawn]
    assert len(set(drawn)) == 200
    assert 0.8 <= min(factors) < 0.82 < 1.18 < max(factors) <= 1.2
    seeded = replace(chain, seed=3)
    assert seeded.drawn("item0") != chain.drawn("item0")
    assert seeded.key != chain.key
    length = len(seeded(tone(300), "item0"))
    factor = float(seeded.drawn("item0").split("+")[0].removeprefix("speed:"))
    assert length == pytest.approx(2 * RATE / factor, rel=0.001)


RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {taps: [0]}
front_end: {piece_frames: 100, context_frames: 40}
augmentation: {copies: ["level:-30..-10+loss:20", gsm]}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    rows = made_corpus(tmp_path, "one", speakers=1, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


@pytest.mark.usefixtures("tiny_front")
def test_training_hears_the_steps_that_a_recipe_writes_out(recipe: Recipe, tmp_path: Path) -> None:
    from tonfall.corpora.clips import Clip

    rows = Manifest.read(tmp_path / "one.parquet").frame
    rows = rows.assign(file=[str(tmp_path / file) for file in rows["file"]])
    lossy, gsm = recipe.augmentation.copies
    clip = Clip("item", Path(rows["file"].iloc[0]))
    plain, lost = (copy_sound(recipe, copy).of(clip) for copy in ("clip", lossy))
    assert np.mean(lost == 0) > np.mean(plain == 0) + 0.05
    pooled = {copy: pool_clips(rows, recipe=recipe, copy=copy) for copy in ("clip", lossy, gsm)}
    assert not np.allclose(pooled["clip"].features, pooled[gsm].features, atol=0.01)
    assert not np.allclose(pooled[gsm].features, pooled[lossy].features, atol=0.01)
    another = recipe.model_copy(update={"seed": 5})
    assert copy_key(recipe, lossy) != copy_key(another, lossy)


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        ("[underwater]", r"copies\.0: neither telephone, room nor steps: 'underwater' is not a"),
        ("[clip]", r"copies\.0: neither telephone, room nor steps"),
        ('["pitch:40"]', r"out of range; semitones from -12 to 12 are taken\.$"),
        ('["noise:10"]', r"augmentation\.acoustics is needed for the copy noise:10"),
    ],
)
def test_copies_that_there_are_not_are_refused(
    recipe: Recipe, tmp_path: Path, copies: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read_recipe(tmp_path / "tiny.yaml", settings=[f"augmentation.copies={copies}"])
