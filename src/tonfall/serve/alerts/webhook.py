"""Alerts posted to an address, signed as Standard Webhooks says (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import SplitResult, urlsplit

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.alerts.connecting import DEADLINE_S, connected
from tonfall.serve.alerts.notices import Notification

__all__ = ["WebhookOutlet", "key_of", "signature"]

_PREFIX = "whsec_"
_SHORTEST_KEY = 16
_GONE = 410


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 after ``whsec_``, otherwise its own bytes.

    Raises:
        ConfigError: it is too short to sign with, or its base64 is broken.
    """
    try:
        key = (
            base64.b64decode(secret[len(_PREFIX) :], validate=True)
            if secret.startswith(_PREFIX)
            else secret.encode()
        )
    except binascii.Error:
        raise ConfigError(
            "A webhook's secret begins with whsec_, but no base64 follows; make another."
        ) from None
    if len(key) < _SHORTEST_KEY:
        raise ConfigError(
            f"A webhook's secret has {len(key)} bytes, but {_SHORTEST_KEY} are the least that "
            "signs; make a longer one."
        )
    return key


def signature(key: bytes, *, identity: str, seconds: int, body: bytes) -> str:
    """The value of ``webhook-signature``.

    >>> signature(b"k" * 16, identity="msg_1", seconds=0, body=b"{}")
    'v1,6A4JJ2P/x5zV3KJyGkz3rN5GUdHHxTbEoV6+s4m82hs='
    """
    signed = b".".join([identity.encode(), str(seconds).encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class WebhookOutlet:
    """Posts to one address.

    The name is resolved once a post, and the connection made to the address that was checked; TLS
    still checks the name. Redirects are not followed, and a post takes at most 15 s in all, however
    many addresses the name has and however slowly the other side answers.

    Args:
        url: https, or http where ``allow_private`` is set.
        secret: shared with the receiver.
        allow_private: True to post to private addresses too.
        context: of TLS; the system's trust by default.
        clock: gives seconds since 1970.
        deadline_s: seconds that a post may take.

    Raises:
        ConfigError: the address or the secret cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str,
        allow_private: bool = False,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._url = _checked(url, plain_too=allow_private)
        self._key = key_of(secret)
        self._allow_private = allow_private
        self._context = context or ssl.create_default_context()
        self._clock = clock
        self._deadline_s = deadline_s

    def send(self, notification: Notification) -> None:
        """Post it.

        Raises:
            ServiceError: it was not taken; a later try may help unless the address is refused or
                the receiver is gone for good.
        """
        body = _body(notification)
        seconds = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "tonfall",
            "webhook-id": notification.id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(
                self._key, identity=notification.id, seconds=seconds, body=body
            ),
        }
        status = self._post(body, headers)
        if not 200 <= status < 300:
            raise ServiceError(f"The webhook answered {status}.", retry=status != _GONE)

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status; what else is answered is not waited for."""
        host = self._url.hostname or ""
        seconds = self._deadline_s
        try:
            with (
                connected(
                    host, self._port, allow_private=self._allow_private, seconds=seconds
                ) as sock,
                closing(_Connection(host, self._port, self._secured(sock, host))) as connection,
            ):
                connection.request("POST", _target(self._url), body, headers)
                return connection.getresponse().status
        except TimeoutError:
            raise ServiceError(
                f"The webhook did not answer within {seconds:g} s.", retry=True
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = type(error).__name__
            raise ServiceError(f"The webhook did not answer ({reason}).", retry=True) from None

    def _secured(self, sock: socket.socket, host: str) -> socket.socket:
        if self._url.scheme != "https":
            return sock
        return self._context.wrap_socket(sock, server_hostname=host)

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)


class _Connection(http.client.HTTPConnection):
    """HTTP over a connection that was made before, under its host's name."""

    def __init__(self, host: str, port: int, sock: socket.socket) -> None:
        super().__init__(host, port)
        self._made = sock

    def connect(self) -> None:
        """It is connected already."""
        self.sock = self._made


def _checked(url: str, *, plain_too: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.fragment:
        raise ConfigError(
            "A webhook's address is not usable; give https://host/path, without user and fragment."
        )
    if parts.scheme != "https" and not (plain_too and parts.scheme == "http"):
        raise ConfigError(
            f"The webhook's address at {parts.hostname} is not https; alerts would go in the "
            "clear. Use https, or set allow_private for one within your network."
        )
    return parts


def _target(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _body(notification: Notification) -> bytes:
    content = {
        "type": notification.kind,
        "timestamp": notification.at.isoformat(),
        "data": {
            **notification.payload,
            "call": notification.call,
            "tenant": notification.tenant,
        },
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
