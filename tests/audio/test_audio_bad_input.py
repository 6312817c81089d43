"""Bad input: each case gets one sentence that says what was found and what to do."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from audio_recordings import Writer, speech_like

from tonfall.audio import open_audio, probe, read
from tonfall.errors import AudioError

NOBODY = 65534


def refusal(path: Path | str) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(AudioError) as raised:
        read(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message.removeprefix(str(path))
    return message


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    assert "the file is empty" in refusal(path)


@pytest.mark.parametrize("name", ["notes.wav", "notes.flac", "notes.mp3", "notes.m4a", "notes"])
def test_a_text_file_with_the_name_of_a_recording(tmp_path: Path, name: str) -> None:
    pytest.importorskip("av", reason="needs the extra tonfall[av]")
    path = tmp_path / name
    path.write_text("The customer called again about the bill.\n" * 20)
    assert "not a recording in any known format" in refusal(path)


def test_a_text_file_where_the_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "notes.wav"
    path.write_text("The customer called again about the bill.\n" * 20)
    message = refusal(path)
    assert "not WAV, FLAC, Ogg Vorbis, Opus or MP3, or is damaged" in message
    assert "pip install 'tonfall[av]'" in message


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM"])
def test_a_truncated_wav_file(write: Writer, subtype: str) -> None:
    path = write("call.wav", subtype=subtype)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "it is truncated, with 1.0 s of audio where its header promises 2.0 s" in refusal(path)
    assert probe(path).samples is None


def test_a_truncated_wav_file_is_refused_before_it_is_read(write: Writer) -> None:
    path = write("call.wav")
    path.write_bytes(path.read_bytes()[:-30000])
    with pytest.raises(AudioError, match="truncated"):
        open_audio(path)


@pytest.mark.parametrize("keep", [13, 30, 43, 44])
def test_a_wav_file_cut_off_in_its_header(write: Writer, keep: int) -> None:
    path = write("call.wav")
    path.write_bytes(path.read_bytes()[:keep])
    refusal(path)


def test_a_wav_file_that_lacks_a_few_samples_is_read(write: Writer) -> None:
    path = write("call.wav")
    path.write_bytes(path.read_bytes()[:-100])
    assert read(path)[0].shape == (1, 31950)


def test_a_truncated_flac_file(write: Writer) -> None:
    path = write("call.flac", speech_like(channels=2, samples=160000))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    message = refusal(path)
    assert "it is truncated or damaged, and cannot be decoded beyond" in message
    assert "of 10.0 s" in message
    decoded = float(message.split("beyond ")[1].split(" s")[0])
    assert 4 < decoded < 6


def test_a_flac_file_damaged_in_the_middle(write: Writer) -> None:
    path = write("call.flac", speech_like(channels=1, samples=160000))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 500] = os.urandom(500)
    path.write_bytes(data)
    assert "truncated or damaged" in refusal(path)


def test_a_truncated_mp3_file(write: Writer) -> None:
    path = write("call.mp3", speech_like(channels=1, samples=80000))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "it is truncated, with" in refusal(path)


def test_two_mp3_files_joined_are_not_read_as_the_first_alone(write: Writer) -> None:
    data = write("call.mp3", speech_like(channels=1, samples=80000)).read_bytes()
    path = write("joined.mp3")
    path.write_bytes(data + data)
    assert "a second recording begins, as in files that were joined" in refusal(path)


def test_mp3_files_that_do_not_count_their_frames_are_read_whole(write: Writer) -> None:
    # The quiet beginning takes few bits, from which a length would be guessed that is too short.
    waveform = speech_like(channels=1, samples=160000)
    waveform[:, :32000] *= 1e-4
    data = write("call.mp3", waveform).read_bytes()
    path = write("joined.mp3")
    frames = data.replace(b"Xing", b"none").replace(b"Info", b"none")
    path.write_bytes(frames + frames)
    waveform, sampling_rate = read(path)
    assert waveform.shape[1] / sampling_rate == pytest.approx(20, abs=0.3)


def test_padding_with_zeros_may_follow_an_mp3_file(write: Writer) -> None:
    path = write("call.mp3", speech_like(channels=1, samples=80000))
    path.write_bytes(path.read_bytes() + bytes(50000))
    assert read(path)[0].shape == (1, 80000)


def promise_100_gb_in_rf64(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(b"ds64") + 8
    data[place : place + 24] = struct.pack("<QQQ", 10**11, 10**11, 10**11 // 2)
    path.write_bytes(data)


def promise_137_gb_in_flac(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "container", "promise", "hours"),
    [
        ("call.wav", "RF64", promise_100_gb_in_rf64, "3125000.0 s"),
        ("call.flac", "FLAC", promise_137_gb_in_flac, "4294967.3 s"),
    ],
)
def test_a_header_that_promises_100_gb_takes_no_memory(
    write: Writer, name: str, container: str, promise: Callable[[Path], None], hours: str
) -> None:
    path = write(name, container=container)
    promise(path)
    tracemalloc.start()
    message = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"truncated, with 2.0 s of audio where its header promises {hours}" in message
    assert peak < 5_000_000


@pytest.mark.parametrize("name", ["call.wav", "call.flac", "call.ogg", "call.mp3"])
def test_no_samples(write: Writer, name: str) -> None:
    refusal(write(name, np.zeros((1, 0), np.float32)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number(write: Writer, bad: float) -> None:
    waveform = speech_like(channels=2, samples=32000)
    waveform[1, 20000] = bad
    path = write("call.wav", waveform, subtype="FLOAT")
    message = refusal(path)
    assert "from 1.0 s: 1 of its samples are NaN or infinite, the first at index 4000" in message


def test_integers_stored_as_floats(write: Writer) -> None:
    path = write("call.wav", 20000 * speech_like(channels=1, samples=9000), subtype="FLOAT")
    assert "should lie in [-1, 1]; divide them by their full scale" in refusal(path)


def test_five_milliseconds(write: Writer) -> None:
    path = write("call.wav", speech_like(channels=1, samples=80))
    assert "it lasts 5.0 ms, but at least 25 ms are needed" in refusal(path)


@pytest.mark.parametrize("sampling_rate", [0, 100, 5_000_000])
def test_an_impossible_sampling_rate(write: Writer, sampling_rate: int) -> None:
    path = write("call.wav")
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", sampling_rate)
    path.write_bytes(data)
    expected = f"the sampling rate is {sampling_rate} Hz, but 4000 to 384000 Hz are possible"
    assert expected in refusal(path)


def test_an_impossible_sampling_rate_where_only_the_library_knows_it(write: Writer) -> None:
    path = write("call.flac", sampling_rate=1000)
    assert "the sampling rate is 1000 Hz" in refusal(path)


@pytest.mark.parametrize("channels", [9, 64])
def test_too_many_channels(write: Writer, channels: int) -> None:
    path = write("call.wav", speech_like(channels=channels, samples=4000))
    assert f"there are {channels} channels, but 1 to 8 are possible" in refusal(path)


def test_a_folder(tmp_path: Path) -> None:
    assert "this is a folder" in refusal(tmp_path)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="this system has no such devices")
def test_a_device() -> None:
    assert "this is a device" in refusal(Path("/dev/null"))


@contextmanager
def as_someone_else() -> Iterator[None]:
    """Root may read everything, so it becomes nobody for the while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are other on this system")
def test_no_permission() -> None:
    # Not under pytest's own folder, into which nobody may look at all.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "call.wav"
        path.write_bytes(b"RIFF")
        path.chmod(0)
        with as_someone_else():
            message = refusal(path)
    assert "there is no permission to read it" in message


@pytest.mark.parametrize("name", ["missing.wav", "missing/call.wav", "nul\0byte.wav", 300 * "a"])
def test_a_path_that_does_not_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match=r"no such file|cannot be opened") as raised:
        read(tmp_path / name)
    assert "check the path." in str(raised.value)


@pytest.mark.parametrize("name", ["call.wav", "call.flac", "call.ogg", "call.mp3"])
def test_random_damage_never_ends_in_another_error(write: Writer, name: str) -> None:
    path = write(name)
    intact = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        data = bytearray(intact)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        path.write_bytes(data[: rng.integers(1, len(data) + 1)])
        try:
            waveform, _ = read(path)
        except AudioError:
            continue
        assert np.isfinite(waveform).all()
