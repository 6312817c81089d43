"""Who asks, for which tenant, and what they may do."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from tonfall.serve.http.problems import Problem
from tonfall.serve.http.rates import Rates
from tonfall.serve.settings import DEFAULT_TENANT

if TYPE_CHECKING:
    from tonfall.serve.http.oidc import Tokens

__all__ = ["ALL_SCOPES", "Access", "FoundKey", "KeyStore", "Principal", "Scope", "Tickets"]

KNOWN_FOR_S = 5.0
"""Seconds for which a key that was found is not looked up again: so long a revoked one works."""
MOST_KNOWN = 10_000
STRANGERS_AT_ONCE = 4
"""So many unknown secrets of addresses that sent wrong ones are looked up at a time."""
TICKET_S = 30.0
MOST_TICKETS = 10_000


class Scope(StrEnum):
    """What a key or a user may do."""

    INGEST = "ingest"
    """Send calls and recordings."""
    READ = "read"
    """See calls, windows, turns, alerts and events."""
    SUPERVISE = "supervise"
    """Move alerts on, and say that notice was given."""
    PRIVACY = "privacy"
    """Object, erase, export, and see the audit."""
    ADMIN = "admin"
    """Metrics of the whole server, over all tenants; no content."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        tenant: whose data they may touch.
        actor: "key:ID", "user:HASH" or "local"; what the audit says.
        scopes: what they may do.
        secret: the key or token, to look again whether it still works; empty where there is none.
    """

    tenant: str
    actor: str
    scopes: frozenset[Scope]
    secret: str = field(default="", repr=False)

    def may(self, *scopes: Scope) -> bool:
        """True where they have one of these."""
        return not self.scopes.isdisjoint(scopes)


LOCAL = Principal(DEFAULT_TENANT, "local", ALL_SCOPES)
"""Whoever is on this machine, where nobody has an account."""


class FoundKey(Protocol):
    """What the store knows of a key."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def tenant(self) -> str:
        """Whose it is."""

    @property
    def scopes(self) -> frozenset[str]:
        """What it may do."""


class KeyStore(Protocol):
    """Where keys are looked up."""

    def find(self, secret: str, /) -> FoundKey | None:
        """The key with this secret, if it works; blocks."""


class Access:
    """Tells who asks.

    A key that works is let in whatever else comes from its address: many share one. What is limited
    are failures, and the look-ups that an address may cause with them: those of strangers queue, so
    that a flood of wrong keys takes no connection to the database from anybody else. A guess is not
    helped by that it is looked up: secrets have 256 random bits.

    Args:
        keys: where API keys are looked up; None where nobody has an account.
        tokens: checks the tokens of an identity provider, if there is one.
        failures_per_minute: so many wrong secrets of one address are answered 401, then 429.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        keys: KeyStore | None,
        *,
        tokens: Tokens | None = None,
        failures_per_minute: int = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = 0
        self._keys = keys
        self._tokens = tokens
        self._clock = clock
        self._rates = Rates(failures_per_minute, clock=clock)
        self._known: dict[str, tuple[float, Principal]] = {}
        self._strangers = asyncio.Semaphore(STRANGERS_AT_ONCE)

    async def principal(self, headers: Mapping[str, str], *, address: str) -> Principal:
        """Who sent these headers.

        Args:
            headers: names in lower case.
            address: of the client.

        Raises:
            Problem: nobody who is known, or too many that were not.
        """
        if self._keys is None:
            return LOCAL
        secret = _secret(headers)
        found = await self._find(secret, address=address) if secret else None
        if found is None:
            self.failures += 1
            raise self._refusal(address)
        return found

    def _refusal(self, address: str) -> Problem:
        """What a missing or wrong secret is answered."""
        wait_s = self._rates.take(address)
        if wait_s > 0:
            return Problem(
                429,
                "Too many wrong keys came from this address; try again later.",
                headers={"Retry-After": str(int(wait_s) + 1)},
            )
        return Problem(
            401,
            "A key or token is missing, wrong, or expired; send Authorization: Bearer KEY.",
            headers={"WWW-Authenticate": "Bearer"},
        )

    async def still(self, principal: Principal) -> bool:
        """True while the key of someone who stayed connected works."""
        if self._keys is None or not principal.secret:
            return True
        return await self._find(principal.secret) is not None

    def forget(self) -> None:
        """Look every key up again."""
        self._known.clear()

    async def _find(self, secret: str, *, address: str = "") -> Principal | None:
        digest = _digest(secret)
        since, known = self._known.get(digest, (0.0, None))
        if known is not None and self._clock() - since < KNOWN_FOR_S:
            return known
        # A key that worked before waits for nobody, and neither does who sent few wrong ones.
        trusted = known is not None or self._rates.waits(address) == 0
        async with contextlib.nullcontext() if trusted else self._strangers:
            found = await self._look_up(secret)
        self._remember(digest, found)
        return found

    def _remember(self, digest: str, found: Principal | None) -> None:
        self._known.pop(digest, None)
        if found is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (self._clock(), found)

    async def _look_up(self, secret: str) -> Principal | None:
        assert self._keys is not None
        if self._tokens is not None and secret.count(".") == 2:
            return await self._tokens.principal(secret)
        key = await asyncio.to_thread(self._keys.find, secret)
        if key is None:
            return None
        scopes = frozenset(Scope(name) for name in key.scopes if name in ALL_SCOPES)
        return Principal(key.tenant, f"key:{key.id}", scopes, secret)


class Tickets:
    """What opens one WebSocket or one event stream, once and soon; other routes take none.

    Browsers cannot send a key with either. A ticket is asked for by HTTPS with the key, and may
    what that key may while it works; it stands in the query, so it is worthless after its use.
    Tickets are kept in the memory of one node, as hashes.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[float, Principal]] = {}

    def issue(self, principal: Principal) -> str:
        """A ticket for someone.

        Raises:
            Problem: too many are out.
        """
        now = self._clock()
        for old in [each for each, (until, _) in self._open.items() if until < now]:
            del self._open[old]
        if len(self._open) >= MOST_TICKETS:
            raise Problem(429, "Too many tickets are out; wait a little.")
        ticket = secrets.token_urlsafe(32)
        self._open[_digest(ticket)] = (now + TICKET_S, principal)
        return ticket

    def use(self, ticket: str) -> Principal | None:
        """Whose it was, if it was never used and is not too old."""
        until, principal = self._open.pop(_digest(ticket), (0.0, LOCAL))
        return principal if self._clock() < until else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _secret(headers: Mapping[str, str]) -> str:
    """The key or token in a request's headers; empty where there is none."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return headers.get("x-api-key", "").strip()
