"""The web server: a port, the connections on it, and their end."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from starlette.types import ASGIApp

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.http.forwarded import Forwarded
from tonfall.serve.http.http1 import HttpConnection
from tonfall.serve.http.serving import MOST_WAITING, Serving
from tonfall.serve.settings import Server

__all__ = ["WebServer", "bound_socket"]

_log = logging.getLogger(__name__)

BACKLOG = 2048
ANSWER_S = 1.0
"""Seconds in which requests that are cut short are answered 503, and answers sent to their end."""
LOOK_S = 0.02


class WebServer:
    """A server that listens.

    Args:
        app: ASGI.
        settings: TLS and proxies.
        header_s: seconds that a client has to send its request's head.
    """

    def __init__(self, app: ASGIApp, *, settings: Server, header_s: float) -> None:
        if settings.trusted_proxies:
            app = Forwarded(app, proxies=settings.trusted_proxies)
        self._serving = Serving(app=app, header_s=header_s, most_waiting=_most_waiting())
        self._tls = _tls(settings)
        self._listener: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Take connections on a socket that is bound."""
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._serving),
            sock=sock,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=self._serving.header_s if self._tls else None,
        )

    async def stop(self, seconds: float) -> None:
        """Take no more requests; those that are not answered in that time are cut short."""
        self._serving.stop()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._serving.connections):
            connection.shutdown()
        if self._serving.tasks:
            await asyncio.wait(self._serving.tasks, timeout=seconds)
        cut_short = list(self._serving.tasks)
        for task in cut_short:
            task.cancel()
        if cut_short:
            _log.info("%d requests were cut short, since the server stops.", len(cut_short))
            await asyncio.wait(cut_short, timeout=ANSWER_S)
        await self._until_closed(ANSWER_S)

    async def _until_closed(self, seconds: float) -> None:
        """Let what was answered be sent to its end."""
        until = asyncio.get_running_loop().time() + seconds
        while self._serving.connections and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(LOOK_S)


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


def _most_waiting() -> int:
    """Connections that may wait for a request: most open files are for those that have one."""
    import resource  # Not on Windows, where nothing is served.

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_WAITING if files < 0 else min(MOST_WAITING, max(1, files // 4))


def _tls(settings: Server) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"server.tls: certificate and key cannot be read ({error.strerror or error}); both are "
            "PEM files, and the key is the certificate's."
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
