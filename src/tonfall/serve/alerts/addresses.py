"""Where an outlet may connect to: resolved once, checked, and then that very address.

A name that is looked up once for the check and again for the connection may give a public address
first and a private one then (DNS rebinding), so the connection is made to what was checked.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from tonfall.errors import ServiceError

__all__ = ["is_public", "resolve"]

Address = IPv4Address | IPv6Address

_INTERNET = IPv6Network("2000::/3")
"""All that is given out (RFC 4291, 2.4); site-local and IPv4-compatible addresses lie outside."""

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Networks whose addresses end in an IPv4 address that a gateway connects to (RFC 6052, 8215)."""


def resolve(host: str, port: int, *, allow_private: bool) -> tuple[str, ...]:
    """The addresses to connect to, the first that answers.

    Args:
        host: a name or an address.
        port: only passed on.
        allow_private: True to take any address.

    Raises:
        ServiceError: the name is not known (a later try may help), or one of its addresses is
            not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ServiceError("The name of the host cannot be found.", retry=True) from None
    addresses = [str(each[4][0]) for each in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise ServiceError(
            "The host has an address that is not public; alerts go there only where "
            "allow_private is set.",
        )
    return tuple(dict.fromkeys(addresses))


def is_public(address: str) -> bool:
    """True for an address of the internet at large, also within one that wraps it.

    >>> [is_public(each) for each in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and not _is_routed(parsed):
        return False
    return all(each.is_global and not each.is_multicast for each in (parsed, *_wrapped(parsed)))


def _is_routed(address: IPv6Address) -> bool:
    """True in the internet's range, and where what counts is the IPv4 address within."""
    networks = (_INTERNET, *_TRANSLATED)
    return address.ipv4_mapped is not None or any(address in network for network in networks)


def _wrapped(address: Address) -> list[Address]:
    """IPv4 addresses within an IPv6 one, to which a gateway or this machine would connect."""
    if isinstance(address, IPv4Address):
        return []
    wrapped: list[Address] = [
        each for each in (address.ipv4_mapped, address.sixtofour) if each is not None
    ]
    if address.teredo is not None:
        wrapped += address.teredo
    if any(address in network for network in _TRANSLATED):
        wrapped.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return wrapped
