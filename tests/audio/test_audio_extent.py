"""What a container states of its length is held against its file: nothing is read in part."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_recordings import Writer, speech_like

from tonfall.audio import open_audio, probe, read
from tonfall.errors import AudioError

STATING_SAMPLES = [
    ("WAV", "PCM_16", "FILE"),
    ("WAV", "PCM_16", "BIG"),
    ("WAVEX", "PCM_24", "FILE"),
    ("WAV", "GSM610", "FILE"),
    ("RF64", "PCM_16", "FILE"),
    ("W64", "PCM_16", "FILE"),
    ("AIFF", "PCM_16", "FILE"),
    ("AIFF", "PCM_16", "LITTLE"),
    ("AIFF", "ULAW", "FILE"),
    ("AU", "PCM_16", "FILE"),
    ("AU", "FLOAT", "LITTLE"),
    ("NIST", "PCM_16", "FILE"),
    ("SVX", "PCM_16", "FILE"),
]
"""Containers that state how many bytes of samples they hold."""
STATING_AN_END = [("OGG", "VORBIS", "FILE"), ("OGG", "OPUS", "FILE"), ("VOC", "PCM_16", "FILE")]
OTHERS = [("FLAC", "PCM_16", "FILE"), ("CAF", "PCM_16", "FILE"), ("MP3", "MPEG_LAYER_III", "FILE")]
FFMPEG = ["a.m4a", "a.mov", "a.mp4", "a.mkv", "a.webm", "a.avi", "a.wma", "a.flv", "a.tta", "a.wv"]
TAGS = [
    b"TAG" + bytes(range(1, 126)),
    bytes(5000),
    b"recorded by hand " * 200,
    "Müller".encode("latin1"),
]
"""What other programs put after a recording: ID3v1, padding, text."""
OPEN_LENGTH = ["a.wav", "a.aiff", "a.au", "a.caf", "a.w64", "a.avi", "a.mkv", "a.wma"]
"""What FFmpeg writes into a pipe without going back."""


def write_as(folder: Path, form: tuple[str, str, str], *, seconds: float = 4) -> Path:
    container, subtype, endian = form
    path = folder / f"a.{container.lower()}"
    waveform = speech_like(channels=1, samples=round(16000 * seconds))
    soundfile.write(path, waveform.T, 16000, subtype, endian, container)
    return path


def encode(path: Path, *, seconds: float = 4, target: io.RawIOBase | None = None) -> Path:
    """Write noise with FFmpeg, in the codec that suits the name."""
    av = pytest.importorskip("av", reason="needs the extra tonfall[av]")
    rate = 48000 if path.suffix == ".webm" else 44100 if path.suffix == ".flv" else 16000
    codec = {".wma": "wmav2", ".webm": "libopus", ".flv": "mp3", ".tta": "tta", ".wv": "wavpack"}
    codec |= dict.fromkeys((".wav", ".au", ".aiff", ".caf", ".w64", ".avi"), "pcm_s16le")
    codec |= {".aiff": "pcm_s16be", ".au": "pcm_s16be", ".mkv": "flac"}
    waveform = speech_like(channels=1, samples=round(rate * seconds))
    form = {".mkv": "matroska", ".wma": "asf", ".m4a": "ipod"}.get(path.suffix, path.suffix[1:])
    with av.open(target or str(path), "w", format=form) as container:
        stream = container.add_stream(codec.get(path.suffix, "aac"), rate=rate, layout="mono")
        stream.bit_rate = 64000
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        for start in range(0, waveform.shape[1], 960):
            piece = np.ascontiguousarray(waveform[:, start : start + 960])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


class Pipe(io.RawIOBase):
    """Takes bytes as a pipe does: it cannot go back."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


def refusal(path: Path | str) -> str:
    with pytest.raises(AudioError) as raised:
        read(path)
    message = str(raised.value)
    assert "\n" not in message
    assert ". " not in message.removeprefix(str(path))
    return message


def cut(path: Path, *, keep: float = 0.5) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    return path


def join(path: Path, other: Path | None = None) -> Path:
    path.write_bytes(path.read_bytes() + (other or path).read_bytes())
    return path


