"""How far an Ogg file reaches: page by page (RFC 3533)."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from tonfall.audio.containers.extent import Extent, find_again

__all__ = ["ogg_extent"]

_MARK = b"OggS"
_HEAD = 27
_BEGINS, _ENDS = 2, 4


def ogg_extent(stream: BinaryIO, *, size: int) -> Extent:
    """Whether the last page is whole, and a mark says that it is the last.

    Without that mark nothing is proven: recorders on Android leave it out. Recordings one after the
    other are a chain, as radio stations send them.
    """
    end, in_sound = 0, False
    second: int | None = None
    begun, ended = set[bytes](), set[bytes]()
    while (position := _page_from(stream, end, size=size)) is not None:
        head = stream.read(_HEAD)
        lengths = stream.read(head[26]) if len(head) == _HEAD else b""
        end = position + _HEAD + len(lengths) + sum(lengths)
        if len(head) < _HEAD or len(lengths) < head[26] or end > size:
            whole = Extent(stated=max(end, size + 1), there=size)
            return replace(whole, second=second, chained=second is not None)
        flags, serial = head[5], head[14:18]
        begins = bool(flags & _BEGINS)
        if begun and not begins and serial not in begun:
            # Its first page was lost in the last one of a recording that was cut off.
            return Extent(second=position)
        if begins and in_sound and second is None:
            second = position
        in_sound = not begins
        begun.add(serial)
        if flags & _ENDS:
            ended.add(serial)
    return Extent(second=second, chained=second is not None, marked_end=begun <= ended)


def _page_from(stream: BinaryIO, position: int, *, size: int) -> int | None:
    """The byte at which the next page begins, with the stream there; None after the last."""
    stream.seek(position)
    if position < size and not _MARK.startswith(stream.read(len(_MARK))):
        position = size if (found := find_again(stream, _MARK, start=position)) is None else found
    stream.seek(position)
    return position if position < size else None
