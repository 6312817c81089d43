"""Who may do what."""

from __future__ import annotations

from typing import Literal

from tonfall.serve.settings.base import Seconds, Section

__all__ = ["Auth", "Oidc"]


class Oidc(Section):
    """Whose tokens are accepted; ``jwks`` is a file or an https address of the issuer's keys."""

    issuer: str
    audience: str
    jwks: str
    algorithms: tuple[Literal["RS256", "ES256", "EdDSA", "HS256"], ...] = ("RS256", "ES256")
    tenant_claim: str = "tenant"
    scopes_claim: str = "scope"
    refresh_s: Seconds = 3600


class Auth(Section):
    """Who may do what: ``none`` is for loopback only, ``oidc`` takes API keys as well."""

    mode: Literal["none", "keys", "oidc"] = "none"
    oidc: Oidc | None = None
