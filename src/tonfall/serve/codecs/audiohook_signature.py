"""Whether a request comes from Genesys: HTTP message signatures as AudioHook uses them.

The client signs the request line, the host and its own headers with a shared secret, and says
when and with which number used once. Everything here is told the time; nothing waits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tonfall.errors import ConfigError

__all__ = [
    "LONGEST_AGE_S",
    "REQUIRED",
    "Nonces",
    "SignedRequest",
    "Verdict",
    "sign",
    "signature_base",
    "verify",
]

REQUIRED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
"""What a signature must cover."""
ALGORITHM = "hmac-sha256"
SKEW_S = 3
"""Seconds by which the client's clock may be ahead of ours."""
LONGEST_AGE_S = 10
SHORTEST_NONCE = 22
"""Characters: 128 bits in base64."""
LONGEST_HEADER = 4_096

NAME = r"[a-z*][a-z0-9_.*-]*"
TEXT = r'"[ !#-\[\]-~]*"'
# Only the form in which RFC 8941 writes these headers is taken, so that what was signed is what
# stands there. One signature: Genesys sends no more.
INPUT = re.compile(rf"({NAME})=(\(({TEXT}(?: {TEXT})*)\)((?:;{NAME}=(?:{TEXT}|[0-9]{{1,15}}))*))")
PARAMETER = re.compile(rf";({NAME})=({TEXT}|[0-9]+)")
SIGNATURE = re.compile(rf"({NAME})=:([A-Za-z0-9+/]{{43}}=):")


