"""Headers, hashes of sound, damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tonfall.corpora.headers import read_header, read_headers
from tonfall.errors import AudioError

Clip = Callable[[Path], Path]
NOISE = np.random.default_rng(0).integers(-9000, 9000, (16_000, 2)).astype(np.int16)


def test_wav_and_flac_of_the_same_samples_have_one_hash(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", NOISE, 22_050, subtype="PCM_16")
    soundfile.write(tmp_path / "a.flac", NOISE, 22_050, subtype="PCM_16")
    wav, flac = read_header(tmp_path / "a.wav"), read_header(tmp_path / "a.flac")
    assert wav == flac
    assert (wav.duration, wav.sampling_rate, wav.channels) == (16_000 / 22_050, 22_050, 2)


def test_tags_do_not_change_a_wav_files_hash(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "plain.wav", NOISE, 16_000, subtype="PCM_16")
    with soundfile.SoundFile(
        tmp_path / "tagged.wav", "w", 16_000, channels=2, subtype="PCM_16"
    ) as file:
        file.title = "take two"
        file.write(NOISE)
    plain, tagged = read_header(tmp_path / "plain.wav"), read_header(tmp_path / "tagged.wav")
    assert (tmp_path / "plain.wav").read_bytes() != (tmp_path / "tagged.wav").read_bytes()
    assert plain.hash == tagged.hash


def test_serial_numbers_do_not_change_an_opus_files_hash(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.opus", NOISE[:, 0], 16_000, format="OGG", subtype="OPUS")
    data = bytearray((tmp_path / "a.opus").read_bytes())
    position = data.find(b"OggS")
    while position >= 0:
        data[position + 14 : position + 18] = b"\x01\x02\x03\x04"
        position = data.find(b"OggS", position + 1)
    (tmp_path / "b.opus").write_bytes(data)
    from tonfall.corpora.headers import _hash

    assert _hash(tmp_path / "a.opus") == _hash(tmp_path / "b.opus")


def test_different_sound_has_a_different_hash(tmp_path: Path, clip: Clip) -> None:
    one, other = read_header(clip(tmp_path / "a.wav")), read_header(clip(tmp_path / "b.wav"))
    assert one.hash != other.hash


@pytest.mark.parametrize("name", ["a.wav", "a.opus"])
def test_a_file_cut_short_is_found_by_its_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("wav"):
        soundfile.write(path, NOISE, 16_000, subtype="PCM_16")
    else:
        soundfile.write(path, NOISE[:, 0], 16_000, format="OGG", subtype="OPUS")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(AudioError, match=r"truncated|its header is damaged"):
        read_header(path)


def test_damage_inside_a_flac_file_is_found_by_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, NOISE, 16_000, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    path.write_bytes(data)
    assert read_header(path).duration == 1.0
    with pytest.raises(AudioError):
        read_header(path, decode=True)


def test_samples_that_are_no_numbers_are_found_by_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([0.0, np.nan, 0.5] * 400), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN or infinite"):
        read_header(path, decode=True)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"plain text, no sound at all"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"not a recording|file is empty"):
        read_header(path)


def test_sound_inside_a_video_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        samples = np.zeros((1, 16_000), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    header = read_header(path)
    assert header.duration == pytest.approx(1.0, abs=0.1)
    assert (header.sampling_rate, header.channels) == (16_000, 1)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    with pytest.raises(AudioError, match="not a recording in any known format"):
        read_header(tmp_path / "clip.mp4")


def test_each_file_is_read_once_and_progress_counts_them(tmp_path: Path, clip: Clip) -> None:
    paths = [clip(tmp_path / "a.wav"), clip(tmp_path / "b.wav"), tmp_path / "gone.wav"]
    seen: list[tuple[int, int]] = []
    headers = read_headers(
        [*paths, *paths], progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert isinstance(headers[paths[2]], AudioError)


def test_an_opus_file_cut_between_pages_is_found(tmp_path: Path) -> None:
    """libsndfile reads such a file without complaint; its last page says that it is not whole."""
    path = tmp_path / "a.opus"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 64_000)
    soundfile.write(path, noise, 16_000, format="OGG", subtype="OPUS")
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"OggS")])
    with pytest.raises(AudioError, match=r"its last page is missing|its header is damaged"):
        read_header(path)
