"""Text from outside, made safe to keep: no telephone number gets into the store.

Telephone systems name calls by ids of their own, but nothing stops one from using the caller's
number. A run of seven or more digits, alone or parted as numbers are written, is replaced; an id
that mixes digits and letters, as UUIDs and Twilio's do, is kept.
"""

from __future__ import annotations

import re

__all__ = ["masked"]

NUMBER = re.compile(
    r"(?<![\w-])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,}(?![\w-])|\+\d{5,}|(?<=sip:)[^@\s]+"
)
MAIL = re.compile(r"[^\s@:]+@[^\s@]+\.[^\s@]+")
MASK = "masked"


def masked(text: str, *, longest: int) -> str:
    """The text without numbers and addresses of people, cut at ``longest`` characters.

    >>> masked("CA2f7c0011223344556677889900aabbcc", longest=64)
    'CA2f7c0011223344556677889900aabbcc'
    >>> masked("call from +49 170 1234567", longest=64)
    'call from masked'
    >>> masked("sip:anna@example.com", longest=64)
    'sip:masked'
    """
    return MAIL.sub(MASK, NUMBER.sub(MASK, text))[:longest]