@pytest.mark.parametrize("form", STATING_SAMPLES)
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_file_is_refused_with_both_lengths(
    tmp_path: Path, form: tuple[str, str, str], keep: float
) -> None:
    path = cut(write_as(tmp_path, form), keep=keep)
    message = refusal(path)
    assert f"it is truncated, with {4 * keep:.1f} s of audio where its header promises" in message
    assert abs(float(message.split("promises ")[1].split(" s")[0]) - 4) < 0.11
    assert probe(path).samples is None


@pytest.mark.parametrize("form", STATING_AN_END)
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_file_cut_within_its_last_part_is_refused(
    tmp_path: Path, form: tuple[str, str, str], keep: float
) -> None:
    message = refusal(cut(write_as(tmp_path, form), keep=keep))
    assert "it is truncated, with" in message
    found = float(message.split("truncated, with ")[1].split(" s")[0])
    assert 4 * keep - 1.1 < found <= 4 * keep + 0.1


@pytest.mark.parametrize("name", FFMPEG)
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_what_ffmpeg_alone_reads_is_refused_when_truncated(
    tmp_path: Path, name: str, keep: float
) -> None:
    assert "it is truncated" in refusal(cut(encode(tmp_path / name), keep=keep))


@pytest.mark.parametrize("form", [*STATING_SAMPLES, ("VOC", "PCM_16", "FILE"), *OTHERS])
def test_joined_files_are_not_read_as_the_first_alone(
    tmp_path: Path, form: tuple[str, str, str]
) -> None:
    message = refusal(join(write_as(tmp_path, form)))
    assert "files that were joined" in message


@pytest.mark.parametrize("name", FFMPEG)
def test_joined_files_that_ffmpeg_alone_reads_are_refused(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name)
    begins = path.stat().st_size
    message = refusal(join(path))
    assert f"{begins} bytes into it a second recording begins, as in files that were" in message


def test_another_kind_of_file_behind_the_samples_is_told(write: Writer) -> None:
    path = join(write("a.wav"), write("b.flac"))
    assert "64044 bytes into it a second recording begins" in refusal(path)


def test_samples_of_odd_length_may_lack_their_padding(write: Writer) -> None:
    path = write("a.wav", speech_like(channels=1, samples=16001), subtype="PCM_U8")
    data = path.read_bytes()
    path.write_bytes(data[: 44 + 16001] + data)
    assert "16045 bytes into it" in refusal(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_two_chunks_of_samples_are_not_read_as_the_first_alone(tmp_path: Path, order: str) -> None:
    path = write_as(tmp_path, ("WAV", "PCM_16", "FILE" if order == "<" else "BIG"))
    samples = path.read_bytes()[44:]
    path.write_bytes(path.read_bytes() + struct.pack(f"{order}4sI", b"data", 128000) + samples)
    assert "a second recording begins" in refusal(path)


@pytest.mark.parametrize("after", [b"LIST\x04\0\0\0abcd", bytes(5000), b"TAG" + bytes(125)])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.flac", "a.ogg"])
def test_what_is_no_recording_may_follow(write: Writer, name: str, after: bytes) -> None:
    path = write(name)
    path.write_bytes(path.read_bytes() + after)
    assert read(path)[0].shape == (1, 32000)


@pytest.mark.parametrize("name", OPEN_LENGTH)
def test_what_was_written_into_a_pipe_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    path, pipe = tmp_path / name, Pipe()
    encode(path, target=pipe)
    path.write_bytes(pipe.written)
    waveform, rate = read(path)
    assert abs(waveform.shape[1] / rate - 4) < 0.15
    assert "a second recording begins" in refusal(join(path))


@pytest.mark.parametrize("after", TAGS)
@pytest.mark.parametrize("name", FFMPEG)
def test_what_is_no_recording_may_follow_what_ffmpeg_alone_reads(
    tmp_path: Path, name: str, after: bytes
) -> None:
    path = encode(tmp_path / name)
    whole = read(path)[0].shape
    path.write_bytes(path.read_bytes() + after)
    assert read(path)[0].shape == whole


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_chain_of_ogg_files_is_read_whole_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtype: str
) -> None:
    pytest.importorskip("av", reason="needs the extra tonfall[av]")
    path = write_as(tmp_path, ("OGG", subtype, "FILE"))
    (tmp_path / "b").mkdir()
    join(path, write_as(tmp_path / "b", ("OGG", subtype, "FILE"), seconds=3))
    waveform, rate = read(path)
    assert waveform.shape[1] / rate == pytest.approx(7, abs=0.05)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    assert "it is truncated" in refusal(path)
    path.write_bytes(whole)
    monkeypatch.setitem(sys.modules, "av", None)
    assert "files that were joined" in refusal(path)


