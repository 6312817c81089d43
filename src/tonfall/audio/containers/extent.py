"""How far a recording reaches, by what its container states."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

from tonfall.audio.containers.chunks import Chunk

__all__ = ["WAVE64", "Extent", "extent_of_sound", "extent_of_whole", "find_again"]

WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
"""What a Wave64 file begins with."""
_BEGINNING = re.compile(
    rb"(?:RIFF|RIFX|RF64|BW64).{4}(?:WAVE|AVI )|FORM.{4}(?:AIF[FC]|8SVX|16SV)|caff\x00\x01"
    rb"|\.snd\x00|dns\.|NIST_1A|OggS|fLaC\x00{3}\x22|.{4}ftyp|\x1a\x45\xdf\xa3|FLV\x01"
    rb"|Creative Voice|wvpk.{12}\0{4}.{5}[\x08-\x0f\x18-\x1f]|\x30\x26\xb2\x75\x8e\x66\xcf\x11|"
    + re.escape(WAVE64),
    re.DOTALL,
)
"""What a recording begins with, of any kind that is read: WavPack with the first sample's block."""
_LONGEST_BEGINNING = 26
_REPEATED_BYTES = 16
_SEARCHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """What a container states of its length, held against the file that it stands in.

    Attributes:
        stated: bytes that it commits itself to: of sound, or of the whole file; None where it
            leaves that open.
        there: of these, the bytes that are in the file.
        of_sound: True where they are bytes of sound, of which the duration is a multiple.
        second: byte at which a further recording begins, to which libsndfile does not read on; or
            None.
        chained: True where it is one more of a chain, which FFmpeg reads to its end.
        marked_end: False where the format marks the last part as such, and none is marked.
    """

    stated: int | None = None
    there: int = 0
    of_sound: bool = False
    second: int | None = None
    chained: bool = False
    marked_end: bool = True

    @property
    def cut(self) -> bool:
        """True where the file ends before what it states."""
        return self.stated is not None and self.there < self.stated


def extent_of_sound(
    stream: BinaryIO, chunks: Iterable[Chunk], *, size: int, sound: Container[bytes]
) -> Extent:
    """The extent of a container that holds its samples in one chunk.

    Args:
        stream: a seekable file.
        chunks: of the container, in order.
        size: of the file in bytes.
        sound: names of the chunk that holds the samples.
    """
    found = Extent()
    for chunk in chunks:
        if chunk.name in sound:
            if found.of_sound:
                return _with_second(found, chunk.start)
            found = _of_samples(stream, chunk, size=size)
        if (second := _beginning_after(stream, chunk, size=size)) is not None:
            return _with_second(found, second)
    return found


def extent_of_whole(stream: BinaryIO, chunks: Iterable[Chunk], *, size: int) -> Extent:
    """The extent of a container whose samples stand in many chunks: it ends with the last.

    Args:
        stream: a seekable file.
        chunks: of the container, in order.
        size: of the file in bytes.
    """
    last = None
    for last in chunks:
        if (second := _beginning_after(stream, last, size=size)) is not None:
            return Extent(second=second)
    if last is None:
        return Extent()
    if last.following is None:
        return Extent(second=find_again(stream, _first_bytes(stream), start=last.start))
    return Extent(stated=last.end, there=min(last.end or 0, size))


def find_again(stream: BinaryIO, mark: bytes, *, start: int) -> int | None:
    """The first byte from ``start`` on at which ``mark`` stands, or None."""
    position, kept = start, b""
    stream.seek(start)
    while block := stream.read(_SEARCHED_BYTES):
        searched = kept + block
        if (place := searched.find(mark)) >= 0:
            return position - len(kept) + place
        position += len(block)
        kept = searched[-(len(mark) - 1) :]
    return None


def _of_samples(stream: BinaryIO, chunk: Chunk, *, size: int) -> Extent:
    """Where the length is open, a second recording of the same writer begins as the first does."""
    if chunk.end is None:
        again = find_again(stream, _first_bytes(stream), start=chunk.start)
        return Extent(of_sound=True, second=again)
    there = max(0, min(chunk.end, size) - chunk.start)
    return Extent(stated=chunk.end - chunk.start, there=there, of_sound=True)


def _first_bytes(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(_REPEATED_BYTES)


def _beginning_after(stream: BinaryIO, chunk: Chunk, *, size: int) -> int | None:
    """Where a recording begins after a chunk; some writers leave out the padding."""
    for place in (chunk.end, chunk.following):
        if place is not None and 0 < place < size:
            stream.seek(place)
            if _BEGINNING.match(stream.read(_LONGEST_BEGINNING)):
                return place
    return None


def _with_second(extent: Extent, second: int) -> Extent:
    return replace(extent, second=second)
