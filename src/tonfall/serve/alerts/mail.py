"""Alerts by mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.alerts.notices import Notification

__all__ = ["MailOutlet", "MailServer", "message_of"]

_TIMEOUT_S = 15.0


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

    def send(self, notification: Notification) -> None:
        """Send it.

        Raises:
            ServiceError: the server did not take it; a later try may help unless it refuses the
                addresses or the password.
        """
        message = message_of(notification, sender=self._sender, recipients=self._recipients)
        try:
            with self._connect() as server:
                self._prepare(server)
                server.send_message(message)
        except smtplib.SMTPResponseException as error:
            lasting = 500 <= error.smtp_code < 600
            raise ServiceError(
                f"The mail server answered {error.smtp_code}.", retry=not lasting
            ) from None
        except smtplib.SMTPRecipientsRefused:
            raise ServiceError("The mail server refused every recipient.", retry=False) from None
        except smtplib.SMTPNotSupportedError:
            raise ServiceError("The mail server has no STARTTLS or login.", retry=False) from None
        except (OSError, smtplib.SMTPException) as error:
            reason = type(error).__name__
            raise ServiceError(f"The mail server did not answer ({reason}).", retry=True) from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.tls == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=self._context)
        return smtplib.SMTP(host, port, timeout=_TIMEOUT_S)

    def _prepare(self, server: smtplib.SMTP) -> None:
        if self._server.tls == "starttls":
            server.starttls(context=self._context)
        if self._server.username is not None:
            server.login(self._server.username, self._server.password or "")


def message_of(
    notification: Notification, *, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """The mail: ids and numbers, and what the reader should know of them."""
    payload = notification.payload
    message = EmailMessage()
    message["Subject"] = f"Tonfall alert: {payload.get('rule')} ({payload.get('severity')})"
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Message-ID"] = f"<{notification.id}@tonfall.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [
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
    message.set_content("\n".join(lines))
    return message