def test_an_ogg_file_without_its_beginning_is_not_called_joined(write: Writer) -> None:
    path = write("a.ogg")
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"OggS", 4) :])
    assert "joined" not in refusal(path)


def test_a_chain_whose_channels_change_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra tonfall[av]")
    path, other = write_as(tmp_path, ("OGG", "VORBIS", "FILE")), tmp_path / "b.ogg"
    soundfile.write(other, speech_like(channels=2, samples=32000).T, 16000)
    assert "files that were joined" in refusal(join(path, other))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_second_ogg_file_behind_one_that_was_cut_off_is_told(
    tmp_path: Path, subtype: str
) -> None:
    path = write_as(tmp_path, ("OGG", subtype, "FILE"))
    (tmp_path / "b").mkdir()
    join(cut(path), write_as(tmp_path / "b", ("OGG", subtype, "FILE"), seconds=3))
    assert "files that were joined" in refusal(path)


@pytest.mark.parametrize("unknown", [0, (1 << 64) - 1])
@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_rf64_of_open_length_is_read_to_its_end(write: Writer, kind: bytes, unknown: int) -> None:
    path = write("a.wav", container="RF64")
    expected, _ = read(path)
    data = bytearray(path.read_bytes())
    data[:4] = kind
    place = data.index(b"ds64") + 8
    data[place : place + 24] = struct.pack("<QQQ", 0, unknown, 0)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path)[0], expected)


def test_bw64_is_read_and_refused_when_truncated(write: Writer) -> None:
    path = write("a.wav", container="RF64")
    expected, _ = read(path)
    path.write_bytes(b"BW64" + path.read_bytes()[4:])
    np.testing.assert_array_equal(read(path)[0], expected)
    assert "it is truncated, with 1.0 s of audio where its header promises 2.0 s" in refusal(
        cut(path)
    )


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_without_an_end_mark_is_read_with_a_note(write: Writer, subtype: str) -> None:
    path = write("a.ogg", speech_like(channels=1, samples=64000), subtype=subtype)
    assert probe(path).notes == ()
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"OggS")])
    with open_audio(path) as reader:
        assert 40000 < sum(block.shape[1] for block in reader) < 64000
        (note,) = reader.info.notes
    assert note.startswith("The file has no mark at its end")


@pytest.mark.parametrize("container", ["MAT5", "AVR", "MPC2K"])
def test_files_of_samplers_and_matrices_are_refused(tmp_path: Path, container: str) -> None:
    path = write_as(tmp_path, (container, "PCM_16", "FILE"))
    assert f"it is a file of the kind {container}" in refusal(path)


def on_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_wav_files_joined_in_a_pipe_are_refused(
    write: Writer, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    data = bytearray(write("a.wav").read_bytes())
    if size is not None:
        data[40:44] = struct.pack("<I", size)
    on_standard_input(monkeypatch, bytes(data + data))
    assert "Standard input: 64044 bytes into it a second recording begins" in refusal("-")


def test_a_second_file_is_found_across_blocks(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(write("a.wav").read_bytes())
    data[40:44] = bytes(4)
    on_standard_input(monkeypatch, bytes(data + data))
    with (
        pytest.raises(AudioError, match="64044 bytes into it"),
        open_audio("-", block_seconds=1 / 8000) as reader,
    ):
        list(reader)


def test_two_chunks_of_samples_in_a_pipe_are_refused(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write("a.wav").read_bytes()
    on_standard_input(monkeypatch, data + b"LIST\x03\0\0\0abc\0" + data[36:])
    assert "64056 bytes into it a second recording begins" in refusal("-")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("joined/concat3.wav", "bytes into it a second recording begins"),
        ("truncated/tr_x.aiff", "with 6.0 s of audio where its header promises 12.0 s"),
        ("truncated/tr_x.ogg", "it is truncated, with 5."),
    ],
)
def test_the_files_that_were_read_in_part(shared: Path, file: str, message: str) -> None:
    path = shared / "cases" / file
    if not path.exists():
        pytest.skip(f"needs shared/cases/{file}")
    assert message in refusal(path)
