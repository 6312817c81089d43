"""Whether a request comes from Twilio: the check of ``X-Twilio-Signature``.

Twilio signs the public URL that it dialled. Behind a proxy that is another one than the server
sees, so take it from the configuration, never from a Host header. The signature proves where a
request comes from and nothing else: it can be replayed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tonfall.errors import ConfigError

__all__ = [
    "SETTINGS_HEADER",
    "SIGNATURE_HEADER",
    "SignatureSettings",
    "is_signed",
    "signature_of",
    "signature_settings",
    "url_forms",
]

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
DEFAULT_ALGORITHM = "HMAC_SHA1"
HASHES: Mapping[str, Callable[..., Any]] = {
    DEFAULT_ALGORITHM: hashlib.sha1,
    "HMAC_SHA256": hashlib.sha256,
}
DEFAULT_PORTS: Mapping[str, int] = {"wss": 443, "https": 443, "ws": 80, "http": 80}


@dataclass(frozen=True, slots=True)
class SignatureSettings:
    """With what a request was signed.

    Attributes:
        key: the id of the shared key; None where it was the account's auth token.
        algorithm: "HMAC_SHA1" or "HMAC_SHA256"; another one is never accepted.
    """

    key: str | None = None
    algorithm: str = DEFAULT_ALGORITHM


def signature_settings(header: str | None) -> SignatureSettings:
    """What the header ``X-Twilio-Webhooks-Signature-Settings`` says.

    >>> signature_settings("key=abc,algorithm=HMAC_SHA256")
    SignatureSettings(key='abc', algorithm='HMAC_SHA256')
    """
    parts = (part.partition("=") for part in (header or "").split(","))
    values = {name.strip(): value.strip() for name, _, value in parts}
    algorithm = values.get("algorithm") or DEFAULT_ALGORITHM
    return SignatureSettings(values.get("key") or None, algorithm.upper())


def url_forms(url: str) -> tuple[str, ...]:
    """The URLs that Twilio may have signed where ``url`` is configured.

    As it is, without its port, and with the scheme's own port; each with and without a slash at
    the end of the path.

    Raises:
        ConfigError: not an absolute URL of wss, ws, https or http.

    >>> for form in url_forms("wss://example.com:8443/media"): print(form)
    wss://example.com:8443/media
    wss://example.com:8443/media/
    wss://example.com/media
    wss://example.com/media/
    wss://example.com:443/media
    wss://example.com:443/media/
    """
    scheme, netloc, path, query, _ = urlsplit(url)
    host, _, port = netloc.rpartition(":")
    if not port.isdecimal():
        host = netloc
    if scheme not in DEFAULT_PORTS or not host:
        raise ConfigError(
            "The public URL for Twilio must begin with wss:// and a host, such as "
            "wss://example.com/twilio; correct it."
        )
    paths = (path, path.rstrip("/") if path.endswith("/") else f"{path}/")
    hosts = dict.fromkeys((netloc, host, f"{host}:{DEFAULT_PORTS[scheme]}"))
    return tuple(urlunsplit((scheme, each, way, query, "")) for each in hosts for way in paths)


def signature_of(
    url: str,
    *,
    secret: str,
    parameters: Mapping[str, str] | None = None,
    algorithm: str = DEFAULT_ALGORITHM,
) -> str:
    """What Twilio sends in ``X-Twilio-Signature``.

    Args:
        url: with scheme, host and path, exactly as Twilio was told it.
        secret: the account's auth token, or the shared key.
        parameters: the form's fields, where the request is a POST.
        algorithm: "HMAC_SHA1" or "HMAC_SHA256".

    Raises:
        ConfigError: another algorithm.

    >>> signature_of("wss://example.com/twilio/media", secret="12345")
    'Ko8aymfVk0cCegaxVKH0ZCvSyf4='
    """
    if algorithm not in HASHES:
        raise ConfigError(
            f"Twilio signs with one of {', '.join(HASHES)}, but another algorithm was asked for."
        )
    fields = "".join(name + value for name, value in sorted((parameters or {}).items()))
    mac = hmac.new(secret.encode(), (url + fields).encode(), HASHES[algorithm])
    return base64.b64encode(mac.digest()).decode("ascii")


def is_signed(
    signature: str,
    *,
    url: str,
    secret: str,
    settings: str | None = None,
    parameters: Mapping[str, str] | None = None,
) -> bool:
    """True where a request was signed by who has the secret.

    The time it takes does not depend on how much of the signature is right.

    Args:
        signature: the header ``X-Twilio-Signature``; empty where there is none.
        url: the public URL, from the configuration.
        secret: the account's auth token; or the shared key that the settings name.
        settings: the header ``X-Twilio-Webhooks-Signature-Settings``, if there is one.
        parameters: the form's fields, where the request is a POST.

    Raises:
        ConfigError: no secret, or no URL that Twilio could dial.
    """
    if not secret:
        raise ConfigError("The secret to check Twilio's signatures with is empty; configure it.")
    algorithm = signature_settings(settings).algorithm
    if algorithm not in HASHES:
        return False
    given = signature.encode(errors="replace")
    matches = [
        hmac.compare_digest(
            signature_of(form, secret=secret, parameters=parameters, algorithm=algorithm).encode(),
            given,
        )
        for form in url_forms(url)
    ]
    return any(matches)