class Verdict(StrEnum):
    """What became of a check; anything but VERIFIED is to be refused in the same way."""

    VERIFIED = "verified"
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    NOT_COVERED = "not covered"
    WRONG_KEY = "wrong key"
    WRONG_SIGNATURE = "wrong signature"
    EXPIRED = "expired"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of an HTTP request a signature may cover.

    Attributes:
        target: path and query as the client asked for them.
        authority: host, and port if it is not the scheme's own, that the client dialled; from
            the configuration where a proxy changes it.
        headers: names in lower case.
    """

    target: str
    authority: str
    headers: Mapping[str, str]

    def component(self, name: str) -> str | None:
        """The value of one covered component, or None where there is none."""
        if name == "@request-target":
            return self.target
        if name == "@authority":
            return self.authority
        value = self.headers.get(name)
        return None if value is None else value.strip()


@dataclass(frozen=True, slots=True)
class _Signature:
    """What the two headers say.

    Attributes:
        covered: names of the components, in order.
        parameters: keyid, nonce, alg, created, expires.
        text: covered components and parameters as they were signed.
        mac: 32 bytes.
    """

    covered: tuple[str, ...]
    parameters: Mapping[str, str]
    text: str
    mac: bytes


class Nonces:
    """The numbers used once that were used; each is kept for as long as it could be replayed.

    Args:
        most: how many are kept; while it is full, nothing more is taken.
    """

    def __init__(self, *, most: int = 100_000) -> None:
        self._most = most
        self._until: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def use(self, key_id: str, nonce: str, *, now: float) -> bool:
        """True the first time. Times are those of the clock that signatures are checked by."""
        self._forget(now)
        if (key_id, nonce) in self._until or len(self._until) >= self._most:
            return False
        self._until[key_id, nonce] = now + LONGEST_AGE_S + SKEW_S + 1
        return True

    def _forget(self, now: float) -> None:
        """The oldest come first, since time goes on."""
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] >= now:
                return
            del self._until[oldest]


def verify(
    request: SignedRequest, *, keys: Mapping[str, bytes], nonces: Nonces, now: float
) -> Verdict:
    """Check a request's signature, as new, and as never seen before.

    Args:
        request: the upgrade to a WebSocket.
        keys: each API key's client secret, decoded from base64. An empty one counts as none.
        nonces: those that were used; of a request that is verified, its own is added.
        now: seconds since 1970.
    """
    if not {"signature", "signature-input"} & request.headers.keys():
        return Verdict.UNSIGNED
    signature = _parsed(request)
    if signature is None:
        return Verdict.MALFORMED
    base = _base(request, signature.covered, signature.text)
    if base is None or not set(REQUIRED) <= set(signature.covered):
        return Verdict.NOT_COVERED
    key_id = request.headers["x-api-key"].strip()
    # An unknown key costs as much time as a known one.
    secret = keys.get(key_id) or secrets.token_bytes(32)
    if not hmac.compare_digest(_mac(base, secret), signature.mac):
        return Verdict.WRONG_SIGNATURE if keys.get(key_id) else Verdict.WRONG_KEY
    return _freshness(signature.parameters, key_id=key_id, nonces=nonces, now=now)


def signature_base(request: SignedRequest, *, covered: tuple[str, ...], parameters: str) -> str:
    """The text that is signed.

    Args:
        request: that is signed.
        covered: names of the components.
        parameters: from the first semicolon on, such as ``;keyid="..."``.

    Raises:
        ConfigError: the request lacks a component.
    """
    base = _base(request, covered, _inner_list(covered) + parameters)
    if base is None:
        raise ConfigError("The request lacks something that is to be signed; add the header.")
    return base


def sign(
    request: SignedRequest, *, secret: bytes, nonce: str, created: int, expires: int | None = None
) -> dict[str, str]:
    """The headers ``Signature-Input`` and ``Signature`` that make a request a signed one.

    Args:
        request: with an ``x-api-key`` header.
        secret: the client secret, decoded from base64.
        nonce: at least 22 characters that were never used before.
        created: seconds since 1970.
        expires: the same.

    Raises:
        ConfigError: the request lacks a component.
    """
    key_id = request.headers.get("x-api-key", "")
    until = "" if expires is None else f";expires={expires}"
    parameters = f';keyid="{key_id}";nonce="{nonce}";alg="{ALGORITHM}";created={created}{until}'
    base = signature_base(request, covered=REQUIRED, parameters=parameters)
    mac = base64.b64encode(_mac(base, secret)).decode("ascii")
    return {
        "signature-input": f"sig1={_inner_list(REQUIRED)}{parameters}",
        "signature": f"sig1=:{mac}:",
    }


def _parsed(request: SignedRequest) -> _Signature | None:
    """What the headers say, or None where they are not of the form that Genesys writes."""
    described = request.headers.get("signature-input", "").strip()[: LONGEST_HEADER + 1]
    given = request.headers.get("signature", "").strip()[: LONGEST_HEADER + 1]
    if len(described) > LONGEST_HEADER:
        return None
    one, other = INPUT.fullmatch(described), SIGNATURE.fullmatch(given)
    if one is None or other is None or one[1] != other[1]:
        return None
    covered = tuple(name.strip('"') for name in one[3].split(" "))
    pairs = PARAMETER.findall(one[4])
    parameters = {name: value.strip('"') for name, value in pairs}
    if len(parameters) < len(pairs) or len(set(covered)) < len(covered):
        return None
    return _Signature(covered, parameters, one[2], base64.b64decode(other[2]))


def _base(request: SignedRequest, covered: tuple[str, ...], signed: str) -> str | None:
    lines = []
    for name in covered:
        value = request.component(name)
        if not value:
            return None
        lines.append(f'"{name}": {value}')
    return "\n".join([*lines, f'"@signature-params": {signed}'])


def _inner_list(covered: tuple[str, ...]) -> str:
    return "(" + " ".join(f'"{name}"' for name in covered) + ")"


def _mac(base: str, secret: bytes) -> bytes:
    return hmac.new(secret, base.encode(errors="replace"), hashlib.sha256).digest()


def _freshness(
    parameters: Mapping[str, str], *, key_id: str, nonces: Nonces, now: float
) -> Verdict:
    """What the parameters of a signature that is right say: VERIFIED, or what is wrong."""
    nonce = parameters.get("nonce", "")
    created, expires = parameters.get("created", ""), parameters.get("expires", str(2**40))
    well_formed = created.isdecimal() and expires.isdecimal() and len(nonce) >= SHORTEST_NONCE
    if not well_formed or parameters.get("alg", ALGORITHM) != ALGORITHM:
        return Verdict.MALFORMED
    if parameters.get("keyid") != key_id:
        return Verdict.WRONG_KEY
    if not -SKEW_S <= now - int(created) <= LONGEST_AGE_S or int(expires) < now:
        return Verdict.EXPIRED
    return Verdict.VERIFIED if nonces.use(key_id, nonce, now=now) else Verdict.REPLAYED
