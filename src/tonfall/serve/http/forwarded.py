"""What proxies say of a client: its address, and whether it came by TLS."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from tonfall.serve.carriers.doors import is_allowed

__all__ = ["Forwarded"]

SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Forwarded:
    """ASGI around the whole app; only trusted proxies are believed.

    Args:
        app: that is told of clients rather than of proxies.
        proxies: addresses and networks.
    """

    def __init__(self, app: ASGIApp, *, proxies: tuple[str, ...]) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        client = scope.get("client")
        if client and self._trusts(client[0]):
            self._believe(scope)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        proto = _values(scope, b"x-forwarded-proto")[-1:]
        scheme = SCHEMES.get(proto[0]) if proto else None
        if scheme is not None:
            secure = scheme == "https"
            is_socket = scope["type"] == "websocket"
            scope["scheme"] = ("wss" if secure else "ws") if is_socket else scheme
        host = self._client_of(_values(scope, b"x-forwarded-for"))
        if host is not None:
            scope["client"] = (host, 0)

    def _client_of(self, hops: list[str]) -> str | None:
        """The last hop that is no proxy of ours: what stands before it may be made up."""
        named = [hop for hop in map(_host, hops) if hop]
        others = [hop for hop in named if not self._trusts(hop)]
        return next(iter(others[-1:] or named[:1]), None)

    def _trusts(self, host: str) -> bool:
        try:
            ip_address(host)
        except ValueError:
            return False
        return is_allowed(host, self._proxies)


def _values(scope: Scope, wanted: bytes) -> list[str]:
    """All values of a header, in order."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return [each.strip() for line in lines for each in line.split(",")]


def _host(hop: str) -> str:
    """An address without its port and brackets.

    >>> _host("192.0.2.7:443"), _host("[2001:db8::1]:443"), _host("2001:db8::1")
    ('192.0.2.7', '2001:db8::1', '2001:db8::1')
    """
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
