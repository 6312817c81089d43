"""What each route asks first: who is it, may they, and not too often."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from pydantic import AwareDatetime, BeforeValidator
from starlette.requests import HTTPConnection

from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.problems import MEDIA_TYPE, Problem, ProblemDocument
from tonfall.serve.http.services import Services, services_of

__all__ = [
    "AlertId",
    "CallId",
    "Moment",
    "Ours",
    "admit",
    "answers",
    "asking",
    "client_address",
    "identify",
]

ADMITTED = "tonfall.admitted"
"""Under this name the ASGI scope holds who was admitted before the body was read."""
CLIENTS_PREFIX = 64
"""Bits of an IPv6 address that tell clients apart."""

Ours = Annotated[Services, Depends(services_of)]
CallId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", examples=["8f14e45fceea467a9575a1f0b7c0de11"])
]
AlertId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", examples=["c9f0f895fb98ab9159f51fd0297e236d"])
]


def _written_out(said: object) -> object:
    """Refuse a number, which would be taken for seconds since 1970."""
    if isinstance(said, str) and not WRITTEN_OUT.match(said):
        raise ValueError("give a date and time such as 2026-11-25T09:30:00Z")
    return said


WRITTEN_OUT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A time of RFC 3339, with its offset from UTC."""

WORDS = {
    400: "The request or its body cannot be read.",
    401: "No key, or one that does not work.",
    403: "The key does not have the scope, or the request came by a way that is not allowed.",
    404: "The tenant has no such thing.",
    408: "The body came too slowly.",
    409: "It does not follow from the state in which things are.",
    413: "The body is too large.",
    415: "The recording did not come as multipart/form-data.",
    421: "The Host is not a name of this server.",
    422: "A value or a recording cannot be used.",
    429: "Too often, or too much at once; Retry-After says when.",
    500: "A model failed, or the server made a mistake; it was logged.",
    503: "The database cannot be used now, or the server is about to stop.",
    507: "The disk has no room for the recording, or for the archive.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route's errors are described."""
    always = (400, 401, 403, 408, 413, 421, 422, 429, 503)
    content = {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}}
    return {
        status: {"description": WORDS[status], "content": content}
        for status in sorted({*always, *statuses})
    }


def asking(*scopes: Scope, tickets: bool = False) -> Any:
    """A dependency: who asks, with one of these scopes; ``tickets`` as of :func:`identify`.

    Raises:
        Problem: nobody known, without the scope, or too often.
    """

    async def ask(request: Request) -> Principal:
        known: Principal | None = request.scope.get(ADMITTED)
        return known or await admit(request, *scopes, tickets=tickets)

    return Depends(ask)


async def admit(connection: HTTPConnection, *scopes: Scope, tickets: bool = False) -> Principal:
    """Who asks, with one of these scopes; ``tickets`` as of :func:`identify`.

    Raises:
        Problem: nobody known, without the scope, or too often.
    """
    services = services_of(connection)
    principal = await identify(connection, services, tickets=tickets)
    wait_s = services.rates.take(f"{principal.tenant}/{principal.actor}")
    if wait_s > 0:
        raise Problem(
            429,
            "Too many requests; wait, or ask for more at once.",
            headers={"Retry-After": str(int(wait_s) + 1)},
        )
    if not principal.may(*scopes):
        raise Problem(403, f"This needs a key with the scope {' or '.join(scopes)}.")
    return principal


async def identify(
    connection: HTTPConnection, services: Services, *, tickets: bool = False
) -> Principal:
    """Who is at the other end: by a key, or where ``tickets`` are taken, by one in the query.

    Raises:
        Problem: nobody who is known.
    """
    ticket = connection.query_params.get("ticket") if tickets else None
    if ticket is not None:
        principal = services.tickets.use(ticket)
        if principal is None or not await services.access.still(principal):
            raise Problem(401, "The ticket is used, too old, or none of ours; ask for another.")
        return principal
    headers = dict(connection.headers.items())
    return await services.access.principal(headers, address=client_address(connection))


def client_address(connection: HTTPConnection) -> str:
    """The address of the client; of IPv6 its /64, which one client has whole.

    >>> client_address(HTTPConnection({"type": "http", "client": ("2001:db8::5:0:0:7", 4711)}))
    '2001:db8::/64'
    >>> client_address(HTTPConnection({"type": "http", "client": ("::ffff:192.0.2.1", 4711)}))
    '192.0.2.1'
    """
    host = connection.client.host if connection.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:  # A socket of this machine has a name.
        return host
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), CLIENTS_PREFIX), strict=False))
