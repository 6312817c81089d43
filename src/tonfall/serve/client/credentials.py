"""By what a call proves whose it is: keys, tokens and signatures."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from tonfall.errors import ConfigError
from tonfall.serve.client.address import Address, Protocol, read_address
from tonfall.serve.codecs.audiohook_signature import SignedRequest, sign
from tonfall.serve.codecs.twilio_signature import SIGNATURE_HEADER, signature_of

__all__ = ["Credentials", "headers_of"]

NONCE_BYTES = 18
"""24 characters of base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a call may need; each protocol takes its own.

    Attributes:
        token: of Tonfall's own API: the native protocol and the events.
        key: AudioHook's API key, or the user that Asterisk would give.
        secret: Twilio's auth token, AudioHook's client secret in base64, or Asterisk's password.
        signed_url: what is signed where it is not the URL that is called, as behind a proxy.
        organization: AudioHook's organization.
    """

    token: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    signed_url: str | None = None
    organization: str = "00000000-0000-4000-8000-000000000001"


def headers_of(credentials: Credentials, address: Address, *, name: str) -> Mapping[str, str]:
    """The headers of the request that opens a call.

    Args:
        credentials: of the caller.
        address: that is called.
        name: of the call, 32 hexadecimal digits.

    Raises:
        ConfigError: a secret that cannot be one, or a key without its secret.
    """
    match address.protocol:
        case Protocol.NATIVE:
            return _bearer(credentials.token)
        case Protocol.TWILIO:
            return _twilio(credentials, address)
        case Protocol.AUDIOHOOK:
            return _audiohook(credentials, address, name)
        case Protocol.CHAN_WEBSOCKET:
            return _basic(credentials)
        case _:
            return {}


def _bearer(token: str | None) -> Mapping[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _twilio(credentials: Credentials, address: Address) -> Mapping[str, str]:
    if credentials.secret is None:
        return {}
    url = credentials.signed_url or address.signed_url
    return {SIGNATURE_HEADER: signature_of(url, secret=credentials.secret)}


def _basic(credentials: Credentials) -> Mapping[str, str]:
    if credentials.secret is None:
        return {}
    pair = f"{credentials.key or ''}:{credentials.secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


def _audiohook(credentials: Credentials, address: Address, name: str) -> Mapping[str, str]:
    headers = {
        "audiohook-organization-id": credentials.organization,
        "audiohook-session-id": str(uuid.UUID(name)),
        "audiohook-correlation-id": str(uuid.uuid4()),
        "x-api-key": credentials.key or "none",
    }
    if credentials.secret is None:
        return headers
    if credentials.key is None:
        raise ConfigError("AudioHook signs with a key and its secret; give --key as well.")
    dialled = (
        read_address(credentials.signed_url, protocol="audiohook")
        if (credentials.signed_url)
        else address
    )
    request = SignedRequest(dialled.target, dialled.authority, headers)
    signature = sign(
        request,
        secret=_decoded(credentials.secret),
        nonce=base64.b64encode(secrets.token_bytes(NONCE_BYTES)).decode("ascii"),
        created=int(time.time()),
    )
    return headers | signature


def _decoded(secret: str) -> bytes:
    try:
        return base64.b64decode(secret, validate=True)
    except (ValueError, binascii.Error):
        raise ConfigError("AudioHook's client secret is not base64, as Genesys shows it.") from None
