"""Who may send calls: what is checked of a connection before it is accepted.

Each telephone system proves itself in its own way. Whoever fails is told only that; why is
counted.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from tonfall.errors import ConfigError
from tonfall.serve.carriers.session import Session
from tonfall.serve.carriers.switchboard import Switchboard
from tonfall.serve.codecs import Carrier, Limits, Native
from tonfall.serve.codecs.audiohook import AudioHook
from tonfall.serve.codecs.audiohook_signature import Nonces, SignedRequest, Verdict, verify
from tonfall.serve.codecs.chan_websocket import ChanWebSocket
from tonfall.serve.codecs.native import NATIVE_LIMITS
from tonfall.serve.codecs.twilio import Twilio
from tonfall.serve.codecs.twilio_signature import (
    SETTINGS_HEADER,
    SIGNATURE_HEADER,
    is_signed,
    signature_settings,
)
from tonfall.serve.settings import (
    DEFAULT_TENANT,
    AsteriskConnection,
    AudioHookClientKey,
    Carriers,
    TwilioAccount,
)

__all__ = ["Doors", "Knock", "Refusal", "is_allowed"]

_log = logging.getLogger(__name__)

NO_HEADER = ""
LONGEST_URL = 200
SAID_EVERY_S = 10.0
"""Seconds between two lines about wrong signatures: strangers must not fill the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A request to open a WebSocket.

    Attributes:
        target: path and query as they were asked for.
        authority: what the client dialled, as host or host:port.
        headers: names in lower case.
        unix_s: seconds since 1970.
        now: seconds of a clock that never goes back.
    """

    target: str
    authority: str
    headers: Mapping[str, str]
    unix_s: float
    now: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not let in.

    Attributes:
        status: of HTTP.
        why: for the counters, never told.
        sentence: what the client is told.
    """

    status: int
    why: str
    sentence: str


