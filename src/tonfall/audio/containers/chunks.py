"""Walks through the chunks, boxes, tags or pages that a container consists of."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = [
    "Chunk",
    "ChunkReader",
    "is_open",
    "read_box",
    "read_element",
    "read_flv_tag",
    "read_sized",
    "read_voc_block",
    "walk",
]

_MOST_CHUNKS = 1_000_000
"""What has more is not walked to its end: a file of empty chunks must not keep us busy."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a container.

    Attributes:
        name: its identifier, as it is written.
        start: byte of the file at which its body begins.
        end: byte after its body, which may lie beyond the file; None where its length is open.
        following: byte at which the next part begins, padding passed over; None as ``end``.
    """

    name: bytes
    start: int
    end: int | None
    following: int | None


ChunkReader = Callable[[BinaryIO, int], Chunk | None]
"""Reads the head of the chunk at a byte; None where none stands there."""


def walk(stream: BinaryIO, read: ChunkReader, *, first: int, size: int) -> Iterator[Chunk]:
    """Every chunk up to the first that reaches beyond the file, or has no length."""
    position: int | None = first
    for _ in range(_MOST_CHUNKS):
        if position is None or position >= size or (chunk := read(stream, position)) is None:
            return
        yield chunk
        if chunk.following is not None and chunk.following <= position:
            return
        position = chunk.following


def read_sized(
    stream: BinaryIO,
    position: int,
    *,
    head: struct.Struct,
    counts_head: bool = False,
    padding: int = 1,
    may_be_open: Container[bytes] = (),
) -> Chunk | None:
    """A chunk of RIFF, AIFF, CAF, Wave64 or ASF: a name, a length, a body.

    Args:
        stream: a seekable file.
        position: byte at which the chunk begins.
        head: of the name and the length.
        counts_head: True where the length counts the head too.
        padding: chunks are filled up to a multiple of so many bytes.
        may_be_open: names of those whose length may stand for "not known".
    """
    raw = _bytes_at(stream, position, head.size)
    if len(raw) < head.size:
        return None
    name, length = head.unpack(raw)
    start = position + head.size
    if name in may_be_open and is_open(length):
        return Chunk(name, start, None, None)
    end = (position if counts_head else start) + length
    return Chunk(name, start, end, end + -length % padding)


def is_open(length: int) -> bool:
    """Whether a stated length stands for "not known".

    Writers into a pipe leave 0, -1, 2 GB (sox, arecord, espeak-ng) or 4 GB (ffmpeg), each less a
    little for the header or for whole frames; where lengths have 64 bits, the largest of those.
    """
    about_2_gb = 0x7FFF_0000 <= length <= 0x8000_0000
    about_4_gb = 0xFFFF_FF00 <= length <= 0xFFFF_FFFF
    return length <= 0 or about_2_gb or about_4_gb or length > 1 << 60


def read_box(stream: BinaryIO, position: int) -> Chunk | None:
    """A box of MP4 and QuickTime; one of length 0 reaches to the end of the file."""
    raw = _bytes_at(stream, position, 16)
    if len(raw) < 8:
        return None
    length, name = struct.unpack_from(">I4s", raw)
    head = 8
    if length == 1 and len(raw) == 16:
        length, head = struct.unpack_from(">8xQ", raw)[0], 16
    if length == 0:
        return Chunk(name, position + head, None, None)
    return Chunk(name, position + head, position + length, position + length)


def read_element(stream: BinaryIO, position: int) -> Chunk | None:
    """An element of Matroska; one of open length is followed by what stands in it."""
    raw = _bytes_at(stream, position, 12)
    id_length = _variable_length(raw, 0)
    length = _variable_length(raw, id_length)
    if not id_length or not length or id_length > 4:
        return None
    start = position + id_length + length
    size = int.from_bytes(raw[id_length : id_length + length], "big") & ((1 << 7 * length) - 1)
    if size == (1 << 7 * length) - 1:
        return Chunk(raw[:id_length], start, None, start)
    return Chunk(raw[:id_length], start, start + size, start + size)


def _variable_length(raw: bytes, place: int) -> int:
    """Bytes of a number at a place, by its leading zeros; 0 where there is none."""
    if place >= len(raw) or raw[place] == 0:
        return 0
    length = 9 - raw[place].bit_length()
    return length if place + length <= len(raw) else 0


def read_flv_tag(stream: BinaryIO, position: int) -> Chunk | None:
    """A tag of Flash video, and the four bytes after it that repeat its length."""
    raw = _bytes_at(stream, position, 11)
    if len(raw) < 11 or raw[0] not in (8, 9, 18):
        return None
    end = position + 11 + int.from_bytes(raw[1:4], "big")
    return Chunk(raw[:1], position + 11, end, end + 4)


def read_voc_block(stream: BinaryIO, position: int) -> Chunk | None:
    """A block of a Creative Voice file; the last is a zero byte without a length."""
    raw = _bytes_at(stream, position, 4)
    if not raw or raw[0] > 9:
        return None
    if raw[0] == 0:
        return Chunk(raw[:1], position + 1, position + 1, position + 1)
    end = position + 4 + int.from_bytes(raw[1:4], "little")
    return Chunk(raw[:1], position + 4, end, end)


def _bytes_at(stream: BinaryIO, position: int, count: int) -> bytes:
    stream.seek(position)
    return stream.read(count)
