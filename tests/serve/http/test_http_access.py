"""Who is known: keys, and tokens of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from running_node import certificate

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


def settings_of(path: Path | str) -> Oidc:
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
        {"tenant": "*"},
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


def test_keys_are_fetched_once_and_again_for_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", tls["certificate"])
    jwks(tmp_path, [key("one", SECRET)])
    with published(tmp_path, tls) as (url, asked):
        now = [100.0]
        tokens = Tokens(settings_of(f"{url}/jwks.json"), clock=lambda: now[0])

        async def work() -> list[bool]:
            second = token("two", b"y" * 32)
            known = [await tokens.principal(token()) is not None for _ in range(3)]
            jwks(tmp_path, [key("one", SECRET), key("two", b"y" * 32)])
            # Forged ids of keys do not make us ask again and again.
            known += [await tokens.principal(second) is not None for _ in range(3)]
            now[0] += 11
            known.append(await tokens.principal(second) is not None)
            return known

        assert asyncio.run(work()) == [True] * 3 + [False] * 3 + [True]
        assert len(asked) == 2


@contextlib.contextmanager
def published(folder: Path, tls: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The files of a folder over HTTPS; their address, and what was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls["certificate"], tls["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_bucket_fills_up_with_time() -> None:
    now = [0.0]
    rates = Rates(60, clock=lambda: now[0])
    assert [rates.take("a") for _ in range(60)] == [0.0] * 60
    assert rates.take("a") == pytest.approx(1.0)
    assert rates.take("b") == 0.0
    now[0] = 1.5
    assert rates.take("a") == 0.0
    assert rates.waits("a") == pytest.approx(0.5)
