"""From what a telephone system says of a call to a call: whose caller it is, and their notice."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tonfall.errors import ServiceError
from tonfall.serve.calls import Desk, LiveCall
from tonfall.serve.codecs import CallStarted
from tonfall.serve.records import Notice

__all__ = ["Openings"]

_log = logging.getLogger(__name__)

CALLER, NOTICE = "caller", "notice"
"""Names of parameters that any telephone system may send: a number or reference, and the notice."""
SAID = {str(notice): notice for notice in (Notice.GIVEN, Notice.CONSENTED, Notice.REFUSED)}
AGAIN_S = 0.5
TRIES = 1200


class Openings:
    """Opens calls at a desk.

    Whether a caller objected earlier is asked of the database beside the call, so that a database
    that does not answer holds up nobody: it takes some milliseconds, and no window is judged
    before a second of speech. Where the answer comes later, what was judged is purged.

    Args:
        desk: that takes the calls.
        hashed: what is kept of a tenant's caller's number or reference.
        objected: whether that caller objected; may block, or raise a ServiceError.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        hashed: Callable[[str, str], str],
        objected: Callable[[str, str], bool],
    ) -> None:
        self._desk = desk
        self._hashed = hashed
        self._objected = objected
        self._closed = Event()
        self._asking = ThreadPoolExecutor(2, thread_name_prefix="tonfall-objections")

    def __call__(self, tenant: str, carrier: str, started: CallStarted) -> LiveCall:
        """The call.

        Raises:
            Busy: there is no room for it.
        """
        said = _said(started.parameters)
        reference = said.get(CALLER, "").strip()
        caller = self._hashed(tenant, reference) if reference else None
        notice = SAID.get(said.get(NOTICE, ""), Notice.UNKNOWN)
        call = self._desk.open(
            started, tenant=tenant, carrier=carrier, notice=notice, caller=caller
        )
        if caller is not None:
            self._asking.submit(self._check, call, caller)
        return call

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        self._asking.shutdown(wait=False, cancel_futures=True)

    def _check(self, call: LiveCall, caller: str) -> None:
        for _ in range(TRIES):
            try:
                if self._objected(call.tenant, caller):
                    call.object(by="system")
                return
            except ServiceError:
                if self._closed.wait(AGAIN_S):
                    return
        _log.error("Call %s ends: whether its caller objected is not known.", call.id)
        call.object(by="system")


def _said(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters, with those of AudioHook's customConfig."""
    try:
        custom = json.loads(parameters.get("customConfig", "{}"))
    except ValueError:
        custom = {}
    if not isinstance(custom, dict):
        return parameters
    return {name: str(custom[name]) for name in (CALLER, NOTICE) if name in custom} | {
        name: value for name, value in parameters.items() if name in (CALLER, NOTICE)
    }
