"""Who is known: keys, and tokens of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from running_node import certificate
from starlette.requests import HTTPConnection

from tonfall.errors import ConfigError
from tonfall.serve.http.access import KNOWN_FOR_S, STRANGERS_AT_ONCE, Access, Scope
from tonfall.serve.http.asking import client_address
from tonfall.serve.http.oidc import Tokens
from tonfall.serve.http.problems import Problem
from tonfall.serve.http.rates import Rates
from tonfall.serve.settings import Oidc
from tonfall.serve.store import Key

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
    for name in ("exp", "nbf"):
        if isinstance(claims.get(name), timedelta):  # From when the token is made, not the test.
            claims[name] = now + round(claims[name].total_seconds())
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
        {"exp": timedelta(seconds=-60)},
        {"exp": None},
        {"sub": None},
        {"tenant": None},
        {"tenant": 7},
        {"tenant": "*"},
        {"scope": 7},
        {"sub": "\ud800"},
        {"exp": float("inf")},
        {"nbf": timedelta(minutes=10)},
    ],
    ids=lambda changes: next(iter(changes.items()))[0],
)
def test_a_token_that_does_not_fit_is_nobodys(tokens: Tokens, changes: Any) -> None:
    assert asyncio.run(tokens.principal(token(**changes))) is None


@pytest.mark.parametrize("scope", [[["read"]], [{}], [None, 7], [], "other"], ids=str)
def test_scopes_that_are_none_of_ours_allow_nothing(tokens: Tokens, scope: Any) -> None:
    who = asyncio.run(tokens.principal(token(scope=scope)))
    assert who is not None
    assert who.scopes == frozenset()


@pytest.mark.parametrize("place", [0, 1])
def test_a_token_that_is_nested_without_end_is_nobodys(tokens: Tokens, place: int) -> None:
    parts = token().split(".")
    parts[place] = base64.urlsafe_b64encode(b"[" * 40_000).decode().rstrip("=")
    parts[2] = base64.urlsafe_b64encode(
        hmac.digest(SECRET, ".".join(parts[:2]).encode(), "sha256")
    ).decode()
    assert asyncio.run(tokens.principal(".".join(parts).rstrip("="))) is None


def test_a_token_signed_otherwise_is_nobodys(tokens: Tokens) -> None:
    assert asyncio.run(tokens.principal(token(secret=b"x" * 32))) is None
    assert asyncio.run(tokens.principal(token(kid="two"))) is None
    unsigned = jwt.encode({"sub": "a"}, None, algorithm="none", headers={"kid": "one"})
    assert asyncio.run(tokens.principal(unsigned)) is None
    assert asyncio.run(tokens.principal("a.b.c")) is None


@pytest.mark.parametrize(
    "content", ["", "[" * 500_000, "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct"}]}']
)
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


class Kept:
    """Keys of which some work; the look-up of a wrong one takes until it may end."""

    def __init__(self, *works: str) -> None:
        self.works = set(works)
        self.now = self.most = self.looked_up = 0
        self.may_end = threading.Event()
        self.may_end.set()
        self._lock = threading.Lock()

    def find(self, secret: str) -> Key | None:
        with self._lock:
            self.looked_up += 1
            if secret in self.works:
                return Key(secret, "acme", "", frozenset({"read"}), datetime.now(UTC), None, None)
            self.now += 1
            self.most = max(self.most, self.now)
        self.may_end.wait(60)
        with self._lock:
            self.now -= 1
        return None


async def status(access: Access, secret: str, address: str = "192.0.2.1") -> int:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    try:
        await access.principal(headers, address=address)
    except Problem as problem:
        return problem.status_code
    return 200


def test_wrong_keys_do_not_lock_out_a_right_one_of_the_same_address() -> None:
    access = Access(Kept("right", "new"), failures_per_minute=3, clock=lambda: 0.0)

    async def work() -> list[int]:
        told = [await status(access, "right")]
        told += [await status(access, f"wrong{number}") for number in range(5)]
        told += [await status(access, secret) for secret in ("", "right", "new", "wrong9")]
        return [*told, await status(access, "wrong", address="192.0.2.2")]

    assert asyncio.run(work()) == [200, 401, 401, 401, 429, 429, 429, 200, 200, 429, 401]
    assert access.failures == 8


def test_a_key_that_was_right_is_wrong_once_it_is_revoked() -> None:
    kept, now = Kept("right"), [0.0]
    access = Access(kept, failures_per_minute=1, clock=lambda: now[0])

    async def work() -> list[int]:
        told = [await status(access, "right"), await status(access, "right")]
        kept.works.clear()
        told.append(await status(access, "right"))
        now[0] += KNOWN_FOR_S
        return [*told, await status(access, "right"), await status(access, "right")]

    assert asyncio.run(work()) == [200, 200, 200, 401, 429]
    assert kept.looked_up == 3


def test_a_flood_of_wrong_keys_holds_up_nobody_who_is_known() -> None:
    kept, now = Kept("right"), [0.0]
    access = Access(kept, failures_per_minute=1, clock=lambda: now[0])

    async def work() -> list[int]:
        assert [await status(access, each) for each in ("right", "wrong")] == [200, 401]
        kept.may_end.clear()
        flood = [asyncio.create_task(status(access, f"wrong{number}")) for number in range(20)]
        while kept.now < STRANGERS_AT_ONCE:
            await asyncio.sleep(0.01)
        now[0] += KNOWN_FOR_S  # It is looked up again, past those that wait.
        assert await status(access, "right") == 200
        kept.may_end.set()
        return await asyncio.gather(*flood)

    assert set(asyncio.run(asyncio.wait_for(work(), 60))) == {429}
    assert kept.most == STRANGERS_AT_ONCE


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:DB8::1", "2001:db8::/64"),
        ("2001:db8::2:0:0:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_an_address_or_the_64_bits_of_ipv6(host: str, counts_as: str) -> None:
    assert client_address(HTTPConnection({"type": "http", "client": (host, 1)})) == counts_as
