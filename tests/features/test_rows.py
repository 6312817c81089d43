"""Rows of numbers: computed once, kept by content, the same on any number of processes."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.corpora.clips import Clip
from tonfall.corpora.sounds import ClipSound
from tonfall.errors import AudioError, ConfigError, ManifestError, TonfallError
from tonfall.features import extract, opensmile, recordings, rows
from tonfall.features.recordings import Recording, read_samples
from tonfall.features.row_tasks import Order, Rows, Split, Task
from tonfall.features.rows import functionals, rows_of
from tonfall.features.sets import SETS, find_set

RATE = 16_000


@pytest.fixture
def tones(tmp_path: Path) -> list[Path]:
    """Three seconds each of a buzz at 110, 160, 210 and 260 Hz."""
    times, paths = np.arange(3 * RATE) / RATE, []
    for pitch in (110, 160, 210, 260):
        paths.append(tmp_path / f"{pitch}.wav")
        soundfile.write(paths[-1], 0.3 * np.sign(np.sin(2 * np.pi * pitch * times)), RATE)
    return paths


def sounds(paths: list[Path]) -> list[ClipSound]:
    return [ClipSound(Clip(path.stem, path)) for path in paths]


def louder(samples: np.ndarray, item: str) -> np.ndarray:
    return np.float32(2) * samples


def halves(samples: np.ndarray) -> tuple[tuple[float, float], ...]:
    middle = len(samples) / 2 / RATE
    return (0, middle), (middle, 2 * middle)


def forget() -> None:
    rows._held.cache_clear()


def test_what_was_computed_is_not_computed_again(tones, tmp_path, monkeypatch):
    first = functionals(sounds(tones), "prosody", folder=tmp_path)
    forget()
    monkeypatch.setattr(rows, "_computed", None)  # to compute now would fail
    moved = tones[0].rename(tmp_path / "moved.wav")
    seen: list[tuple[int, int]] = []
    again = functionals(
        sounds([moved, *tones[1:]]),
        "prosody",
        folder=tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    np.testing.assert_array_equal(first, again)
    assert seen == []


def test_one_cache_serves_evaluation_and_the_command_line(tones, tmp_path, monkeypatch):
    clips = functionals(sounds(tones), "prosody", folder=tmp_path)
    monkeypatch.setattr(rows, "_computed", None)
    table = extract(tones, "prosody", cache_folder=tmp_path)
    np.testing.assert_array_equal(table.to_numpy(np.float32), clips)


@pytest.mark.parametrize(
    "other",
    [
        lambda sound: ClipSound(replace(sound.clip, start=0.5)),
        lambda sound: ClipSound(replace(sound.clip, end=2.5)),
        lambda sound: ClipSound(sound.clip, ("louder", louder)),
    ],
    ids=["start", "end", "degraded"],
)
def test_another_stretch_or_another_sound_is_another_row(tones, tmp_path, other):
    whole = sounds(tones[:1])
    first = functionals(whole, "prosody", folder=tmp_path)
    second = functionals([other(whole[0])], "prosody", folder=tmp_path)
    assert not np.array_equal(first, second, equal_nan=True)


def test_degraded_clips_of_one_content_are_apart(tones, tmp_path):
    """Noise is drawn by the item's name."""
    clip = Clip("a", tones[0])
    keys = {ClipSound(replace(clip, item=item), ("louder", louder)).key() for item in "ab"}
    assert len(keys) == 2
    assert ClipSound(clip).key() == ClipSound(replace(clip, item="b")).key()


def test_two_processes_compute_what_one_does(tones, tmp_path):
    one = functionals(sounds(tones), "prosody", folder=tmp_path / "one")
    seen: list[int] = []
    two = functionals(
        sounds(tones),
        "prosody",
        folder=tmp_path / "two",
        workers=2,
        progress=lambda done, total: seen.append(done),
    )
    np.testing.assert_allclose(one, two, rtol=1e-4)  # products depend on how arrays lie in memory
    assert seen == [1, 2, 3, 4]


def test_what_is_kept_starts_no_process(tones, tmp_path, monkeypatch):
    functionals(sounds(tones), "prosody", folder=tmp_path)
    monkeypatch.setattr(rows, "worker_pool", None)
    tasks = [Task(Recording(path)) for path in tones]
    found = list(rows_of(tasks, Order("prosody", folder=tmp_path), workers=2))
    assert all(isinstance(each, Rows) for each in found)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_file_is_named_and_the_others_go_on(tones, tmp_path, workers):
    (tmp_path / "bad.wav").write_text("no sound")
    tasks = [Task(Recording(path)) for path in (tones[0], tmp_path / "bad.wav", tones[1])]
    first, bad, last = rows_of(tasks, Order("prosody", folder=tmp_path / "kept"), workers=workers)
    assert isinstance(first, Rows)
    assert isinstance(last, Rows)
    assert isinstance(bad, AudioError)
    assert "bad.wav" in str(bad)


