"""Counts for Prometheus. Labels name carriers, rules, reasons; never a tenant, call or key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tonfall.serve.carriers import Totals
from tonfall.serve.http.services import Services
from tonfall.serve.store.prior_rows import PriorState

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GAUGES: Mapping[str, tuple[str, str]] = {
    "calls": ("calls", "Calls that are live."),
    "waiting_s": ("waiting_seconds", "Audio of all calls that waits to be scored."),
    "lag_s": ("lag_seconds", "Age of the oldest audio that waits to be scored."),
}
DESK: Mapping[str, tuple[str, str]] = {
    "opened": ("calls_opened", "Calls that were opened."),
    "finished": ("calls_finished", "Calls that are over."),
    "refused": ("calls_refused", "Calls not taken, for want of room or while draining."),
    "failed_calls": ("calls_failed", "Calls that an error of ours ended."),
    "windows": ("windows", "Windows that were judged."),
    "shed_windows": ("shed_windows", "Windows given up, under load or by a failed model."),
    "shed_s": ("shed_seconds", "Audio that was given up before it was heard."),
    "model_failures": ("model_failures", "Rounds in which a model failed."),
    "untold": ("untold", "Changes that the store had no room for."),
    "busy_s": ("scoring_seconds", "Time in which the scoring thread worked."),
}
"""What a desk's statistics are called, and mean."""
WRITER: Mapping[str, str] = {
    "written": "Changes that were committed.",
    "left_out": "Changes of calls that were purged, or that did not follow.",
    "broken": "Changes that the database did not take.",
    "refused": "Changes that were not taken, the backlog being full.",
    "commits": "Transactions.",
    "failures": "Transactions that failed and were tried again.",
}


def exposition(services: Services) -> bytes:
    """All counts as text."""
    registry = CollectorRegistry()
    registry.register(_Counts(services))
    ProcessCollector(namespace="tonfall", registry=registry)
    return generate_latest(registry)


class _Counts(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        services = self._services
        yield from _desk(services)
        yield from _writer(services)
        yield from _carriers(services.switchboard.totals)
        yield from _http(services)
        yield from _priors(services)


def _desk(services: Services) -> Iterator[Metric]:
    found = asdict(services.desk.statistics())
    for name, (metric, help_) in GAUGES.items():
        yield _gauge(metric, help_, found[name])
    for name, (metric, help_) in DESK.items():
        yield _counter(metric, help_, found[name])


def _writer(services: Services) -> Iterator[Metric]:
    found = asdict(services.writer.counters())
    yield _gauge("store_waiting", "Changes that wait for the database.", found["waiting"])
    yield _gauge("store_oldest_seconds", "For how long the oldest has.", found["oldest_s"])
    for name, help_ in WRITER.items():
        yield _counter(f"store_{name}", help_, found[name])
    state = GaugeMetricFamily("tonfall_store_state", "1 for the state it is in.", labels=["state"])
    state.add_metric([str(services.writer.state)], 1)
    yield state


def _carriers(totals: Mapping[str, Totals]) -> Iterator[Metric]:
    gauge = GaugeMetricFamily("tonfall_connections", "Connections now.", labels=["carrier"])
    for carrier, each in totals.items():
        gauge.add_metric([carrier], each.open)
    yield gauge
    for name in ("connections", "calls", "incomplete", "busy", "expired", "overfull"):
        text = f"Of each telephone system: {name}, since the start."
        family = CounterMetricFamily(f"tonfall_carrier_{name}", text, labels=["carrier"])
        for carrier, each in totals.items():
            family.add_metric([carrier], getattr(each, name))
        yield family
    yield _by("refusals", "Connections that were not accepted.", "reason", totals)
    yield _by("rejects", "Connections that broke the protocol.", "code", totals)
    yield _by("seen", "What closed connections had brought.", "what", totals)


def _by(name: str, help_: str, label: str, totals: Mapping[str, Totals]) -> Metric:
    family = CounterMetricFamily(f"tonfall_carrier_{name}", help_, labels=["carrier", label])
    for carrier, each in totals.items():
        for value, count in getattr(each, name).items():
            family.add_metric([carrier, value], count)
    return family


def _http(services: Services) -> Iterator[Metric]:
    hub, analyses = services.hub, services.analyses
    yield _gauge("event_streams", "Clients that follow events.", len(hub))
    yield _counter("events_told", "Events that were passed on.", hub.told)
    yield _counter("event_streams_dropped", "Clients that read too slowly.", hub.dropped)
    yield _gauge("analyses", "Recordings that are analysed or wait.", analyses.jobs)
    yield _counter("analyses_done", "Recordings that were analysed.", analyses.done)
    yield _counter("analyses_failed", "Recordings that could not be.", analyses.failed)
    yield _counter("analyses_refused", "Recordings too many.", services.uploads.refused)
    yield _counter("wrong_keys", "Requests with a wrong key.", services.access.failures)
    sent = CounterMetricFamily(
        "tonfall_alert_deliveries", "Alerts sent to webhooks, mail and log.", labels=["outcome"]
    )
    for outcome, count in services.deliveries.items():
        sent.add_metric([outcome], count)
    yield sent
    opened = CounterMetricFamily(
        "tonfall_alerts_opened",
        "Alerts opened, by the name of the rule and where its threshold comes from.",
        labels=["rule", "origin"],
    )
    for (rule, origin), count in services.desk.opened_alerts().items():
        opened.add_metric([rule, origin], count)
    yield opened
    yield _gauge("event_loop_lag_seconds", "By how much sockets waited.", services.lag_s)
    yield _gauge("draining", "1 while the server is about to stop.", float(services.draining))


def _priors(services: Services) -> Iterator[Metric]:
    if services.desk.priors is None:
        return
    found = services.desk.priors.states()
    lines = GaugeMetricFamily(
        "tonfall_priors", "Lines by the state of their prior.", labels=["state"]
    )
    for state in PriorState:
        lines.add_metric([str(state)], found.get(state, 0))
    yield lines


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tonfall_{name}", help_, value=value)


def _counter(name: str, help_: str, value: float) -> Metric:
    return CounterMetricFamily(f"tonfall_{name}", help_, value=value)
