"""What only FFmpeg reads, through PyAV where it is installed."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from audio_recordings import Writer

from tonfall.audio import open_audio, probe, read
from tonfall.errors import AudioError

av = pytest.importorskip("av", reason="needs the extra tonfall[av]")


def encode(path: Path, codec: str, *, sampling_rate: int, layout: str, seconds: float) -> Path:
    """Write a tone of 440 Hz; each further channel has half the level."""
    channels = {"mono": 1, "stereo": 2}[layout]
    time = np.arange(int(seconds * sampling_rate)) / sampling_rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    waveform = np.stack([tone / 2**channel for channel in range(channels)]).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=sampling_rate, layout=layout)
        for start in range(0, waveform.shape[1], 960):
            piece = np.ascontiguousarray(waveform[:, start : start + 960])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = sampling_rate, start
            frame.time_base = Fraction(1, sampling_rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_m4a(folder: Path) -> Path:
    path = folder / "call.m4a"
    return encode(path, "aac", sampling_rate=44100, layout="stereo", seconds=3)


@pytest.mark.parametrize(
    ("name", "codec", "sampling_rate", "layout", "described"),
    [
        ("call.m4a", "aac", 44100, "stereo", "MOV/AAC"),
        ("call.mp4", "aac", 16000, "mono", "MOV/AAC"),
        ("call.webm", "libopus", 48000, "stereo", "MATROSKA/OPUS"),
        ("call.mka", "flac", 16000, "mono", "MATROSKA/FLAC"),
        ("call.aac", "aac", 22050, "mono", "AAC/AAC"),
    ],
)
def test_other_containers_keep_the_sound(
    tmp_path: Path, name: str, codec: str, sampling_rate: int, layout: str, described: str
) -> None:
    path = encode(tmp_path / name, codec, sampling_rate=sampling_rate, layout=layout, seconds=3)
    waveform, rate = read(path)
    assert rate == sampling_rate
    assert probe(path).format == described
    assert waveform.dtype == np.float32
    assert abs(waveform.shape[1] / rate - 3) < 0.15
    inner = waveform[:, rate : 2 * rate]
    levels = np.sqrt(2 * np.mean(inner**2, axis=1))
    np.testing.assert_allclose(levels, [0.3, 0.15][: len(levels)], rtol=0.03)
    spectrum = np.abs(np.fft.rfft(inner[0]))
    assert abs(int(spectrum.argmax()) - 440) <= 1


def test_blocks_join_to_the_whole(tmp_path: Path) -> None:
    path = make_m4a(tmp_path)
    whole, rate = read(path)
    with open_audio(path, block_seconds=0.37) as reader:
        blocks = list(reader)
    assert {block.shape[1] for block in blocks[:-1]} == {round(0.37 * rate)}
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_length_is_told_where_the_container_states_it(tmp_path: Path) -> None:
    assert probe(make_m4a(tmp_path)).samples == 3 * 44100
    bare = encode(tmp_path / "a.aac", "aac", sampling_rate=16000, layout="mono", seconds=1)
    assert probe(bare).samples is None


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_m4a(tmp_path)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"install the extra: pip install 'tonfall\[av\]'\.$"):
        read(path)


def test_formats_of_libsndfile_do_without_the_extra(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    for name in ("clip.wav", "clip.flac", "clip.ogg", "clip.mp3"):
        assert read(write(name))[0].shape == (1, 32000)


def test_a_truncated_m4a_file_is_refused(tmp_path: Path) -> None:
    path = make_m4a(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"truncated, with [\d,]+ bytes where its header"):
        read(path)


def test_a_truncated_webm_file_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.webm", "libopus", sampling_rate=48000, layout="mono", seconds=3)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"truncated.* 3\.0 s"):
        read(path)


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"silent\.mp4: there is no audio in it"):
        read(path)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    segment = encode(tmp_path / "a.aac", "aac", sampling_rate=16000, layout="mono", seconds=1)
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{segment}\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AudioError, match="not a recording in any known format"):
        read(playlist)


@pytest.mark.parametrize("ending", ["al", "ul", "sw"])
def test_raw_samples_are_not_read_at_a_rate_that_nobody_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"call.{ending}"
    path.write_bytes(bytes(range(256)) * 100)
    with pytest.raises(AudioError, match="if it is raw audio, give its encoding"):
        read(path)


def test_tags_that_are_not_utf_8_do_not_matter(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", "pcm_s16le", sampling_rate=8000, layout="mono", seconds=1)
    plain = path.read_bytes()
    assert b"Lavf" in plain
    path.write_bytes(plain.replace(b"Lavf", b"M\xfcll"))
    assert read(path)[0].shape == (1, 8000)


def test_nothing_is_printed_where_ffmpeg_seeks_to_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = encode(tmp_path / "a.caf", "alac", sampling_rate=8000, layout="mono", seconds=1)
    whole = read(path)[0].shape
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(range(1, 126)))
    assert read(path)[0].shape == whole
    assert capfd.readouterr().err == ""