class Doors:
    """Lets telephone systems in.

    Args:
        settings: of the telephone systems.
        switchboard: that new connections join.
        open_house: True on loopback without accounts: what is not in the settings may come in
            unsigned, as the default tenant.
        public_url: what clients dial, as ``https://host``; None to take their Host header.
        call_s: seconds of the longest call.
    """

    def __init__(
        self,
        settings: Carriers,
        *,
        switchboard: Switchboard,
        open_house: bool,
        public_url: str | None,
        call_s: int,
    ) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._open_house = open_house
        self._public = urlsplit(public_url) if public_url else None
        self._limits = Limits(call_s=call_s)
        self._native_limits = Limits(frame_bytes=NATIVE_LIMITS.frame_bytes, call_s=call_s)
        self._nonces = Nonces()
        self._silent_until = 0.0
        self._audiohook_keys = {
            key.api_key.get_secret_value(): (key, _decoded(name, key))
            for name, key in settings.audiohook.items()
        }

    def native(self, tenant: str, knock: Knock, *, may_read: bool) -> Session:
        """Whoever was authenticated for a tenant speaks our own protocol; some may have results."""
        codec = Native(limits=self._native_limits, may_read=may_read)
        return self._let_in(codec, "native", tenant, knock)

    def twilio(self, name: str, knock: Knock) -> Session | Refusal:
        """A Media Stream of an account, by Twilio's signature."""
        account = self._settings.twilio.get(name)
        if account is None and self._open_house:
            account = TwilioAccount()
        if account is None:
            return self._refused("twilio", 404, "unknown", "There is no such Twilio account here.")
        if account.auth_token is not None and not self._is_signed(account, knock):
            self._say_what_was_checked(name, knock)
            return self._refused("twilio", 403, "signature", "The signature is missing or wrong.")
        codec = Twilio(
            roles={"inbound": account.inbound, "outbound": account.outbound},
            account_sid=account.account_sid,
            limits=self._limits,
        )
        return self._let_in(codec, "twilio", account.tenant, knock)

    def audiohook(self, knock: Knock) -> Session | Refusal:
        """An AudioHook session, by its signature."""
        session_id = knock.headers.get("audiohook-session-id", NO_HEADER)
        organization_id = knock.headers.get("audiohook-organization-id", NO_HEADER)
        if not session_id or not organization_id:
            return self._refused("audiohook", 400, "headers", "Headers of AudioHook are missing.")
        tenant = self._audiohook_tenant(knock, organization_id)
        if isinstance(tenant, Refusal):
            return tenant
        codec = AudioHook(
            session_id=session_id, organization_id=organization_id, limits=self._limits
        )
        return self._let_in(codec, "audiohook", tenant, knock)

    def asterisk(self, name: str, knock: Knock) -> Session | Refusal:
        """A chan_websocket connection, by user and password."""
        connection = self._settings.asterisk.get(name)
        if connection is None and self._open_house:
            connection = AsteriskConnection()
        refused = partial(self._refused, "chan_websocket")
        if connection is None:
            return refused(404, "unknown", "There is no such Asterisk connection here.")
        if connection.password.get_secret_value() and not _knows(connection, knock):
            return refused(401, "password", "User or password is missing or wrong.")
        codec = ChanWebSocket(role=connection.role, limits=self._limits)
        return self._let_in(codec, "chan_websocket", connection.tenant, knock)

    def _let_in(self, codec: Carrier, carrier: str, tenant: str, knock: Knock) -> Session:
        return self._switchboard.session(codec, carrier=carrier, tenant=tenant, now=knock.now)

    def _refused(self, carrier: str, status: int, why: str, sentence: str) -> Refusal:
        self._switchboard.totals[carrier].refusals[why] += 1
        return Refusal(status, why, sentence)

    def _is_signed(self, account: TwilioAccount, knock: Knock) -> bool:
        settings = knock.headers.get(SETTINGS_HEADER.lower())
        key = signature_settings(settings).key
        secret = account.auth_token if key is None else account.signing_keys.get(key)
        if secret is None:
            return False
        return is_signed(
            knock.headers.get(SIGNATURE_HEADER.lower(), NO_HEADER),
            url=self._public_url(knock),
            secret=secret.get_secret_value(),
            settings=settings,
        )

    def _say_what_was_checked(self, name: str, knock: Knock) -> None:
        """In the log, and not too often: whoever is refused is told only that."""
        if knock.now < self._silent_until:
            return
        self._silent_until = knock.now + SAID_EVERY_S
        setting = "server.public_url" if self._public else "the Host header, without a public_url"
        _log.warning(
            "A Twilio stream was refused: its signature is missing, or not by the secret of "
            "carriers.twilio.%s for the URL %s (by %s). It must be the URL that the TwiML dials.",
            *(name, self._public_url(knock)[:LONGEST_URL], setting),
        )

    def _public_url(self, knock: Knock) -> str:
        if self._public is None:
            return f"wss://{knock.authority}{knock.target}"
        scheme = "wss" if self._public.scheme == "https" else "ws"
        return f"{scheme}://{self._public.netloc}{knock.target}"

    def _audiohook_tenant(self, knock: Knock, organization_id: str) -> str | Refusal:
        """Whose session it is, if its signature holds."""
        if not self._audiohook_keys and self._open_house:
            return DEFAULT_TENANT
        authority = self._public.netloc if self._public else knock.authority
        request = SignedRequest(knock.target, authority, knock.headers)
        secrets = {name: secret for name, (_, secret) in self._audiohook_keys.items()}
        verdict = verify(request, keys=secrets, nonces=self._nonces, now=knock.unix_s)
        if verdict is not Verdict.VERIFIED:
            return self._refused(
                "audiohook", 401, verdict.value, "The signature is missing, wrong or used."
            )
        key, _ = self._audiohook_keys[knock.headers["x-api-key"].strip()]
        if key.organization_id not in (None, organization_id):
            return self._refused("audiohook", 401, "organization", "The signature is not for it.")
        return key.tenant


def is_allowed(address: str, networks: tuple[str, ...]) -> bool:
    """True for an address in one of the networks.

    >>> is_allowed("10.1.2.3", ("10.0.0.0/8",)), is_allowed("::ffff:10.1.2.3", ("10.0.0.0/8",))
    (True, True)
    """
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    known = [ip_network(network, strict=False) for network in networks]
    return any((mapped or found) in network for network in known)


def _decoded(name: str, key: AudioHookClientKey) -> bytes:
    try:
        secret = base64.b64decode(key.secret.get_secret_value(), validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if not secret:
        raise ConfigError(f"carriers.audiohook.{name}.secret is not base64, as Genesys shows it.")
    return secret


def _knows(connection: AsteriskConnection, knock: Knock) -> bool:
    """True where the Authorization header has the connection's user and password."""
    expected = f"{connection.username}:{connection.password.get_secret_value()}"
    basic = "Basic " + base64.b64encode(expected.encode()).decode("ascii")
    given = knock.headers.get("authorization", NO_HEADER)
    return hmac.compare_digest(basic.encode(), given.encode(errors="replace"))
