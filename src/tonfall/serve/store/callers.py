"""One caller, however a telephone system writes them: what is left of a reference to be hashed."""

from __future__ import annotations

import re

__all__ = ["plain_caller"]

ADDRESS = re.compile(r"<([^<>]*)>")
"""A name may stand before an address: ``"Anna" <sip:anna@example.com>``."""
SCHEME = re.compile(r"^(sips?|tel):(//)?")
PARAMETERS = re.compile(r"[;?].*$", re.DOTALL)
FILLERS = str.maketrans("", "", " .-/()\t")
NUMBER = re.compile(r"\+?\d+")
NOBODY = frozenset(
    {
        "anonymous",
        "blocked",
        "private",
        "restricted",
        "unavailable",
        "unknown",
        "withheld",
        # What Twilio sends in their place: the same words on the keys of a telephone.
        "+266696687",
        "+2562533",
        "+7378742833",
        "+86282452253",
        "+8656696",
    }
)


def plain_caller(reference: str) -> str:
    """A caller's number or reference in one form; empty where it tells nobody apart.

    A number is the same with ``+`` or ``00`` before it, as a ``tel:`` or ``sip:`` address, on
    whatever host, and with spaces, dots, hyphens, slashes or brackets. A number without its country
    is not: which country is meant is not known here.

    >>> plain_caller("+49 (170) 123-4567")
    '+491701234567'
    >>> plain_caller("<sip:0049170-1234567@gateway.example;user=phone>")
    '+491701234567'
    >>> plain_caller("Anonymous"), plain_caller(" -- ")
    ('', '')
    """
    text = reference.casefold().strip()
    if found := ADDRESS.search(text):
        text = found[1]
    if SCHEME.match(text):
        text = PARAMETERS.sub("", SCHEME.sub("", text))
    text = text.translate(FILLERS)
    user = text.partition("@")[0]
    if NUMBER.fullmatch(user):
        text = f"+{user[2:]}" if user.startswith("00") else user
    nobody = user in NOBODY or not any(one.isalnum() for one in text)
    return "" if nobody else text
