"""Who is known: keys, and tokens of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from tonfall.errors import ConfigError
from tonfall.serve.http.access import Scope
from tonfall.serve.http.oidc import Tokens
from tonfall.serve.http.rates import Rates
from tonfall.serve.settings import Oidc

SECRET = b"0123456789abcdef0123456789abcdef"
ISSUER = "https://id.example.com"


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """Tokens signed with a shared secret; other algorithms need the package cryptography."""
    return Tokens(settings_of(jwks(tmp_path, [key("one", SECRET)])))


def key(name: str, secret: bytes) -> dict[str, str]:
    encoded = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    return {"kty": "oct", "kid": name, "alg": "HS256", "k": encoded}


def jwks(folder: Path, keys: list[dict[str, str]]) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


def settings_of(path: Path) -> Oidc:
    return Oidc(issuer=ISSUER, audience="tonfall", jwks=str(path), algorithms=("HS256",))


def token(kid: str = "one", secret: bytes = SECRET, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "tonfall",
        "sub": "anna@example.com",
        "iat": now,
        "exp": now + 300,
        "tenant": "acme",
        "scope": "read supervise other",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})


def test_a_token_tells_tenant_and_scopes_and_nobodys_name(tokens: Tokens) -> None:
    who = asyncio.run(tokens.principal(token()))
    assert who is not None
    assert (who.tenant, who.scopes) == ("acme", {Scope.READ, Scope.SUPERVISE})
    assert who.actor.startswith("user:")
    assert "anna" not in who.actor


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"sub": None},
        {"tenant": None},
        {"tenant": 7},
        {"scope": 7},
        {"nbf": int(time.time()) + 600},
    ],
    ids=lambda changes: next(iter(changes.items()))[0],
)
def test_a_token_that_does_not_fit_is_nobodys(tokens: Tokens, changes: Any) -> None:
    assert asyncio.run(tokens.principal(token(**changes))) is None


def test_a_token_signed_otherwise_is_nobodys(tokens: Tokens) -> None:
    assert asyncio.run(tokens.principal(token(secret=b"x" * 32))) is None
    assert asyncio.run(tokens.principal(token(kid="two"))) is None
    unsigned = jwt.encode({"sub": "a"}, None, algorithm="none", headers={"kid": "one"})
    assert asyncio.run(tokens.principal(unsigned)) is None
    assert asyncio.run(tokens.principal("a.b.c")) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct"}]}'])
def test_a_file_without_keys_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="JSON Web Keys"):
        Tokens(settings_of(path))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Tokens(settings_of(tmp_path / "none.json"))


def test_a_bucket_fills_up_with_time() -> None:
    now = [0.0]
    rates = Rates(60, clock=lambda: now[0])
    assert [rates.take("a") for _ in range(60)] == [0.0] * 60
    assert rates.take("a") == pytest.approx(1.0)
    assert rates.take("b") == 0.0
    now[0] = 1.5
    assert rates.take("a") == 0.0
    assert rates.waits("a") == pytest.approx(0.5)
