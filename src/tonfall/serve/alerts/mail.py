"""Alerts by mail."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.alerts.connecting import DEADLINE_S, connected
from tonfall.serve.alerts.notices import FROZEN, Notification

__all__ = ["MailOutlet", "MailServer", "message_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server to hand mail to.

    Attributes:
        tls: from the start, by STARTTLS, or none.
        username, password: where the server wants them; never over an open line.

    Raises:
        ConfigError: a password would be sent in the clear.
    """

    host: str
    port: int = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.username is not None and self.tls == "none":
            raise ConfigError(
                f"The mail server {self.host} would get its password in the clear; set tls to "
                "starttls or tls, or leave out the username."
            )


class MailOutlet:
    """Sends a mail an alert.

    Args:
        server: that takes it.
        sender: address.
        recipients: addresses.
        context: of TLS; the system's trust by default.
        deadline_s: seconds that a mail may take in all, however slowly the server answers.

    Raises:
        ConfigError: an address that cannot be used.
    """

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        recipients: Sequence[str],
        context: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        for address in (sender, *recipients):
            if "@" not in address or any(sign.isspace() for sign in address):
                raise ConfigError(
                    f"{address!r} is no mail address; give one such as a@b.example for each alert."
                )
        if not recipients:
            raise ConfigError("A mail outlet has no recipients; name one at least.")
        self._server = server
        self._sender = sender
        self._recipients = tuple(recipients)
        self._context = context or ssl.create_default_context()
        self._deadline_s = deadline_s

    def send(self, notification: Notification) -> None:
        """Send it.

        Raises:
            ServiceError: the server did not take it; a later try may help unless it refuses the
                addresses or the password.
        """
        message = message_of(notification, sender=self._sender, recipients=self._recipients)
        try:
            self._hand_over(message)
        except smtplib.SMTPResponseException as error:
            lasting = 500 <= error.smtp_code < 600
            raise ServiceError(
                f"The mail server answered {error.smtp_code}.", retry=not lasting
            ) from None
        except smtplib.SMTPRecipientsRefused:
            raise ServiceError("The mail server refused every recipient.", retry=False) from None
        except smtplib.SMTPNotSupportedError:
            raise ServiceError("The mail server has no STARTTLS or login.", retry=False) from None
        except TimeoutError:
            raise ServiceError(
                f"The mail server did not take the mail within {self._deadline_s:g} s.", retry=True
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            reason = type(error).__name__
            raise ServiceError(f"The mail server did not answer ({reason}).", retry=True) from None

    def _hand_over(self, message: EmailMessage) -> None:
        host, port = self._server.host, self._server.port
        with connected(host, port, allow_private=True, seconds=self._deadline_s) as sock:
            if self._server.tls == "tls":
                sock = self._context.wrap_socket(sock, server_hostname=host)
            with _Smtp(host, port, sock) as server:
                self._prepare(server)
                server.send_message(message)

    def _prepare(self, server: smtplib.SMTP) -> None:
        if self._server.tls == "starttls":
            server.starttls(context=self._context)
        if self._server.username is not None:
            server.login(self._server.username, self._server.password or "")


class _Smtp(smtplib.SMTP):
    """SMTP over a connection that was made before, TLS included, under its host's name."""

    def __init__(self, host: str, port: int, sock: socket.socket) -> None:
        self._made = sock
        super().__init__(host, port, local_hostname=_own_name(sock))

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """In place of a connection of smtplib's, which has no deadline over all addresses."""
        del host, port, timeout
        return self._made


def _own_name(sock: socket.socket) -> str:
    """What EHLO says; smtplib would ask the name service for it, which may take long."""
    name = socket.gethostname()
    if "." in name:
        return name
    address = str(sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def message_of(
    notification: Notification, *, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """The mail: ids and numbers, and what the reader should know of them."""
    payload = notification.payload
    message = EmailMessage()
    frozen = notification.kind == FROZEN
    alert = f"Tonfall alert: {payload.get('rule')} ({payload.get('severity')})"
    message["Subject"] = f"Tonfall: prior of {payload.get('carrier')} frozen" if frozen else alert
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Message-ID"] = f"<{notification.id}@tonfall.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(_frozen(notification) if frozen else _alert(notification)))
    return message


def _frozen(notification: Notification) -> list[str]:
    payload = notification.payload
    carrier = payload.get("carrier")
    return [
        f"carrier: {carrier}",
        f"tenant: {notification.tenant}",
        f"distance: {payload.get('distance')} (frozen above {payload.get('limit')})",
        f"time (UTC): {notification.at.isoformat(timespec='seconds')}",
        "",
        "The newest callers of this line sound unlike all before: another codec or",
        "line, or somebody who tampers with it. Nothing more is learnt, and calls",
        f"start from what was learnt before, until somebody decides: /v1/priors/{carrier}.",
        "",
    ]


def _alert(notification: Notification) -> list[str]:
    payload = notification.payload
    return [
        f"rule: {payload.get('rule')}",
        f"severity: {payload.get('severity')}",
        f"call: {notification.call}",
        f"channel: {payload.get('channel')}",
        f"seconds into the call: {payload.get('seconds')}",
        f"time (UTC): {notification.at.isoformat(timespec='seconds')}",
        f"alert: {payload.get('alert')}",
        "",
        "This is a guess from the sound of a voice, and often wrong.",
        "It advises; decide yourself.",
        "",
    ]
