"""Connections of outlets: all of a delivery, whatever it waits for, has one deadline."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event, Thread, Timer

from tonfall.serve.alerts.addresses import resolve

__all__ = ["DEADLINE_S", "connected"]

DEADLINE_S = 15.0
"""Seconds that a delivery may take; a quarter of its claim, so that nobody else sends it too."""


@contextmanager
def connected(
    host: str, port: int, *, allow_private: bool, seconds: float = DEADLINE_S
) -> Iterator[socket.socket]:
    """A connection to the first address of a host that answers, cut off after some seconds.

    The time is counted once, from here: for finding the name, for all addresses together, and for
    all that is sent and read. A time limit on a socket would begin anew with each byte that comes.

    Args:
        host: a name or an address.
        port: of the host.
        allow_private: True to connect to any address.
        seconds: after which whatever waits fails.

    Raises:
        ServiceError: the name is not known, or an address is not public.
        TimeoutError: it took too long, also where what was done with the connection fails by that.
        OSError: nobody answers.
    """
    until = time.monotonic() + seconds
    addresses = _found(host, port, allow_private, until)
    sock = _reached(addresses, port, until)
    late = Event()
    # TLS takes the socket away from us: a duplicate of it shuts down the connection all the same.
    own = sock.dup()
    timer = Timer(_left_s(until), _cut, (own, late))
    timer.daemon = True
    timer.start()
    try:
        sock.settimeout(seconds)
        yield sock
    except Exception:
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        own.close()
        sock.close()


def _found(host: str, port: int, allow_private: bool, until: float) -> tuple[str, ...]:
    """The host's addresses; the system may look a name up for much longer than we wait for it."""
    found: Future[tuple[str, ...]] = Future()

    def look() -> None:
        try:
            found.set_result(resolve(host, port, allow_private=allow_private))
        except BaseException as error:
            found.set_exception(error)

    Thread(target=look, name="tonfall-alert-name", daemon=True).start()
    return found.result(_left_s(until))


def _reached(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """To the first address that answers; one that hangs leaves each of the others its part."""
    failed: OSError = ConnectionRefusedError()
    for number, address in enumerate(addresses):
        part = _left_s(until) / (len(addresses) - number)
        try:
            return socket.create_connection((address, port), part)
        except OSError as error:
            failed = error
    raise failed


def _left_s(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cut(sock: socket.socket, late: Event) -> None:
    """Too late: whatever waits on the connection fails at once."""
    late.set()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
