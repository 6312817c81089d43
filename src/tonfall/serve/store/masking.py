"""Text from outside, made safe to keep: no telephone number gets into the store.

Telephone systems name calls by ids of their own, but nothing stops one from using the caller's
number. A run of seven or more digits, alone or parted as numbers are written, is replaced, and so
are addresses. An id that mixes digits and letters, as Twilio's do, is kept, and so is a UUID.
"""

from __future__ import annotations

import re

__all__ = ["masked"]

MASK = "masked"
FEWEST_DIGITS = 7
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PREFIX = r"(?P<prefix>(?<![^\W_])[^\W\d_]+_?|_)"
"""A word before the digits, as in call_49... and tel49...; not the middle of an id."""
SIGNS = r"(?:(?<![\w+(])|(?<=\w[+(]))[+(]*"
"""What may stand before a number, from its first sign on that no word ends in. Tried at every sign
of a row of them, a text of many would take time with the square of its length; so would MAIL."""
PARTED = re.compile(
    rf"(?P<uuid>\b{UUID.pattern}\b)"
    rf"|{PREFIX}\+?\d{{{FEWEST_DIGITS},}}(?![^\W_])"
    rf"|{SIGNS}\d[\d\s().\-/+]*\d(?!\w)"
)
USER = re.compile(r"(?<=\bsip:)[^@\s;>]+|(?<=\bsips:)[^@\s;>]+")
MAIL = re.compile(r"(?<![^\s@:;<>])[^\s@:;<>]+@[^\s@;<>]+")


def masked(text: str, *, longest: int) -> str:
    """The text without numbers and addresses of people, cut at ``longest`` characters.

    >>> masked("CA2f7c0011223344556677889900aabbcc", longest=64)
    'CA2f7c0011223344556677889900aabbcc'
    >>> masked("call from +49 170 1234567", longest=64)
    'call from masked'
    >>> masked("call_491701234567", longest=64)
    'call_masked'
    >>> masked("sip:anna@example.com", longest=64)
    'sip:masked'
    """
    plain = USER.sub(MASK, MAIL.sub(MASK, text.replace("\0", "")))
    return PARTED.sub(_number, plain)[:longest]


def _number(found: re.Match[str]) -> str:
    digits = sum(one.isdigit() for one in found.group())
    if found["uuid"] or digits < FEWEST_DIGITS:
        return found.group()
    return f"{found['prefix'] or ''}{MASK}"
