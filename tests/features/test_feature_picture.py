"""The picture of a recording's features: what is in it, where, and how much of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tonfall.errors import AudioError, ConfigError
from tonfall.features.picture import COLUMNS, contours_of, draw, figure_of

RATE = 16_000


def buzz(pitch_hz: float, seconds: float) -> npt.NDArray[np.float32]:
    times = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(
        0.1 * sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 21)), np.float32
    )


def silence(seconds: float) -> npt.NDArray[np.float32]:
    return np.zeros(int(seconds * RATE), np.float32)


@pytest.fixture(scope="module")
def short() -> npt.NDArray[np.float32]:
    """A second of nothing, one at 100 Hz, one of nothing."""
    return np.concatenate([silence(1), buzz(100, 1), silence(1)])


def test_everything_stands_where_it_sounds(short: npt.NDArray[np.float32]) -> None:
    found = contours_of(short)
    there = np.isfinite(found.pitch)
    assert found.times[there].min() == pytest.approx(1, abs=0.03)
    assert found.times[there].max() == pytest.approx(2, abs=0.03)
    np.testing.assert_allclose(np.nanmedian(found.pitch), 100, rtol=0.01)
    loud = found.times[found.loudness > np.nanmax(found.loudness) / 2]
    assert loud.min() == pytest.approx(1, abs=0.03)
    strong = found.times[found.spectrum.max(axis=1) > found.spectrum.max() - 20]
    assert strong.max() == pytest.approx(2, abs=0.03)
    assert found.high[found.times > 2.02].max() == 0


@pytest.mark.parametrize("seconds", [3, 10.001, 75])
def test_a_long_recording_has_no_more_columns_than_a_picture(seconds: float) -> None:
    found = contours_of(np.resize(np.concatenate([buzz(150, 2), silence(1)]), int(seconds * RATE)))
    assert len(found.times) <= COLUMNS
    assert found.times[-1] == pytest.approx(seconds, abs=found.step)
    assert {len(each) for each in (found.pitch, found.formants, found.spectrum, found.low)} == {
        len(found.times)
    }


def test_the_axes_say_what_they_are(short: npt.NDArray[np.float32]) -> None:
    labels = [axes.get_ylabel() for axes in figure_of(contours_of(short), title="a").axes]
    assert labels == ["waveform", "spectrum, kHz", "pitch, Hz", "loudness"]
    axes = figure_of(contours_of(np.tile(short, 21)), title="$a_1$ \n b" * 50).axes[-1]
    assert axes.get_xlabel() == "min:s"


@pytest.mark.parametrize("samples", [silence(0.06), silence(1), np.ones(RATE, np.float32)])
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_what_has_no_voice_is_drawn_without_a_warning(
    samples: npt.NDArray[np.float32], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{kind}"
    draw(samples, path, title="日本 <b>")
    assert path.stat().st_size > 1000


def test_less_than_a_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: has 900 samples at 16 kHz"):
        draw(silence(1)[:900], tmp_path / "a.png", title="a.wav")


def test_silence_is_white() -> None:
    image = figure_of(contours_of(silence(1)), title="a").axes[1].images[0]
    assert image.norm(image.get_array()).max() <= 0


def test_a_picture_makes_its_folder_or_says_why_not(tmp_path: Path) -> None:
    draw(silence(0.1), tmp_path / "new" / "a.png", title="a")
    assert (tmp_path / "new" / "a.png").is_file()
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ConfigError, match=r"b\.png: cannot be written \(Is a directory\)"):
        draw(silence(0.1), tmp_path / "b.png", title="a")
