"""What `tonfall augment` writes is what training hears."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from made_clips import voice

from tonfall.errors import AudioError, ConfigError

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.lab import augment
from tonfall.learn.augment import (
    add_noise,
    add_room,
    change_speed,
    equalise,
    load_acoustics,
    scale_to_peak,
    telephone,
)
from tonfall.learn.augmented import copy_draws
from tonfall.learn.copies import make_copy

CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
RATE = 16_000

RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
seed: 4
front_end: {piece_frames: 100, context_frames: 40}
encoder: ENCODER
augmentation:
  copies: [telephone, room, "level:-30..-10+gsm"]
  acoustics: noise
  held_out: [hum]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe with two noises and two rooms."""
    made = tmp_path_factory.mktemp("augment")
    (made / "noise").mkdir()
    rng = np.random.default_rng(1)
    decay = np.exp(-np.arange(3200) / 400)
    for name in ("hiss", "hum", "rain"):
        soundfile.write(made / "noise" / f"{name}.wav", 0.1 * rng.normal(0, 1, RATE), RATE)
    for name in ("rir_hall", "rir_room"):
        sound = 0.3 * decay * rng.normal(0, 1, 3200)
        soundfile.write(made / "noise" / f"{name}.wav", sound.clip(-1, 1), RATE)
    for kind, encoder in {"frozen": "{taps: [0]}", "cnn": "{kind: cnn}"}.items():
        (made / f"{kind}.yaml").write_text(RECIPE.replace("ENCODER", encoder))
    return made


def test_copies_are_written_as_training_hears_them(folder: Path, tmp_path: Path) -> None:
    made = augment(CLIP, folder / "frozen.yaml", tmp_path / "heard", draws=2)
    assert [each.file for each in made.files] == [
        "clip.wav",
        *(f"{name}-{draw}.wav" for name in ("telephone", "room", "copy3") for draw in (1, 2)),
    ]
    clip, _ = soundfile.read(CLIP, dtype="float32")
    sounds = load_acoustics(folder / "noise").without(["hum"])
    for draw in (1, 2):
        expected = make_copy(
            clip.astype(np.float32), copy="room", acoustics=sounds, item="clip", seed=3 + draw
        )
        found, rate = soundfile.read(made.folder / f"room-{draw}.wav", dtype="float32")
        assert rate == RATE
        np.testing.assert_allclose(found, expected.clip(-1, 1), atol=1e-4)
    rows = list(csv.DictReader((made.folder / "drawn.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == [each.file for each in made.files]
    assert rows[-1]["drawn"].startswith("level:-")
    assert rows[-1]["drawn"].endswith("+gsm")
    assert rows[-1]["drawn"] != rows[-2]["drawn"]
    assert made.notes == (
        "training.frames changes nothing here: the encoder is frozen, not trained.",
    )


@pytest.mark.parametrize("copy", ["telephone", "room"])
def test_what_is_said_to_be_drawn_makes_the_copy(folder: Path, copy: str) -> None:
    """The draws, put together by hand, give the same to the last bit, for many items."""
    sounds = load_acoustics(folder / "noise")
    clip = voice(150, seconds=1.0, seed=0)
    for number in range(12):
        drawn = copy_draws(copy, sounds, item=f"item{number}", seed=number)
        wave = clip if drawn.speed is None else change_speed(clip, factor=drawn.speed)
        wave = wave if drawn.room is None else add_room(wave, sounds.rooms[drawn.room])
        knots = SimpleNamespace(uniform=lambda *_how, drawn=drawn: drawn.knots_db.astype(float))
        wave = scale_to_peak(equalise(wave, rng=knots, most_db=8), peak=drawn.peak)
        start = SimpleNamespace(integers=lambda _most, drawn=drawn: drawn.noise_start)
        wave = add_noise(wave, sounds.noises[drawn.noise], snr_db=drawn.snr_db, rng=start)
        wave = telephone(wave) if copy == "telephone" else wave
        expected = make_copy(clip, copy=copy, acoustics=sounds, item=f"item{number}", seed=number)
        np.testing.assert_allclose(wave, expected, atol=1e-5)


def test_changes_of_frames_are_drawn_one_by_one(folder: Path, tmp_path: Path) -> None:
    made = augment(
        CLIP,
        folder / "cnn.yaml",
        tmp_path / "heard",
        draws=1,
        settings=["augmentation.copies=[]", "training.frames.gain_db=0"],
    )
    files = {each.file: each for each in made.files}
    changes = (
        "crop_s",
        "shift",
        "speed",
        "vocal_tract",
        "equaliser_db",
        "band_masks",
        "frame_masks",
    )
    assert set(files) == {"clip.wav", "frames.png", *(f"frames-{name}-1.png" for name in changes)}
    speed = float(files["frames-speed-1.png"].drawn.split()[0])
    expected = files["frames.png"].seconds / speed
    assert files["frames-speed-1.png"].seconds == pytest.approx(expected, rel=0.01)
    late = int(files["frames-shift-1.png"].drawn.split()[0]) / 100
    assert files["frames-shift-1.png"].seconds == pytest.approx(files["frames.png"].seconds + late)
    assert files["frames-band_masks-1.png"].drawn.count("bands from") == 2
    assert made.notes == ("mixup mixes what is pooled of two clips, which cannot be shown.",)
    assert (made.folder / "frames-speed-1.png").read_bytes().startswith(b"\x89PNG")


def test_a_waveform_is_heard(folder: Path, tmp_path: Path) -> None:
    settings = [
        "encoder={kind: transformers, model: x}",
        "front_end.kind=waveform",
        "encoder.trained=all",
    ]
    settings += ["augmentation.copies=[]", "front_end.context_frames=40"]
    made = augment(CLIP, folder / "cnn.yaml", tmp_path / "heard", draws=1, settings=settings)
    assert {each.file for each in made.files} >= {"frames.wav", "frames-equaliser_db-1.wav"}
    assert not any("vocal_tract" in each.file for each in made.files)
    assert made.notes[-1] == "vocal_tract and band_masks are of bands, which a waveform has not."


def test_bad_input_is_said_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="it holds something already; name a new folder"):
        augment(CLIP, folder / "frozen.yaml", tmp_path / "full")
    with pytest.raises(AudioError, match=r"nothing\.wav"):
        augment(tmp_path / "nothing.wav", folder / "frozen.yaml", tmp_path / "new")
    svm = Path(__file__).resolve().parents[2] / "recipes" / "egemaps-svm.yaml"
    with pytest.raises(ConfigError, match="a classifier learns clips as they are"):
        augment(CLIP, svm, tmp_path / "new")
    assert not (tmp_path / "new").exists()