def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(tones, tmp_path, monkeypatch):
    def killed(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        functionals(sounds(tones[:1]), "prosody", folder=tmp_path)
    monkeypatch.undo()
    assert np.isfinite(functionals(sounds(tones[:1]), "prosody", folder=tmp_path)).any()


@pytest.mark.parametrize("spoilt", [b"", b"PK half of it"])
def test_what_is_kept_and_spoilt_is_computed_again(tones, tmp_path, spoilt):
    """An empty file is what a loss of power leaves."""
    tasks, order = [Task(Recording(tones[0]))], Order("spectrum", folder=tmp_path / "kept")
    (first,) = rows_of(tasks, order)
    (place,) = (tmp_path / "kept").rglob("*.npz")
    place.write_bytes(spoilt)
    (second,) = rows_of(tasks, order)
    assert isinstance(first, Rows)
    assert isinstance(second, Rows)
    np.testing.assert_array_equal(first.values, second.values)
    assert place.stat().st_size > len(spoilt)


def test_an_empty_file_is_no_row_of_evaluation_either(tones, tmp_path):
    first = functionals(sounds(tones[:1]), "spectrum", folder=tmp_path)
    (place,) = tmp_path.rglob("*.npz")
    place.write_bytes(b"")
    forget()
    np.testing.assert_array_equal(
        first, functionals(sounds(tones[:1]), "spectrum", folder=tmp_path)
    )


def test_a_spoilt_row_of_evaluation_is_computed_again(tones, tmp_path):
    first = functionals(sounds(tones[:1]), "spectrum", folder=tmp_path)
    (kept,) = tmp_path.rglob("*.npz")
    kept.write_bytes(b"spoilt")
    forget()
    again = functionals(sounds(tones[:1]), "spectrum", folder=tmp_path)
    np.testing.assert_array_equal(again, first)


def test_of_no_sounds_there_are_no_rows(tmp_path):
    columns = len(find_set("spectrum").columns)
    assert functionals([], "spectrum", folder=tmp_path).shape == (0, columns)


def test_a_cache_that_cannot_be_written_is_said_once(tones, tmp_path):
    (tmp_path / "file").touch()
    tasks = [Task(Recording(path)) for path in tones]
    with pytest.raises(ConfigError, match=r"cannot be kept there .*Set TONFALL_CACHE to another"):
        list(rows_of(tasks, Order("spectrum", folder=tmp_path / "file")))


def test_a_stretch_after_the_end_is_refused_and_one_over_it_cut(tones):
    def found(start: float, end: float) -> object:
        (rows,) = rows_of([Task(Recording(tones[0]), ((start, end),))], Order("spectrum"))
        return rows.bounds.tolist() if isinstance(rows, Rows) else str(rows)

    assert found(2, 3.5) == [[32_000, 48_000]]
    assert "110.wav: a stretch begins at 100 s, but the sound ends at 3 s" in str(found(100, 101))


def test_a_recording_is_cut_by_its_content(tones, tmp_path):
    order = Order("prosody", split=Split("halves", halves), folder=tmp_path)
    (found,) = rows_of([Task(Recording(tones[0]))], order)
    assert isinstance(found, Rows)
    assert found.bounds.tolist() == [[0, 24_000], [24_000, 48_000]]
    assert order.columns == SETS["prosody"].columns


def test_a_long_recording_lies_on_disk_and_is_the_same(tones, monkeypatch):
    whole = read_samples(tones[0])
    monkeypatch.setattr(recordings, "_HELD", RATE)
    spilled = read_samples(tones[0])
    assert isinstance(spilled.base, np.memmap)
    np.testing.assert_array_equal(whole, spilled)


def test_a_missing_file_is_said_by_each_kind_of_sound(tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav: there is no such file; check the path"):
        Recording(tmp_path / "none.wav").key()
    with pytest.raises(ManifestError, match=r"none\.wav: no such file"):
        ClipSound(Clip("a", tmp_path / "none.wav")).key()


def test_opensmiles_sets_are_opensmiles(tones, tmp_path):
    peer = pytest.importorskip("opensmile")
    for name, count in (("eGeMAPSv02", 88), ("GeMAPSv01b", 62), ("ComParE_2016", 6373)):
        smile = peer.Smile(peer.FeatureSet[name], peer.FeatureLevel.Functionals)
        found = extract(tones[0], f"opensmile/{name}")
        expected = smile.process_file(tones[0])
        assert list(found.columns) == list(expected.columns)
        assert found.shape == (1, count)
        np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-4, atol=1e-5)


def test_opensmiles_contours_are_every_10_ms(tones):
    peer = pytest.importorskip("opensmile")
    smile = peer.Smile(peer.FeatureSet.ComParE_2016, peer.FeatureLevel.LowLevelDescriptors)
    found = extract(tones[0], "opensmile/ComParE_2016", per="frame")
    expected = smile.process_file(tones[0])
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-4, atol=1e-5)
    starts = [list(table.index.get_level_values("start")) for table in (found, expected)]
    assert starts[0][:-2] == starts[1][:-2]  # of its last frames openSMILE repeats the time


def test_opensmile_says_its_licence_once(tones, caplog):
    pytest.importorskip("opensmile")
    rows._say_notice.cache_clear()
    with caplog.at_level(logging.WARNING):
        for path in tones[:2]:
            extract(path, "opensmile/GeMAPSv01b")
    assert [record.message for record in caplog.records] == [opensmile.NOTICE]


def test_too_little_for_opensmile_is_nan_and_no_frame(tmp_path):
    pytest.importorskip("opensmile")
    soundfile.write(tmp_path / "short.wav", np.zeros(480), RATE)
    for name in opensmile.OPENSMILE:
        assert np.isnan(extract(tmp_path / "short.wav", name).to_numpy()).all()
        assert len(extract(tmp_path / "short.wav", name, per="frame")) in (0, 2)


def test_without_opensmile_its_sets_say_what_to_install(monkeypatch):
    def absent(name: str) -> None:
        raise ImportError(name)

    opensmile.opensmile_set.cache_clear()
    monkeypatch.setattr(opensmile.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"pip install 'tonfall\[opensmile\]'; or take Tonfall's"):
        find_set("opensmile/eGeMAPSv02")


def test_errors_are_values_that_processes_can_send() -> None:
    import pickle

    for error in (AudioError("a"), ManifestError("b")):
        assert isinstance(pickle.loads(pickle.dumps(error)), TonfallError)
