"""How far an MP3 file reaches, where its first frame tells."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from tonfall.audio.containers.extent import Extent

__all__ = ["mpeg_extent"]

_TAG = re.compile(rb"(?:Xing|Info)(.{4})(.{8})", re.DOTALL)
_HAS_FRAMES, _HAS_BYTES = 1, 2
_TAG_WITHIN = 200
"""Bytes of the first frame in which its tag stands."""
_SLACK_BYTES = 3000
"""Two frames: some writers do not count the first, and short tags may follow the last."""
_SEARCHED_BYTES = 1 << 14
_APE_TAG = b"APETAGEX"


def mpeg_extent(stream: BinaryIO, *, size: int) -> Extent:
    """Where frames or a tag of another file follow those that the Xing tag counts."""
    first = _first_frame(stream)
    stream.seek(first)
    tag = _TAG.search(stream.read(_TAG_WITHIN))
    if tag is None:
        return Extent()
    (flags,), fields = struct.unpack(">I", tag[1]), struct.unpack(">II", tag[2])
    end = first + fields[1 if flags & _HAS_FRAMES else 0]
    if not flags & _HAS_BYTES or size - end < _SLACK_BYTES:
        return Extent()
    stream.seek(end)
    rest = stream.read(_SEARCHED_BYTES)
    begins = rest[:3] == b"ID3" or (rest[0] == 0xFF and rest[1] >= 0xE2)
    return Extent(second=end if begins and _APE_TAG not in rest else None)


def _first_frame(stream: BinaryIO) -> int:
    """The byte after an ID3 tag, whose length has seven bits a byte."""
    stream.seek(0)
    head = stream.read(10)
    if head[:3] != b"ID3":
        return 0
    return 10 + sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10]))
