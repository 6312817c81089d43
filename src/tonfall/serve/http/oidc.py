"""Tokens of an identity provider (OpenID Connect): JWTs, checked against its published keys."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt

from tonfall.errors import ConfigError, ServiceError
from tonfall.parsing import read_json
from tonfall.serve.http.access import ALL_SCOPES, Principal, Scope
from tonfall.serve.settings import Oidc

__all__ = ["Tokens"]

LEEWAY_S = 30
LARGEST_JWKS = 1_000_000
RETRY_S = 10.0
"""Seconds between two tries to fetch keys, so that forged key ids fetch nothing."""
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""As in settings; "*" is the name under which the server itself keeps its audit."""
FAULTS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What a token can raise that holds any JSON: endless nesting, times that are infinite, and so."""
REQUIRED = ["exp", "iat", "iss", "aud", "sub"]


class Tokens:
    """Checks tokens.

    Args:
        settings: whose tokens are accepted.
        clock: seconds that never go back.

    Raises:
        ConfigError: the file with the keys cannot be read.
    """

    def __init__(self, settings: Oidc, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = -float("inf")
        self._fetching = asyncio.Lock()
        if not settings.jwks.startswith("https://"):
            self._keys = _parsed(_file(Path(settings.jwks)))
            self._fetched = float("inf")

    async def principal(self, token: str) -> Principal | None:
        """Who a token is for; None where it is not one of ours, or not valid now."""
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self._settings.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_S,
                options={"require": REQUIRED},
            )
            return self._principal(claims, token)
        except FAULTS:
            return None

    def _principal(self, claims: Mapping[str, Any], token: str) -> Principal | None:
        tenant = claims.get(self._settings.tenant_claim)
        named = claims.get(self._settings.scopes_claim, "")
        names = named.split() if isinstance(named, str) else named
        if not (isinstance(tenant, str) and isinstance(names, list) and TENANT.fullmatch(tenant)):
            return None
        # Any JSON may stand among them; a list cannot even be looked up in a set.
        scopes = frozenset(Scope(each) for each in names if str(each) in ALL_SCOPES)
        # A subject may be a name or an address: the audit keeps a hash of it.
        subject = f"{claims['iss']}\n{claims['sub']}".encode()
        return Principal(tenant, f"user:{hashlib.sha256(subject).hexdigest()[:16]}", scopes, token)

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        stale = self._clock() - self._fetched > self._settings.refresh_s
        if stale or (kid not in self._keys and self._fetched != float("inf")):
            await self._fetch()
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        async with self._fetching:
            if self._clock() - self._tried < RETRY_S:
                return
            self._tried = self._clock()
            try:
                async with httpx.AsyncClient(timeout=5, follow_redirects=False) as client:
                    answer = await client.get(self._settings.jwks)
                    answer.raise_for_status()
                self._keys = _parsed(answer.content)
            except (httpx.HTTPError, ConfigError) as error:
                if not self._keys:
                    raise ServiceError(
                        "The identity provider's keys cannot be fetched; nobody can sign in now.",
                        retry=True,
                    ) from error
                return
            self._fetched = self._clock()


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"auth.oidc.jwks: {path} cannot be read ({error.strerror}).") from error


def _parsed(content: bytes) -> dict[str, jwt.PyJWK]:
    """Keys by their ids; those of kinds that cannot be used are left out."""
    try:
        if len(content) > LARGEST_JWKS:
            raise ValueError("too large")
        keys = jwt.PyJWKSet.from_dict(read_json(content)).keys
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ConfigError(
            "auth.oidc.jwks is not a set of JSON Web Keys that can be used; for RS256 and ES256 "
            "the package cryptography is needed."
        ) from error
    return {key.key_id or "": key for key in keys}
