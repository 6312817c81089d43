"""Recordings made worse: of the same length, the same each time, and as bad as was asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.augment import (
    Acoustics,
    add_noise,
    add_room,
    change_speed,
    load_acoustics,
    telephone,
)
from tonfall.learn.copies import COPIES, make_copy
from tonfall.learn.degrade import DEGRADATIONS, parse_degradation

RATE = 16_000


@pytest.fixture(scope="module")
def waveform() -> FloatArray:
    """Noise under a slow swell, of an odd length."""
    rng = np.random.default_rng(0)
    swell = np.sin(np.arange(24_001) / 4000) ** 2
    return (0.1 * swell * rng.normal(0, 1, 24_001)).astype(np.float32)


@pytest.fixture(scope="module")
def acoustics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two noises and a room."""
    folder = tmp_path_factory.mktemp("acoustics")
    rng = np.random.default_rng(1)
    decay = np.exp(-np.arange(3200) / 400)
    for name, sound in {
        "hiss": 0.1 * rng.normal(0, 1, RATE),
        "hum": 0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 50 / RATE),
        "rir_hall": 0.5 * decay * rng.normal(0, 1, 3200),
    }.items():
        soundfile.write(folder / f"{name}.wav", sound.clip(-1, 1), RATE, subtype="PCM_16")
    return folder


CHAINS = [
    "gsm",
    "opus:16",
    "white:10",
    "rms:-20",
    "speed:1.1",
    "stretch:1.1",
    "pitch:-2",
    "delay:0.2",
    "trim:30",
    "telephone",
    "noise:10",
    "room",
    "loss:20",
    "mp3:16",
    "level:-30",
    "crop:0.6",
    "noise:20+telephone",
]


def test_every_step_is_tried_here() -> None:
    tried = {chain.split("+")[0].split(":")[0] for chain in CHAINS}
    assert tried == {name.split(":")[0] for name in DEGRADATIONS}


@pytest.mark.parametrize("chain", CHAINS)
def test_an_item_always_meets_the_same(waveform: FloatArray, acoustics: Path, chain: str) -> None:
    degrade = parse_degradation(chain, acoustics=acoustics)
    once = degrade(waveform, "item")
    lengths = {"crop:0.6": 9600, "speed:1.1": 21819, "delay:0.2": 27201}
    if chain.startswith(("stretch", "trim")):
        assert len(once) < len(waveform)
    else:
        assert len(once) == lengths.get(chain, len(waveform))
    assert once.dtype == np.float32
    assert np.isfinite(once).all()
    np.testing.assert_array_equal(once, degrade(waveform, "item"))
    assert not np.array_equal(once, waveform)


@pytest.mark.parametrize("chain", ["noise:10", "loss:20"])
def test_another_item_meets_something_else(
    waveform: FloatArray, acoustics: Path, chain: str
) -> None:
    degrade = parse_degradation(chain, acoustics=acoustics)
    assert not np.array_equal(degrade(waveform, "one"), degrade(waveform, "other"))


def test_only_the_named_noises_are_used(waveform: FloatArray, acoustics: Path) -> None:
    hum = parse_degradation("noise:0", acoustics=acoustics, noises=("hum",))
    added = hum(waveform, "item") - waveform
    spectrum = np.abs(np.fft.rfft(added))
    assert np.argmax(spectrum) * RATE / len(added) == pytest.approx(50, abs=1)


def test_the_share_of_lost_packets_is_what_was_asked(acoustics: Path) -> None:
    steady = np.full(20 * RATE, 0.5, np.float32)
    lost = parse_degradation("loss:20")(steady, "item")
    packets = lost.reshape(-1, 320)
    assert set(np.unique(lost)) == {0.0, 0.5}
    assert (np.ptp(packets, axis=1) == 0).all()
    # A thousand packets: two deviations are 2.5 %.
    assert np.mean(packets[:, 0] == 0) == pytest.approx(0.2, abs=0.03)


