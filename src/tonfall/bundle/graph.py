"""Whether an ONNX graph is whole in its file, told from its bytes without the package ``onnx``.

A tensor may refer to data in another file, which no hash of the bundle covers. Such references
may stand in any initialiser, attribute or sub-graph, so the messages that can hold a tensor are
walked in Protocol Buffers' wire format (onnx.proto3, IR version 10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tonfall.errors import BundleError

__all__ = ["check_self_contained"]

_HOLDERS: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "model": {7: "graph", 20: "training", 25: "function"},
        "training": {1: "graph", 2: "graph"},
        "function": {7: "node", 11: "attribute"},
        "graph": {1: "node", 5: "tensor", 15: "sparse"},
        "node": {5: "attribute"},
        "attribute": {
            5: "tensor",
            6: "graph",
            10: "tensor",
            11: "graph",
            22: "sparse",
            23: "sparse",
        },
        "sparse": {1: "tensor", 2: "tensor"},
    }
)
"""Message to the fields in it that are messages which may hold a tensor."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of a tensor: where its data lies instead, and 1 where it lies elsewhere."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def check_self_contained(graph: bytes, *, name: str) -> None:
    """Refuse a graph that takes data from other files, or that is no ONNX graph.

    Args:
        graph: content of the file.
        name: how the message calls it.

    Raises:
        BundleError: a tensor has external data, or the bytes are not a serialised model.
    """
    waiting = [("model", memoryview(graph))]
    graphs = 0
    try:
        while waiting:
            kind, message = waiting.pop()
            graphs += kind == "graph"
            for field, value in _fields(message):
                if kind == "tensor":
                    _check_tensor(field, value, name)
                elif isinstance(value, memoryview) and field in _HOLDERS[kind]:
                    waiting.append((_HOLDERS[kind][field], value))
    except (ValueError, IndexError):
        graphs = 0
    if not graphs:
        raise BundleError(f"{name}: it is no ONNX graph; export the model again.") from None


def _check_tensor(field: int, value: int | memoryview, name: str) -> None:
    elsewhere = field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)
    if elsewhere:
        raise BundleError(
            f"{name}: a tensor's data lies in another file, which no hash of the bundle covers; "
            "export the model with all its weights inside."
        )


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an integer, or the bytes of what has a length.

    Raises:
        ValueError, IndexError: the message is cut short, or its wire format unknown.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield field, value
            continue
        size, place = _size(message, place, wire)
        if place + size > len(message) or field == 0:
            raise ValueError("cut short")
        yield field, message[place : place + size]
        place += size


def _size(message: memoryview, place: int, wire: int) -> tuple[int, int]:
    """Bytes of the value at ``place``, and where it begins."""
    if wire == _BYTES:
        return _varint(message, place)
    fixed = {_FIXED_64: 8, _FIXED_32: 4}
    if wire not in fixed:
        raise ValueError("groups are not part of ONNX")
    return fixed[wire], place


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """An integer of at most ten bytes, and where the next value begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
    raise ValueError("a number of more than ten bytes")
