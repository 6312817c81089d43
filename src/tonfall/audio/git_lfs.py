"""Pointers that git leaves in place of large files where git-lfs did not fetch them."""

from __future__ import annotations

__all__ = ["POINTER_ADVICE", "is_pointer"]

_HEAD = b"version https://git-lfs.github.com/spec/"

POINTER_ADVICE = "run 'git lfs pull' in the clone that it is from, or download the file itself"
"""What to do about a pointer, for error messages."""


def is_pointer(content: bytes) -> bool:
    """Whether a file's first bytes are those of a git-lfs pointer.

    >>> is_pointer(b"version https://git-lfs.github.com/spec/v1 oid sha256:4d7a")
    True
    """
    return content.startswith(_HEAD)