def test_noise_lies_below_the_active_level_by_what_was_asked() -> None:
    rng = np.random.default_rng(0)
    speech = np.concatenate([np.full(RATE, 0.1), np.zeros(RATE)]).astype(np.float32)
    noisy = add_noise(speech, rng.normal(0, 1, RATE).astype(np.float32), snr_db=20, rng=rng)
    power = float(np.mean((noisy - speech) ** 2))
    # Half of the clip is silent; the louder half decides.
    assert 10 * np.log10(0.1**2 / power) == pytest.approx(20, abs=0.3)


def test_a_crop_is_the_loudest_stretch_and_leaves_what_is_short() -> None:
    rng = np.random.default_rng(0)
    quiet = rng.normal(0, 0.01, 2 * RATE).astype(np.float32)
    quiet[20_000:26_000] *= 30
    word = parse_degradation("crop:0.5")(quiet, "item")
    assert np.sum(word**2) == pytest.approx(np.sum(quiet[19_000:27_000] ** 2), rel=0.01)
    np.testing.assert_array_equal(parse_degradation("crop:3")(quiet, "item"), quiet)


def test_a_room_of_one_echo_free_sample_changes_nothing(waveform: FloatArray) -> None:
    response = np.zeros(100, np.float32)
    response[40] = 0.3
    np.testing.assert_allclose(add_room(waveform, response), waveform, atol=1e-6)


def test_a_telephone_keeps_its_band_and_nothing_else() -> None:
    time = np.arange(RATE) / RATE
    inside, outside = (
        np.sin(2 * np.pi * frequency * time).astype(np.float32) / 4 for frequency in (1000, 6000)
    )
    level = float(np.std(inside))
    assert np.std(telephone(inside)) == pytest.approx(level, rel=0.05)
    assert np.std(telephone(outside)) < 0.01 * level


def test_twice_as_fast_is_half_as_long(waveform: FloatArray) -> None:
    assert len(change_speed(waveform, factor=1.25)) == pytest.approx(len(waveform) / 1.25, abs=2)


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_the_same_for_the_same_item_and_seed(
    waveform: FloatArray, acoustics: Path, copy: str
) -> None:
    def made(item: str, seed: int) -> FloatArray:
        sounds = load_acoustics(acoustics)
        return make_copy(waveform, copy=copy, acoustics=sounds, item=item, seed=seed)

    np.testing.assert_array_equal(made("item", 0), made("item", 0))
    if copy != "clip":
        assert made("item", 0).tobytes() != made("item", 1).tobytes() != made("other", 1).tobytes()


def test_what_is_held_out_is_never_drawn(acoustics: Path) -> None:
    kept = load_acoustics(acoustics).without(["hum", "rir_hall"])
    assert (list(kept.noises), list(kept.rooms)) == (["hiss"], [])
    assert isinstance(kept, Acoustics)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fog:3", "'fog:3' is not a degradation; choose from .*telephone"),
        ("noise", "'noise' is not a degradation"),
        ("telephone:3", "'telephone:3' is not a degradation"),
        ("noise:loud", "'noise:loud' is not a number; it means signal-to-noise ratio in dB"),
        ("loss:200", "'loss:200' is out of range; per cent from 0 to 99"),
        ("mp3:1", "'mp3:1' is out of range; kbit/s from 8 to 160"),
        ("noise:20..5", "'noise:20..5' goes from 20 to 5; give the least first"),
        ("noise:5..", "'noise:5..' is not a number"),
        ("pitch:-30..2", "'pitch:-30..2' is out of range; semitones from -12 to 12"),
        ("noise:nan", "'noise:nan' is out of range"),
        ("", "'' is not a degradation"),
        ("telephone+", "'' is not a degradation"),
    ],
)
def test_what_is_no_degradation_is_answered_with_what_is(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_degradation(text)


def test_noise_without_a_folder_asks_for_one(waveform: FloatArray) -> None:
    with pytest.raises(ConfigError, match="needs noises or rooms; name their folder"):
        parse_degradation("noise:10")(waveform, "item")


def test_a_folder_without_sounds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no noises or room responses"):
        load_acoustics(tmp_path)
