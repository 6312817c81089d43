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

from tonfall.audio import open_audio, probe
from tonfall.errors import AudioError

__all__ = ["Header", "read_header", "read_headers"]

_BLOCK = 1 << 20
_BLOCK_SECONDS = 30.0
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
    progress: Callable[[int, int], object] | None = None,
) -> dict[Path, Header | AudioError]:
    """The header of each file, or the reason why it cannot be used.

    Args:
        paths: files; each is read once.
        decode: read all samples too, which finds damage that the header does not show.
        progress: called after each file with the number of files done and of all.
    """
    unique = list(dict.fromkeys(paths))
    headers: dict[Path, Header | AudioError] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda path: _attempt(path, decode), unique)
        for path, found in zip(unique, results, strict=True):
            headers[path] = found
            if progress:
                progress(len(headers), len(unique))
    return headers


def _attempt(path: Path, decode: bool) -> Header | AudioError:
    try:
        return read_header(path, decode=decode)
    except AudioError as error:
        return error


def read_header(path: Path, *, decode: bool = False) -> Header:
    """Duration, rate, channels and hash of one file.

    Raises:
        AudioError: the file is missing, cut short, empty, no audio, or, where ``decode`` is set,
            damaged inside.
    """
    said = probe(path)
    samples = _decoded_samples(path) if decode or said.samples is None else said.samples
    if samples == 0:
        raise AudioError(f"{path}: it holds no sample; fetch the file again.")
    return Header(samples / said.sampling_rate, said.sampling_rate, said.channels, _hash(path))


def _decoded_samples(path: Path) -> int:
    """Samples that there are, counted by decoding to the end."""
    with open_audio(path, block_seconds=_BLOCK_SECONDS) as reader:
        for _ in reader:
            pass
        return reader.position


def _hash(path: Path) -> str:
    """The hash of a file's sound; of the whole file where the container is not one of three."""
    with path.open("rb") as stream:
        magic = stream.read(4)
        if magic == b"RIFF":
            return _md5(_wav_blocks(stream))
        if magic == b"OggS":
            return _md5(_ogg_blocks(path, stream))
        if magic == b"fLaC" and (known := _flac_md5(stream)):
            return known
        stream.seek(0)
        return _md5(iter(lambda: stream.read(_BLOCK), b""))


def _md5(blocks: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _wav_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a WAV file's data chunk."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            # Programs that write to a pipe leave 0 or the largest number for the length.
            yield from _limited(stream, None if size in (0, _UNKNOWN_LENGTH) else size)
            return
        stream.seek(size + size % 2, os.SEEK_CUR)


def _limited(stream: BinaryIO, left: int | None) -> Iterator[bytes]:
    """The next ``left`` bytes, or all that there are."""
    while block := stream.read(_BLOCK if left is None else min(_BLOCK, left)):
        left = left if left is None else left - len(block)
        yield block


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
        raise AudioError(f"{path}: it is cut short, its last page is missing; fetch it again.")


def _flac_md5(stream: BinaryIO) -> str | None:
    """The sum of the samples that FLAC's stream information carries, or None where it is unset."""
    stream.seek(_FLAC_MD5_OFFSET)
    known = stream.read(16)
    return known.hex() if any(known) else None
