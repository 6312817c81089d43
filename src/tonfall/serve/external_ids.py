"""What is kept of the id by which a telephone system knows a call.

Such an id may be anything: ``PJSIP/hans.mueller-0000001`` names a person. Ids that are made by a
machine, of forms that no name or number has, are kept; all others become a salted hash, by which
who knows the id still finds the call.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ExternalIds", "IdPolicy"]

PREFIX = "hashed-"
DIGITS = 32
"""Hexadecimal, of the hash: 128 bits tell all calls apart."""
MADE_BY_MACHINES = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # a UUID
    r"|([A-Z]{2}|WebSocket/)?[0-9a-f]{32}"  # a UUID without hyphens, or a SID of Twilio's
    rf"|{PREFIX}[0-9a-f]{{{DIGITS}}}"
)


class IdPolicy(StrEnum):
    """Whether ids that may name somebody are hashed, or kept but for numbers and addresses."""

    HASHED = "hashed"
    AS_GIVEN = "as_given"


@dataclass(frozen=True, slots=True)
class ExternalIds:
    """Ids of calls as they are kept.

    Attributes:
        salt: a secret of the settings; whoever has it and the database can try names.
        policy: whether they are hashed.
    """

    salt: str
    policy: IdPolicy = IdPolicy.HASHED

    def kept(self, tenant: str, given: str) -> str:
        """An id as it is kept.

        >>> ids = ExternalIds("0123456789abcdef")
        >>> ids.kept("acme", "CA2f7c0011223344556677889900aabbcc")
        'CA2f7c0011223344556677889900aabbcc'
        >>> ids.kept("acme", "PJSIP/hans.mueller-0000001")
        'hashed-a946076eeb73ef8b66c6e2d39241e5af'
        """
        if self.policy is IdPolicy.AS_GIVEN or MADE_BY_MACHINES.fullmatch(given):
            return given
        told = f"external id\n{tenant}\n{given}".encode()
        digest = hmac.new(self.salt.encode(), told, hashlib.sha256).hexdigest()
        return PREFIX + digest[:DIGITS]
