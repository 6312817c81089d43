"""Reading in blocks: from files, pipes and standard input, with little memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_recordings import Writer, speech_like
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import Encoding, RawFormat, open_audio, probe, read
from tonfall.errors import AudioError, ConfigError

TELEPHONE = RawFormat(encoding=Encoding.S16LE, sampling_rate=8000, channels=2)


def pcm16(samples: int, *, seed: int = 0) -> np.ndarray:
    """Two channels of (samples,) int16, interleaved as (samples, 2)."""
    return (speech_like(channels=2, samples=samples, seed=seed).T * 32767).astype("<i2")


class Piped(io.RawIOBase):
    """Bytes as from a pipe: in small pieces, and never seekable."""

    def __init__(self, data: bytes, *, piece: int = 1000) -> None:
        self._data = memoryview(data)
        self._piece = piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        piece = self._data[: min(len(buffer), self._piece)]
        buffer[: len(piece)] = piece
        self._data = self._data[len(piece) :]
        return len(piece)


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch):
    """Puts bytes on standard input."""

    def feed_bytes(data: bytes) -> None:
        stream = io.TextIOWrapper(io.BufferedReader(Piped(data)))
        monkeypatch.setattr(sys, "stdin", stream)

    return feed_bytes


@settings(deadline=None, max_examples=30)
@given(block_seconds=st.floats(0.001, 3), name=st.sampled_from(["clip.wav", "clip.flac"]))
def test_blocks_join_to_the_whole(
    tmp_path_factory: pytest.TempPathFactory, block_seconds: float, name: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"blocks-{name}"
    waveform = pcm16(9000)
    if not path.exists():
        soundfile.write(path, waveform, 8000)
    with open_audio(path, block_seconds=block_seconds) as reader:
        blocks = list(reader)
        assert reader.position == 9000
    length = max(1, round(block_seconds * 8000))
    assert {block.shape[1] for block in blocks[:-1]} <= {length}
    assert 0 < blocks[-1].shape[1] <= length
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), waveform.T / np.float32(32768))


def test_position_follows_the_blocks(write: Writer) -> None:
    with open_audio(write("clip.wav"), block_seconds=0.5) as reader:
        assert reader.info.samples == 32000
        assert [reader.position for _ in reader] == [8000, 16000, 24000, 32000]


def test_memory_does_not_grow_with_length(write: Writer) -> None:
    long = write("long.wav", np.zeros((1, 16000 * 600), np.float32) + np.float32(0.1))
    tracemalloc.start()
    with open_audio(long) as reader:
        total = sum(block.shape[1] for block in reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 16000 * 600
    # Ten minutes are 38 MB as float32, a block of 1 s is 64 kB; the rest is Python's own.
    assert peak < 5_000_000


def test_float_overshoots_are_clipped_in_every_block(write: Writer) -> None:
    waveform = 3 * speech_like(channels=1, samples=16000)
    decoded, _ = read(write("hot.wav", waveform, subtype="FLOAT"))
    np.testing.assert_array_equal(decoded, waveform.clip(-1, 1))


def test_raw_samples_come_from_standard_input(feed) -> None:
    samples = pcm16(20000)
    feed(samples.tobytes())
    with open_audio("-", raw=TELEPHONE) as reader:
        assert (reader.info.path, reader.info.samples, reader.info.format) == (
            "-",
            None,
            "RAW/S16LE",
        )
        blocks = list(reader)
    assert [block.shape for block in blocks] == [(2, 8000), (2, 8000), (2, 4000)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), samples.T / np.float32(32768))
    assert not sys.stdin.buffer.closed


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_a_wav_file_comes_from_standard_input(
    write: Writer, feed, container: str, subtype: str
) -> None:
    path = write(
        "clip.wav", speech_like(channels=2, samples=9000), container=container, subtype=subtype
    )
    # What follows the samples is not sound.
    feed(path.read_bytes() + b"LIST\x04\0\0\0abcd")
    decoded, sampling_rate = read("-")
    expected, _ = read(path)
    assert sampling_rate == 16000
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0xFFFFFFD3])
def test_a_wav_stream_of_open_length_is_read_to_its_end(write: Writer, feed, size: int) -> None:
    path = write("clip.wav")
    data = bytearray(path.read_bytes())
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)
    feed(bytes(data))
    from_pipe, _ = read("-")
    assert from_pipe.shape == (1, 32000)
    assert probe(path).samples is None
    np.testing.assert_array_equal(read(path)[0], from_pipe)


def test_an_espeak_like_chunk_before_the_samples_is_skipped(write: Writer, feed) -> None:
    data = write("clip.wav").read_bytes()
    odd_chunk = b"note" + (70001).to_bytes(4, "little") + bytes(70002)
    feed(data[:12] + odd_chunk + data[12:])
    assert read("-")[0].shape == (1, 32000)


@pytest.mark.parametrize("content", [b"", b"no audio at all", b"RIFF\0\0\0\0WAVE", b"fLaC" * 100])
def test_standard_input_without_a_format_names_what_to_give(feed, content: bytes) -> None:
    feed(content)
    with pytest.raises(
        AudioError, match=r"^Standard input: no WAV file .* encoding \(s8, u8, s16le,.*sampling"
    ):
        open_audio("-")


def test_a_compressed_wav_needs_a_file(write: Writer, feed) -> None:
    path = write("clip.wav", subtype="IMA_ADPCM")
    assert read(path)[0].shape[0] == 1
    feed(path.read_bytes())
    with pytest.raises(AudioError, match=r"G\.711 samples .* anything else as a file"):
        open_audio("-")


def test_raw_audio_that_ends_within_a_frame_is_refused(feed) -> None:
    feed(bytes(4001))
    with (
        pytest.raises(AudioError, match="ends 1 bytes into a frame of 4; check its encoding"),
        open_audio("-", raw=TELEPHONE) as reader,
    ):
        list(reader)


def test_a_cut_off_wav_stream_is_refused(write: Writer, feed) -> None:
    feed(write("clip.wav").read_bytes()[:32001])
    with pytest.raises(AudioError, match=r"Standard input: it is truncated, with 1\.0 s .* 2\.0 s"):
        read("-")


def test_a_raw_file_is_read_with_its_format(tmp_path: Path) -> None:
    samples = pcm16(9000)
    path = tmp_path / "call.raw"
    path.write_bytes(samples.tobytes())
    decoded, sampling_rate = read(path, raw=TELEPHONE)
    assert sampling_rate == 8000
    np.testing.assert_array_equal(decoded, samples.T / np.float32(32768))
    with pytest.raises(AudioError, match=r"call\.raw: "):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_read_as_a_stream(write: Writer, tmp_path: Path) -> None:
    data = write("clip.wav").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    decoded, _ = read(pipe)
    writer.join()
    assert decoded.shape == (1, 32000)


def test_standard_input_works_in_a_real_pipe(write: Writer) -> None:
    program = (
        "from tonfall.audio import read; waveform, rate = read('-'); print(waveform.shape, rate)"
    )
    with write("clip.wav").open("rb") as stream:
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=stream, capture_output=True, check=True
        )
    assert done.stdout.split() == b"(1, 32000) 16000".split()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"encoding": "mp3"}, ConfigError, "'mp3' is not known; choose one of s8, u8, s16le"),
        ({"sampling_rate": 0}, AudioError, "sampling rate is 0 Hz"),
        ({"channels": 9}, AudioError, "there are 9 channels"),
        ({"channels": 0}, AudioError, "there are 0 channels"),
    ],
)
def test_an_impossible_raw_format_is_refused(options: dict, error: type, message: str) -> None:
    valid = {"encoding": "s16le", "sampling_rate": 8000, "channels": 1}
    with pytest.raises(error, match=message):
        RawFormat(**(valid | options))


def test_an_encoding_may_be_given_as_text() -> None:
    raw = RawFormat(encoding="mulaw", sampling_rate=8000, channels=1)  # type: ignore[arg-type]
    assert raw.encoding is Encoding.MULAW
