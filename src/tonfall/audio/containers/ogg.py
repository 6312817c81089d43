"""How far an Ogg file reaches: page by page (RFC 3533)."""

from __future__ import annotations

from typing import BinaryIO

from tonfall.audio.containers.extent import Extent, find_again

__all__ = ["ogg_extent"]

_MARK = b"OggS"
_HEAD = 27
_BEGINS, _ENDS = 2, 4


def ogg_extent(stream: BinaryIO, *, size: int) -> Extent:
    """Whether the last page is whole, and a mark says that it is the last.

    Without that mark nothing is proven: recorders on Android leave it out. What follows another
    recording in the same file ("chained" streams) counts as a second one.
    """
    end, in_sound = 0, False
    begun, ended = set[bytes](), set[bytes]()
    while (position := _page_from(stream, end, size=size)) is not None:
        head = stream.read(_HEAD)
        lengths = stream.read(head[26]) if len(head) == _HEAD else b""
        end = position + _HEAD + len(lengths) + sum(lengths)
        if len(head) < _HEAD or len(lengths) < head[26] or end > size:
            return Extent(stated=max(end, size + 1), there=size)
        flags, serial = head[5], head[14:18]
        if (flags & _BEGINS and in_sound) or (not flags & _BEGINS and serial not in begun):
            # The beginning of the second may be lost in the last page of a first that was cut off.
            return Extent(second=position)
        in_sound = not flags & _BEGINS
        begun.add(serial)
        if flags & _ENDS:
            ended.add(serial)
    return Extent(marked_end=begun <= ended)


def _page_from(stream: BinaryIO, position: int, *, size: int) -> int | None:
    """The byte at which the next page begins, with the stream there; None after the last."""
    stream.seek(position)
    if position < size and not _MARK.startswith(stream.read(len(_MARK))):
        position = size if (found := find_again(stream, _MARK, start=position)) is None else found
    stream.seek(position)
    return position if position < size else None
