"""Which container a file is, and how far it reaches."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import takewhile
from math import prod
from typing import BinaryIO

from tonfall.audio.containers.chunks import (
    Chunk,
    ChunkReader,
    is_open,
    read_box,
    read_element,
    read_flv_tag,
    read_sized,
    read_voc_block,
    walk,
)
from tonfall.audio.containers.extent import (
    WAVE64,
    Extent,
    extent_of_sound,
    extent_of_whole,
    find_again,
)
from tonfall.audio.containers.mpeg import mpeg_extent
from tonfall.audio.containers.ogg import ogg_extent
from tonfall.audio.containers.riff import WavHeader

__all__ = ["read_extent"]

_Family = Callable[[BinaryIO, int], Extent]

_RIFF = struct.Struct("<4sI")
_IFF = struct.Struct(">4sI")
_CAF = struct.Struct(">4sq")
_GUID = struct.Struct("<16sQ")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA_HEAD = 50
_ASF_OBJECTS = frozenset(
    [
        _ASF,
        _ASF_DATA,
        bytes.fromhex("33000890e5b1cf1189f400a0c90349cb"),
        bytes.fromhex("d329e2d6da35d111903400a0c90349be"),
        bytes.fromhex("f803b1fead12644c840f2a1d2f7ad48c"),
        bytes.fromhex("d03fb73c4a0c0348953dedf7b6228f0c"),
    ]
)
"""Header, data, and the four kinds of index."""
_BOXES = frozenset(
    b"ftyp styp pdin moov moof mfra mdat free skip wide sidx ssix prft emsg meta udta uuid pnot"
    b" PICT junk".split()
)
"""Of MP4 and QuickTime, at the top."""
_ELEMENTS = frozenset(
    bytes.fromhex(name)
    for names in (
        "1a45dfa3 18538067",
        "114d9b74 1549a966 1654ae6b 1f43b675 1c53bb6b 1941a469 1043a770 1254c367 ec bf",
        "e7 5854 a7 ab a3 a0 af",
    )
    for name in names.split()
)
"""Of Matroska: at the top, in a segment and in a cluster, into which open lengths lead."""
_WAVE64_DATA = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
_FLAC = b"fLaC\0\0\0\x22"
"""With the head of the block that must come first: eight bytes that no samples hold by chance."""
_NIST_FIELD = re.compile(rb"^(sample_count|channel_count|sample_n_bytes) -i (\d+)", re.MULTILINE)


def read_extent(stream: BinaryIO, *, size: int, wav: WavHeader | None = None) -> Extent:
    """How far a file's container says that it reaches.

    Args:
        stream: a seekable file.
        size: of the file in bytes.
        wav: its header, where it is a WAV file.

    Returns:
        What is stated; nothing where the container is not known, or states no length.
    """
    if wav is not None:
        return _wav_extent(stream, wav, size=size)
    stream.seek(0)
    start = stream.read(16)
    for beginning, extent in _FAMILIES.items():
        if re.match(beginning, start, re.DOTALL):
            return extent(stream, size)
    return Extent()


def _wav_extent(stream: BinaryIO, wav: WavHeader, *, size: int) -> Extent:
    """The samples, whose length the header told, then what follows them."""
    end = None if wav.data_bytes is None else wav.data_start + wav.data_bytes
    following = None if end is None else end + end % 2
    chunks = [Chunk(b"data", wav.data_start, end, following)]
    if following is not None:
        read = partial(read_sized, head=_IFF if wav.big_endian else _RIFF, padding=2)
        chunks += walk(stream, read, first=following, size=size)
    return extent_of_sound(stream, chunks, size=size, sound=(b"data",))


def _in_one_chunk(read: ChunkReader, *, first: int, sound: tuple[bytes, ...]) -> _Family:
    def extent(stream: BinaryIO, size: int) -> Extent:
        chunks = walk(stream, read, first=first, size=size)
        return extent_of_sound(stream, chunks, size=size, sound=sound)

    return extent


def _in_many_chunks(read: ChunkReader, *, names: frozenset[bytes]) -> _Family:
    """What has another name was put after the recording, as tags are, and states nothing of it."""

    def extent(stream: BinaryIO, size: int) -> Extent:
        chunks = walk(stream, read, first=0, size=size)
        own = takewhile(lambda chunk: chunk.name in names, chunks)
        return extent_of_whole(stream, own, size=size)

    return extent


def _read_asf_object(stream: BinaryIO, position: int) -> Chunk | None:
    """Writers into a pipe leave the length of the data object at that of its head."""
    chunk = read_sized(stream, position, head=_GUID, counts_head=True, may_be_open=(_ASF_DATA,))
    if chunk is None or chunk.name != _ASF_DATA or chunk.end != position + _ASF_DATA_HEAD:
        return chunk
    return Chunk(chunk.name, chunk.start, None, None)


def _wavpack_extent(stream: BinaryIO, size: int) -> Extent:
    """Tags follow the blocks of most files, and a second file those."""
    read = partial(read_sized, head=_RIFF)
    whole = _in_many_chunks(read, names=frozenset([b"wvpk"]))(stream, size)
    if whole.stated is None or whole.cut:
        return whole
    return replace(whole, second=find_again(stream, b"wvpk", start=whole.stated))


def _flv_extent(stream: BinaryIO, size: int) -> Extent:
    return extent_of_whole(stream, walk(stream, read_flv_tag, first=13, size=size), size=size)


def _au_extent(stream: BinaryIO, size: int) -> Extent:
    stream.seek(0)
    order = ">" if stream.read(4) == b".snd" else "<"
    start, length = struct.unpack(f"{order}II", stream.read(8).ljust(8, b"\0"))
    return _of_samples(stream, size, start=start, length=None if is_open(length) else length)


def _nist_extent(stream: BinaryIO, size: int) -> Extent:
    """NIST SPHERE: a head in text, whose second line is its length."""
    stream.seek(0)
    head = stream.read(1024)
    lengths = [int(value) for _, value in _NIST_FIELD.findall(head)]
    start = head[8:16].strip()
    if len(lengths) != 3 or not start.isdigit():
        return Extent()
    return _of_samples(stream, size, start=int(start), length=prod(lengths) or None)


def _of_samples(stream: BinaryIO, size: int, *, start: int, length: int | None) -> Extent:
    end = None if length is None else start + length
    chunk = Chunk(b"data", start, end, end)
    return extent_of_sound(stream, [chunk], size=size, sound=(b"data",))


def _voc_extent(stream: BinaryIO, size: int) -> Extent:
    stream.seek(20)
    first = int.from_bytes(stream.read(2), "little")
    return extent_of_whole(stream, walk(stream, read_voc_block, first=first, size=size), size=size)


def _flac_extent(stream: BinaryIO, _: int) -> Extent:
    return Extent(second=find_again(stream, _FLAC, start=len(_FLAC)))


def _repeated_extent(stream: BinaryIO, _: int) -> Extent:
    """Formats whose first bytes say no more than version, rate and channels."""
    stream.seek(0)
    return Extent(second=find_again(stream, stream.read(14), start=14))


_FAMILIES: Mapping[bytes, _Family] = {
    rb"FORM.{4}(AIF[FC]|8SVX|16SV)": _in_one_chunk(
        partial(read_sized, head=_IFF, padding=2, may_be_open=(b"SSND", b"BODY")),
        first=12,
        sound=(b"SSND", b"BODY"),
    ),
    rb"caff": _in_one_chunk(
        partial(read_sized, head=_CAF, may_be_open=(b"data",)), first=8, sound=(b"data",)
    ),
    re.escape(WAVE64): _in_one_chunk(
        partial(read_sized, head=_GUID, counts_head=True, padding=8, may_be_open=(_WAVE64_DATA,)),
        first=40,
        sound=(_WAVE64_DATA,),
    ),
    rb"\.snd|dns\.": _au_extent,
    rb"NIST_1A": _nist_extent,
    rb"OggS": lambda stream, size: ogg_extent(stream, size=size),
    rb"fLaC": _flac_extent,
    rb"ID3|\xff[\xe2-\xff]": lambda stream, size: mpeg_extent(stream, size=size),
    rb"TTA1|MAC |PVF1| paf|fap |\x64\xa3[\x01-\x05]\x00|\x00[\x01-\x05]\xa3\x64": _repeated_extent,
    rb"RIFF.{4}AVI ": _in_many_chunks(
        partial(read_sized, head=_RIFF, padding=2, may_be_open=(b"RIFF",)),
        names=frozenset([b"RIFF"]),
    ),
    rb".{4}(ftyp|moov|mdat|wide|free|skip)": _in_many_chunks(read_box, names=_BOXES),
    rb"\x1a\x45\xdf\xa3": _in_many_chunks(read_element, names=_ELEMENTS),
    re.escape(_ASF): _in_many_chunks(_read_asf_object, names=_ASF_OBJECTS),
    rb"wvpk": _wavpack_extent,
    rb"FLV\x01": _flv_extent,
    rb"Creative Voice": _voc_extent,
}
"""By what a file begins with."""
