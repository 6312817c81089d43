"""Every format that libsndfile reads comes out as it went in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_recordings import Writer, speech_like
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tonfall.audio import Encoding, RawFormat, decode_samples, probe, read

LOSSLESS = [
    ("WAV", "PCM_U8", 2**-7),
    ("WAV", "PCM_16", 2**-15),
    ("WAV", "PCM_24", 2**-23),
    ("WAV", "PCM_32", 2**-23),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAVEX", "PCM_16", 2**-15),
    ("RF64", "PCM_16", 2**-15),
    ("W64", "PCM_16", 2**-15),
    ("FLAC", "PCM_16", 2**-15),
    ("FLAC", "PCM_24", 2**-23),
    ("AIFF", "PCM_16", 2**-15),
    ("AU", "PCM_16", 2**-15),
]
"""Container, encoding, and the largest error that one step of it allows."""
COMPANDED = [("WAV", "ULAW"), ("WAV", "ALAW")]
LOSSY = [
    ("WAV", "IMA_ADPCM"),
    ("WAV", "MS_ADPCM"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("container", "subtype", "step"), LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_lossless_formats_keep_every_sample(
    write: Writer, container: str, subtype: str, step: float, channels: int
) -> None:
    waveform = speech_like(channels=channels, samples=4567)
    path = write("clip", waveform, sampling_rate=8000, container=container, subtype=subtype)
    decoded, sampling_rate = read(path)
    assert sampling_rate == 8000
    assert decoded.shape == waveform.shape
    assert decoded.dtype == np.float32
    assert decoded.flags.c_contiguous
    np.testing.assert_allclose(decoded, waveform, atol=step, rtol=0)


@pytest.mark.parametrize(("container", "subtype"), COMPANDED)
def test_companded_formats_keep_one_part_in_sixteen(
    write: Writer, container: str, subtype: str
) -> None:
    waveform = speech_like(channels=2, samples=4567)
    decoded, _ = read(write("clip.wav", waveform, sampling_rate=8000, subtype=subtype))
    np.testing.assert_allclose(decoded, waveform, rtol=1 / 16, atol=16 / 32768)


@pytest.mark.parametrize(("container", "subtype"), LOSSY)
def test_lossy_formats_keep_the_sound_and_the_time(
    write: Writer, container: str, subtype: str
) -> None:
    time = np.arange(32000) / 16000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.minimum(1, 5 * time)
    waveform = np.stack([tone, 0.5 * tone]).astype(np.float32)
    path = write("clip", waveform, container=container, subtype=subtype)
    decoded, sampling_rate = read(path)
    assert sampling_rate == 16000
    # Codecs fill up their last block.
    assert 0 <= decoded.shape[1] - 32000 < 1200
    error = decoded[:, 2000:30000] - waveform[:, 2000:30000]
    assert np.sqrt(np.mean(error**2)) < 0.02


@pytest.mark.parametrize("sampling_rate", [4000, 8000, 11025, 44100, 192000, 384000])
def test_every_rate_is_reported(write: Writer, sampling_rate: int) -> None:
    path = write("clip.wav", sampling_rate=sampling_rate)
    info = probe(path)
    assert (info.sampling_rate, info.samples, info.seconds) == (
        sampling_rate,
        2 * sampling_rate,
        2.0,
    )


@pytest.mark.parametrize(
    ("name", "subtype", "described"),
    [
        ("clip.wav", "ULAW", "WAV/ULAW"),
        ("clip.flac", "PCM_16", "FLAC/PCM_16"),
        ("clip.ogg", "VORBIS", "OGG/VORBIS"),
        ("clip.mp3", "MPEG_LAYER_III", "MP3/MPEG_LAYER_III"),
    ],
)
def test_probing_tells_what_the_header_says(
    write: Writer, name: str, subtype: str, described: str
) -> None:
    path = write(name, speech_like(channels=2, samples=32000), subtype=subtype)
    info = probe(path)
    assert (info.path, info.channels, info.samples) == (str(path), 2, 32000)
    assert info.format == described


def test_the_name_does_not_decide_the_format(write: Writer, tmp_path: Path) -> None:
    path = write("clip.flac").rename(tmp_path / "clip.wav")
    assert probe(path).format == "FLAC/PCM_16"


def test_a_flac_stream_of_open_length_is_read_to_its_end(write: Writer) -> None:
    path = write("clip.flac")
    data = bytearray(path.read_bytes())
    # The count of samples is the 36 bits from the low half of byte 21 on; 0 is "not known".
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert probe(path).samples is None
    assert read(path)[0].shape == (1, 32000)


PEERS = {
    Encoding.S8: ("PCM_S8", None),
    Encoding.U8: ("PCM_U8", None),
    Encoding.S16LE: ("PCM_16", "LITTLE"),
    Encoding.S24LE: ("PCM_24", "LITTLE"),
    Encoding.S32LE: ("PCM_32", "LITTLE"),
    Encoding.F32LE: ("FLOAT", "LITTLE"),
    Encoding.F64LE: ("DOUBLE", "LITTLE"),
    Encoding.MULAW: ("ULAW", None),
    Encoding.ALAW: ("ALAW", None),
}


@pytest.mark.parametrize("encoding", list(Encoding))
@settings(deadline=None, max_examples=30)
@given(
    waveform=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.integers(1, 50)),
        elements=st.floats(-1, 1, width=32),
    )
)
def test_raw_samples_decode_as_libsndfile_decodes_them(
    encoding: Encoding, waveform: np.ndarray
) -> None:
    subtype, endian = PEERS[encoding]
    file = io.BytesIO()
    soundfile.write(file, waveform.T, 8000, format="RAW", subtype=subtype, endian=endian)
    data = file.getvalue()
    raw = RawFormat(encoding=encoding, sampling_rate=8000, channels=len(waveform))
    decoded = decode_samples(data, raw=raw)
    expected, _ = soundfile.read(
        io.BytesIO(data),
        dtype="float32",
        always_2d=True,
        format="RAW",
        subtype=subtype,
        endian=endian,
        samplerate=8000,
        channels=len(waveform),
    )
    np.testing.assert_array_equal(decoded, expected.T)


@pytest.mark.parametrize(
    ("subtype", "step"),
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-23), ("FLOAT", 0)],
)
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_wav_encodings_round_trip(
    tmp_path_factory: pytest.TempPathFactory, subtype: str, step: float, data: st.DataObject
) -> None:
    shape = data.draw(st.tuples(st.integers(1, 8), st.integers(200, 500)))
    seed = data.draw(st.integers(0, 2**16))
    waveform = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    soundfile.write(path, waveform.T, 8000, subtype=subtype)
    decoded, _ = read(path)
    np.testing.assert_allclose(decoded, waveform, atol=step, rtol=0)
