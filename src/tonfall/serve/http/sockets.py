"""Uvicorn as this server uses it: impatient with slow clients, quiet, and stopped by the node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tonfall.errors import ServiceError
from tonfall.serve.carriers.direct import DirectWebSocket
from tonfall.serve.settings import Server

__all__ = ["ABORT", "WebServer", "bound_socket", "web_server"]

LONGEST_MESSAGE = 262_144
"""Bytes of a WebSocket message; the codecs have limits of their own below it."""
ABORT = "tonfall.abort"
"""Under this name the ASGI scope's extensions hold what cuts the connection off."""
KEEP_ALIVE_S = 30
BACKLOG = 2048
CUT_SHORT = "Cancel %s running task(s)"
"""How uvicorn's line about them begins."""


def _is_news(record: logging.LogRecord) -> bool:
    """False where uvicorn says as an error that requests were cut short: they are told 503."""
    return not str(record.msg).startswith(CUT_SHORT)


class WebServer(uvicorn.Server):
    """Uvicorn without its own signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the node's."""
        yield

    def end_within(self, seconds: float) -> None:
        """Take no more requests; those that are not answered in that time are cut short."""
        self.config.timeout_graceful_shutdown = seconds  # type: ignore[assignment]
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        self.should_exit = True


def web_server(app: Any, *, settings: Server, header_s: float) -> WebServer:
    """A server that is not started yet.

    Args:
        app: ASGI.
        settings: host, TLS and proxies.
        header_s: seconds that a client has to send its request's head.
    """
    tls: dict[str, Any] = {}
    if settings.tls is not None:
        tls = {"ssl_certfile": settings.tls.certificate, "ssl_keyfile": settings.tls.key}
    config = uvicorn.Config(
        app,
        http=_impatient(header_s),
        ws=DirectWebSocket,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Compressing audio that is compressed already costs time and gains nothing.
        ws_per_message_deflate=False,
        ws_max_size=LONGEST_MESSAGE,
        timeout_keep_alive=KEEP_ALIVE_S,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        **tls,
    )
    return WebServer(config)


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ServiceError: the address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family=family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ServiceError(
            f"Port {port} of {host} cannot be opened ({error.strerror}); choose another with "
            "--port."
        ) from error
    sock.setblocking(False)
    return sock


def _impatient(header_s: float) -> type[HttpToolsProtocol]:
    class ImpatientHttp(_ImpatientHttp):
        patience_s = header_s

    return ImpatientHttp


class _ImpatientHttp(HttpToolsProtocol):
    """Uvicorn's HTTP, but a request's head must come in time."""

    patience_s = 10.0
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head = self.loop.call_later(self.patience_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
