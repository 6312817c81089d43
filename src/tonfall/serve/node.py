"""One server: everything put together, started, and stopped without losing anything."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from uuid import uuid4

from tonfall.errors import ServiceError, TonfallError
from tonfall.runtime import load
from tonfall.serve.alerts import CurveReader, Deliverer, build_outlets, read_rules
from tonfall.serve.calls import AgentScoring, CallLimits, Desk, Purpose, ScoringPolicy
from tonfall.serve.carriers import Doors, Pace, Switchboard, Timeouts, open_ports
from tonfall.serve.external_ids import ExternalIds
from tonfall.serve.http import Services, create_app
from tonfall.serve.http.access import Access, Tickets
from tonfall.serve.http.analyses import Analyses
from tonfall.serve.http.hub import Hub
from tonfall.serve.http.rates import Rates
from tonfall.serve.http.uploads import Uploads
from tonfall.serve.http.webserver import WebServer, bound_socket
from tonfall.serve.opening import Openings
from tonfall.serve.places import database_url, salt_of
from tonfall.serve.priors import LinePriors
from tonfall.serve.records import Notice, StoredEvent
from tonfall.serve.settings import Calls, Privacy, Settings
from tonfall.serve.stopping import FORCE_S, Deadline, drain, end_by_force, in_time
from tonfall.serve.store import EVERYBODY, Keeper, Retention, Store, Writer, caller_hash
from tonfall.serve.store.salting import hold_to_salt
from tonfall.serve.tenancy import one_tenant, unseen

__all__ = ["Node", "policy_of", "retention_of"]

_log = logging.getLogger(__name__)

TICK_S = 0.25
SWEEP_TICKS = 4
LAG_KEPT_S = 10.0
CLOSE_S = 2.0
"""Seconds that each part has to end when the server stops."""
SERVING_S = 3.0
"""Seconds that answers have to be sent to their end when the server stops."""
LAST_S = 0.5
"""Seconds that are kept for what comes last: what waits to be written, and the database."""
LEAST_S = 0.1
"""Seconds that each part has, even where nothing is left of the time to stop."""


class Node:
    """One server of one process.

    Args:
        settings: checked.
        name: of this node, its own among those on one database; made up by default.
    """

    def __init__(self, settings: Settings, *, name: str | None = None) -> None:
        self.settings = one_tenant(settings)
        self._as_read = settings
        self.name = name or f"{socket.gethostname()[:40]}-{uuid4().hex[:8]}"
        self.addresses: dict[str, tuple[str, int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._is_process = False
        self._until: Deadline | None = None
        self._services: Services | None = None
        self._unfinished: list[str] = []

    @property
    def services(self) -> Services:
        """What it works with, once it is started."""
        assert self._services is not None, "the node is not started"
        return self._services

    @property
    def url(self) -> str:
        """Where its API is, once it is started."""
        host, port = self.addresses["http"]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.settings.server.tls else 'http'}://{shown}:{port}"

    def stop(self) -> None:
        """Drain and end; callable from any thread, and more than once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def run(
        self, *, started: Callable[[Node], None] | None = None, signals: bool = False
    ) -> None:
        """Serve until :meth:`stop`, or SIGTERM or SIGINT.

        Args:
            started: called once calls can come.
            signals: True where the server is all of its process: it stops by signals, and where it
                cannot stop in time, the process is ended with status 1. Only on the main thread.

        Raises:
            ConfigError: rules, model or database do not fit.
            ServiceError: the database cannot be reached, or a port is taken; or at the end, some of
                what was heard could not be written and is lost.
        """
        self._loop = loop = asyncio.get_running_loop()
        self._is_process = signals
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._on_signal)
        async with AsyncExitStack() as stack:
            services = self._services = await self._assemble(stack, loop)
            server = await self._listen(services, stack)
            housekeeping = asyncio.create_task(self._keep_house(services))
            await self._begin(services, started)
            await self._stop.wait()
            _notify("STOPPING=1")
            unjudged = await drain(services, self._stopping())
            housekeeping.cancel()
            services.hub.close()
            services.analyses.close()
            await server.stop(self._stopping().part_s(SERVING_S, keep_s=LAST_S))
            if unjudged:
                raise ServiceError(
                    f"{unjudged} calls were not judged to their end, and what was not is lost."
                )

    def _stopping(self) -> Deadline:
        """When all must have ended; it counts from when it is asked for first."""
        if self._until is None:
            self._until = Deadline(self.settings.server.drain_s)
            if self._is_process:
                end_by_force(self._until.seconds + FORCE_S, lambda: self._unfinished)
        return self._until

    def _on_signal(self) -> None:
        self._stop.set()
        self._stopping()  # Counts from here, even where the server has not started yet.

    async def _assemble(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> Services:
        """All parts; what is opened is closed in the other order."""
        settings = self.settings
        store = await asyncio.to_thread(Store.open, database_url(settings))
        stack.push_async_callback(self._close, "The database", store.close)
        salt = salt_of(settings)
        await asyncio.to_thread(hold_to_salt, store.database, salt)
        predictor = await asyncio.to_thread(load, settings.model.name)
        hub = Hub(store, loop=loop, on_event=self._on_event)
        outlets = build_outlets(settings.alerts)
        writer = Writer(store, node=self.name, on_committed=hub.committed, sinks=outlets.names)
        stack.push_async_callback(self._close_writer, writer)
        priors = None
        if settings.model.adapt:
            names = outlets.names_for
            priors = await asyncio.to_thread(partial(LinePriors, store, predictor, sinks=names))
            stack.push_async_callback(self._close, "The learning of priors", priors.close)
        desk = Desk(
            predictor,
            submit=writer.submit,
            rules=read_rules(settings.alerts.rules),
            policy=policy_of(settings.privacy, settings.calls),
            limits=CallLimits(calls=settings.limits.calls),
            priors=priors,
        )
        stack.push_async_callback(self._close, "The scoring of calls", desk.close)
        reader = await asyncio.to_thread(partial(CurveReader, store.curves, budgets=desk.budgets))
        stack.push_async_callback(self._close, "The reading of budgets", reader.close)
        keeper = Keeper(store, node=self.name, retention=retention_of(settings.privacy))
        stack.push_async_callback(self._close, "The keeping of the store", keeper.close)
        listening = store.listen(hub.heard)
        stack.push_async_callback(self._close, "Listening to other nodes", listening.close)
        deliverer = Deliverer(store.deliveries, outlets=outlets, node=self.name)
        stack.push_async_callback(self._close, "The sending of alerts", deliverer.close)
        return self._serve_with(
            stack, store=store, writer=writer, desk=desk, hub=hub, deliverer=deliverer, salt=salt
        )

    def _serve_with(
        self,
        stack: AsyncExitStack,
        *,
        store: Store,
        writer: Writer,
        desk: Desk,
        hub: Hub,
        deliverer: Deliverer,
        salt: str,
    ) -> Services:
        """What requests and calls come in by, on top of the parts that score and store."""
        settings, limits = self.settings, self.settings.limits
        loop = asyncio.get_running_loop()
        ids = ExternalIds(salt, settings.privacy.call_ids)
        openings = Openings(desk, hashed=partial(caller_hash, salt), ids=ids)
        switchboard = Switchboard(
            openings,
            soon=loop.call_soon_threadsafe,
            most_per_tenant=limits.calls_of_a_tenant,
            timeouts=Timeouts(first_s=limits.first_message_s, silent_s=limits.silent_s),
        )
        analyses = Analyses(
            settings.model.name,
            processes=limits.analyses,
            timeout_s=limits.analysis_s,
        )
        stack.callback(analyses.close)
        uploads = Uploads()
        stack.callback(uploads.close)
        return Services(
            settings=settings,
            node=self.name,
            salt=salt,
            store=store,
            writer=writer,
            desk=desk,
            hub=hub,
            switchboard=switchboard,
            doors=Doors(
                settings.carriers,
                switchboard=switchboard,
                open_house=settings.auth.mode == "none",
                public_url=settings.server.public_url,
                call_s=limits.call_s,
            ),
            pace=Pace(loop),
            access=_access(settings, store),
            tickets=Tickets(),
            rates=Rates(limits.requests_per_minute),
            analyses=analyses,
            uploads=uploads,
            deliveries=deliverer.counts,
        )

    async def _listen(self, services: Services, stack: AsyncExitStack) -> WebServer:
        """Open every port."""
        settings = self.settings
        ports = await open_ports(
            settings.carriers,
            switchboard=services.switchboard,
            pace=services.pace,
            call_s=settings.limits.call_s,
        )
        for name, (host, port, listener) in ports.items():
            self.addresses[name] = (host, port)
            stack.callback(listener.close)
        server = WebServer(
            create_app(services), settings=settings.server, header_s=settings.limits.header_s
        )
        sock = bound_socket(settings.server.host, settings.server.port)
        self.addresses["http"] = sock.getsockname()[:2]
        await server.start(sock)
        return server

    async def _begin(self, services: Services, started: Callable[[Node], None] | None) -> None:
        services.ready = True
        await asyncio.to_thread(services.note, EVERYBODY, "system", "node.started", self.name)
        await asyncio.to_thread(_note_settings, services)
        for sentence in await asyncio.to_thread(unseen, self._as_read, services.store):
            _log.warning("%s", sentence)
        _notify("READY=1")
        if started is not None:
            started(self)

    def _on_event(self, event: StoredEvent) -> None:
        """What became of a call: its connection may want to know, and other nodes are heard."""
        if self._services is not None:
            self._services.switchboard.tell(event)
            if priors := self._services.desk.priors:
                priors.told(event.kind, event.call)
        live = self._services.desk.find(event.call) if self._services else None
        if live is None:
            return
        by = str(event.payload.get("by", "system"))
        if event.kind == "call.purged" and event.payload.get("reason") == "erasure":
            live.erase(by=by, write=_written)
        elif event.kind == "call.purged":
            live.object(by=by, write=_written)
        elif event.kind == "notice" and event.payload.get("notice") != live.notice:
            try:
                live.set_notice(Notice(str(event.payload["notice"])), by=by, write=_written)
            except ServiceError:
                _log.info("Call %s had moved on from a notice that came late.", event.call)

    async def _keep_house(self, services: Services) -> None:
        """Watch the event loop, and end connections that keep us waiting."""
        loop = asyncio.get_running_loop()
        worst: list[tuple[float, float]] = []
        ticks = 0
        while True:
            expected = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            now = loop.time()
            worst = [each for each in worst if now - each[0] < LAG_KEPT_S]
            worst.append((now, max(0.0, now - expected)))
            services.lag_s = max(lag for _, lag in worst)
            ticks += 1
            if ticks % SWEEP_TICKS == 0:
                _sweep(services, now)

    async def _close(self, name: str, close: Callable[[], object]) -> None:
        """End a part; where it cannot be ended in time, its thread ends with the process."""
        seconds = max(LEAST_S, self._stopping().part_s(CLOSE_S, keep_s=LAST_S))
        self._unfinished.append(name)
        try:
            if not await in_time(close, seconds):
                _log.warning("%s did not end within %.1f s and is left.", name, seconds)
                return
        except TonfallError as error:
            _log.warning("%s did not end in order: %s", name, error)
        self._unfinished.remove(name)

    async def _close_writer(self, writer: Writer) -> None:
        """Write what waits until the deadline.

        Raises:
            ServiceError: so much is lost.
        """
        seconds = max(LAST_S, self._stopping().left_s)
        try:
            if not await in_time(partial(writer.close, seconds), seconds + LAST_S):
                waiting = writer.counters().waiting
                raise ServiceError(f"{waiting} changes could not be written, and are lost.")
        except ServiceError as error:
            _log.error("%s", error)
            raise


def _sweep(services: Services, now: float) -> None:
    """End what keeps us waiting; an error in it must not end the watch."""
    for work in (partial(services.switchboard.sweep, now), services.analyses.rest):
        try:
            work()
        except Exception:
            _log.exception("Keeping house failed by an error of ours; it is tried again.")


def policy_of(privacy: Privacy, calls: Calls | None = None) -> ScoringPolicy:
    """Who is scored, and when."""
    calls = calls or Calls()
    agent = privacy.score_agent
    agents = agent and AgentScoring(
        reason=agent.reason,
        person=agent.person,
        region=agent.region,
        purpose=Purpose(agent.purpose),
    )
    return ScoringPolicy(
        unknown_is_customer=privacy.unknown_is_customer,
        agents=agents or None,
        require_notice=privacy.notice_required,
        tell_apart=calls.speakers == "auto",
        compare=calls.channels == "auto",
    )


def retention_of(privacy: Privacy) -> Retention:
    """For how long things are kept."""
    days = privacy.retention
    return Retention(
        windows=days.windows_days,
        turns=days.turns_days,
        alerts=days.alerts_days,
        calls=days.calls_days,
        events=days.events_days,
        deliveries=days.deliveries_days,
        priors=days.priors_days,
        audit=days.audit_days,
    )


def _access(settings: Settings, store: Store) -> Access:
    if settings.auth.mode == "none":
        return Access(None)
    tokens = None
    if settings.auth.oidc is not None:
        from tonfall.serve.http.oidc import Tokens

        tokens = Tokens(settings.auth.oidc)
    failures = settings.limits.failures_per_minute
    return Access(store.keys, tokens=tokens, failures_per_minute=failures)


def _note_settings(services: Services) -> None:
    """What concerns people goes into the audit at each start."""
    settings, predictor = services.settings, services.desk.predictor
    agent = settings.privacy.score_agent
    details: dict[str, Any] = {
        "model": predictor.name,
        "model_hash": predictor.hash,
        "adapt": settings.model.adapt,
        "profile": settings.privacy.profile,
        "notice_required": settings.privacy.notice_required,
        "unknown_is_customer": settings.privacy.unknown_is_customer,
        "call_ids": settings.privacy.call_ids.value,
        "speakers": settings.calls.speakers,
        "channels": settings.calls.channels,
        "score_agent": agent.model_dump() if agent else None,
        "retention": settings.privacy.retention.model_dump(),
    }
    services.store.audit(EVERYBODY, "system", "settings", services.node, details)


def _written(_: object) -> None:
    """Another node wrote it already."""


def _notify(state: str) -> None:
    """Tell systemd, where it started us and wants to know."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.send(state.encode())
