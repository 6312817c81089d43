"""What the header of an audio file says, and a hash of its sound alone.

The hash is the MD5 sum of the samples as stored, without the container's tags, serial numbers
and dates: for 16-bit WAV it equals the sum that FLAC carries in its own header, so that a corpus
converted from one to the other keeps its hashes. It finds duplicates; it protects nothing.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from tonfall.errors import AudioError, ConfigError

__all__ = ["VIDEO_SUFFIXES", "Header", "read_header", "read_headers"]

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov"})
"""Endings of files whose sound is read through PyAV."""

_BLOCK = 1 << 20
_UNKNOWN_LENGTH = 0xFFFF_FFFF
_OGG_PAGE = struct.Struct("<4sBBqIIIB")
_OGG_LAST_PAGE = 4
_FLAC_MD5_OFFSET = 26


@dataclass(frozen=True, slots=True)
class Header:
    """Facts about a file's sound.

    Attributes:
        duration: seconds.
        sampling_rate: Hz.
        channels: count.
        hash: of the stored sound, hexadecimal.
    """

    duration: float
    sampling_rate: int
    channels: int
    hash: str


def read_headers(
    paths: Iterable[Path],
    *,
    decode: bool = False,
    progress: Callable[[int], object] | None = None,
) -> dict[Path, Header | AudioError]:
    """The header of each file, or the reason why it cannot be used.

    Args:
        paths: files; each is read once.
        decode: read all samples too, which finds damage that the header does not show.
        progress: called after each file with the number of files done.
    """
    unique = list(dict.fromkeys(paths))
    headers: dict[Path, Header | AudioError] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in zip(
            unique, pool.map(lambda p: _attempt(p, decode), unique), strict=True
        ):
            headers[path] = found
            if progress:
                progress(len(headers))
    return headers


def _attempt(path: Path, decode: bool) -> Header | AudioError:
    try:
        return read_header(path, decode=decode)
    except AudioError as error:
        return error


def read_header(path: Path, *, decode: bool = False) -> Header:
    """Duration, rate, channels and hash of one file.

    Raises:
        AudioError: the file is missing, cut short, empty or no audio.
        ConfigError: the file is a video, and PyAV is not installed.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file, expected audio. Unpack the release again.")
    header = _read_video(path) if path.suffix.lower() in VIDEO_SUFFIXES else _read_audio(path)
    if header.duration <= 0:
        raise AudioError(f"{path}: holds no sample, expected sound. Fetch the file again.")
    if decode and path.suffix.lower() not in VIDEO_SUFFIXES:
        _check_samples(path)
    return header


def _read_audio(path: Path) -> Header:
    try:
        said = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: cannot be decoded ({error.error_string})") from error
    duration = said.frames / said.samplerate
    return Header(duration, said.samplerate, said.channels, _content_hash(path))


def _read_video(path: Path) -> Header:
    try:
        import av
    except ImportError as error:
        raise ConfigError(
            f"{path}: sound inside a video needs PyAV. Install the extra 'av', or extract the "
            "sound to WAV files of the same names."
        ) from error
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if stream.duration and stream.time_base:
                duration = float(stream.duration * stream.time_base)
            else:
                duration = (container.duration or 0) / av.time_base
            rate, channels = stream.rate, stream.channels
    except (av.error.FFmpegError, IndexError) as error:
        raise AudioError(f"{path}: no sound can be decoded ({error})") from error
    return Header(duration, rate, channels, _hash_of(_file_blocks(path)))


def _check_samples(path: Path) -> None:
    """Decode a file to its end; AudioError where that fails or a sample is not finite."""
    count = 0
    try:
        with soundfile.SoundFile(path) as audio:
            for block in audio.blocks(blocksize=_BLOCK, dtype="float32"):
                count += len(block)
                if not np.isfinite(block).all():
                    raise AudioError(f"{path}: holds samples that are no numbers")
            if count != audio.frames:
                raise AudioError(f"{path}: {count} samples decode, the header says {audio.frames}")
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: cannot be decoded ({error.error_string})") from error


def _content_hash(path: Path) -> str:
    with path.open("rb") as stream:
        magic = stream.read(4)
        if magic == b"RIFF":
            return _hash_of(_wav_blocks(path, stream))
        if magic == b"OggS":
            return _hash_of(_ogg_blocks(path, stream))
        if magic == b"fLaC" and (known := _flac_md5(stream)):
            return known
    return _hash_of(_file_blocks(path))


def _hash_of(blocks: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _file_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _wav_blocks(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a WAV file's data chunk."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            yield from _data_chunk(path, stream, size)
            return
        stream.seek(size + size % 2, os.SEEK_CUR)
    raise AudioError(f"{path}: has no data chunk, expected a WAV file. Fetch the file again.")


def _data_chunk(path: Path, stream: BinaryIO, size: int) -> Iterator[bytes]:
    # Programs that write to a pipe leave 0 or the largest number for the length.
    left = size if size not in (0, _UNKNOWN_LENGTH) else None
    while left is None or left > 0:
        block = stream.read(_BLOCK if left is None else min(_BLOCK, left))
        if not block:
            break
        left = left if left is None else left - len(block)
        yield block
    if left:
        raise AudioError(f"{path}: is cut short by {left} bytes. Fetch the file again.")


def _ogg_blocks(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """The bodies of an Ogg file's pages after its headers, whose position is 0."""
    stream.seek(0)
    flags = 0
    while len(head := stream.read(_OGG_PAGE.size)) == _OGG_PAGE.size:
        _, _, flags, position, _, _, _, segments = _OGG_PAGE.unpack(head)
        body = stream.read(sum(stream.read(segments)))
        if position != 0:
            yield body
    if not flags & _OGG_LAST_PAGE:
        raise AudioError(f"{path}: is cut short, its last page is missing. Fetch the file again.")


def _flac_md5(stream: BinaryIO) -> str | None:
    """The sum of the samples that FLAC's stream information carries, or None where it is unset."""
    stream.seek(_FLAC_MD5_OFFSET)
    known = stream.read(16)
    return known.hex() if any(known) else None
