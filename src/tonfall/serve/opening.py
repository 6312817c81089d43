"""From what a telephone system says of a call to a call: whose caller it is, and their notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tonfall.parsing import read_json
from tonfall.serve.calls import Desk, LiveCall
from tonfall.serve.codecs import CallStarted
from tonfall.serve.external_ids import ExternalIds
from tonfall.serve.records import Notice
from tonfall.serve.store import plain_caller

__all__ = ["Openings"]

CALLER, NOTICE, CHANNELS = "caller", "notice", "channels"
"""Names of parameters that any telephone system may send: a number or reference, the notice, and
whether the channels are compared (``auto``) or each is a person whatever they hold (``each``)."""
KNOWN = (CALLER, NOTICE, CHANNELS)
COMPARED = {"auto": True, "each": False}
SAID = {str(notice): notice for notice in (Notice.GIVEN, Notice.CONSENTED, Notice.REFUSED)}


class Openings:
    """Opens calls at a desk.

    Whether a caller objected earlier is looked up by the store, in the transaction that writes that
    the call began: it is purged there and then, and the event of it stops the hearing some
    milliseconds later. So a database that does not answer holds up nobody, and nothing that was
    judged before it answers is told.

    Args:
        desk: that takes the calls.
        hashed: what is kept of a tenant's caller's number or reference.
        ids: what is kept of a telephone system's id of a call.
    """

    def __init__(self, desk: Desk, *, hashed: Callable[[str, str], str], ids: ExternalIds) -> None:
        self._desk = desk
        self._hashed = hashed
        self._ids = ids

    def __call__(self, tenant: str, carrier: str, started: CallStarted) -> LiveCall:
        """The call.

        Raises:
            Busy: there is no room for it.
        """
        said = _said(started.parameters)
        reference = said.get(CALLER, "")
        caller = self._hashed(tenant, reference) if plain_caller(reference) else None
        notice = SAID.get(said.get(NOTICE, ""), Notice.UNKNOWN)
        if carrier != "rtp":  # RTP has no ids: those are our own.
            started = replace(started, call_id=self._ids.kept(tenant, started.call_id))
        call = self._desk.open(
            started,
            tenant=tenant,
            carrier=carrier,
            notice=notice,
            caller=caller,
            compare=COMPARED.get(said.get(CHANNELS, "")),
        )
        if notice is Notice.REFUSED:
            call.object(by="system")
        return call


def _said(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters, with those of AudioHook's customConfig."""
    try:
        custom = read_json(parameters.get("customConfig", "{}"))
    except ValueError:
        custom = {}
    if not isinstance(custom, dict):
        return parameters
    return {name: str(custom[name]) for name in KNOWN if name in custom} | {
        name: value for name, value in parameters.items() if name in KNOWN
    }
