"""Data frames of WebSockets (RFC 6455, section 5.2) that are whole messages: found and unmasked.

A Twilio call brings a hundred messages a second. The ``websockets`` library takes ten times as
long for each as this does; all that is not such a frame is left to it.
"""

from __future__ import annotations

import sys

__all__ = ["SHORTEST", "find", "unmasked"]

MASKED = 0x80
SHORTEST = 6
"""Bytes before the payload of a short masked frame."""


def find(buffer: bytes | bytearray, start: int, longest: int) -> tuple[int, int] | None:
    """The frame that begins at ``start``, of which at least ``SHORTEST`` bytes are there.

    Args:
        buffer: of bytes that came.
        start: where a frame begins.
        longest: bytes of the longest payload.

    Returns:
        Where its payload begins, with its mask in the four bytes before, and where the next frame
        begins, which may lie beyond the buffer; None for a frame that is not masked or too long:
        it is to be refused.

    >>> find(bytes([0x82, 0x82, 0, 0, 0, 0, 7, 8]), 0, longest=10)
    (6, 8)
    """
    second = buffer[start + 1]
    head, length = SHORTEST, second & 0x7F
    if length == 126:
        head, length = 8, int.from_bytes(buffer[start + 2 : start + 4], "big")
    elif length == 127:
        head, length = 14, int.from_bytes(buffer[start + 2 : start + 10], "big")
    if not second & MASKED or length > longest:
        return None
    return start + head, start + head + length


def _unmasked(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """A frame's payload, with its mask of four bytes taken off.

    >>> _unmasked(b"abcde", bytes([1, 0, 0, 0]))
    b'`bcdd'
    """
    size = len(payload)
    repeated = mask * (size // 4) + mask[: size % 4]
    number = int.from_bytes(payload, sys.byteorder) ^ int.from_bytes(repeated, sys.byteorder)
    return number.to_bytes(size, sys.byteorder)


try:  # The library's own, in C and not part of its public API: a twentieth of the time.
    from websockets.speedups import apply_mask as unmasked
except ImportError:
    unmasked = _unmasked  # type: ignore[assignment]
