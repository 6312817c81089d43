"""The priors of a server's lines: what new calls start from, and what ended calls add to them.

A line is a tenant's carrier. What a call adds is taken once its end is written and nobody objected,
and added at once to the one sum of all that wait for the next batch: no caller can be taken out of
it any more, so where somebody in it objects or is erased, the whole of it is dropped. It is in
memory only, and lost when the server stops; twenty callers make a batch, which the store takes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tonfall.adaptation import LEAST_CALLERS, PRIOR_WEIGHT_S, Callers
from tonfall.errors import ConfigError, ServiceError
from tonfall.runtime import Baseline, Predictor, starting_baseline
from tonfall.serve.store import Store
from tonfall.serve.store.prior_rows import Batch, Line, Outcome, PriorRow, PriorState, start_of
from tonfall.serve.store.priors import Sinks

__all__ = ["Learner", "LinePriors", "Start"]

_log = logging.getLogger(__name__)

LOOK_S = 1.0
"""Seconds between two looks at what other nodes, or persons, did to the priors."""
PATIENCE_S = 600.0
"""Seconds in which the end of a call must be written, or what it adds is dropped."""
MOST_WAITING = 1_000
"""Calls whose end is not written yet; of more, the oldest is dropped."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a call starts from in place of the bundle's prior."""

    version: str
    baseline: Baseline


class Learner(Protocol):
    """Takes what a call adds."""

    def offer(
        self, call: str, tenant: str, carrier: str, *, caller: str | None, heard: Callers
    ) -> None:
        """A call ends, of which this was heard; never waits."""


@dataclass(slots=True)
class _Ended:
    """What a call adds, until its end is written."""

    call: str
    line: Line
    caller: str | None
    heard: Callers
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Waiting:
    """What waits for the next batch of a line: one sum, and whose it is."""

    generation: int
    heard: Callers | None = None
    calls: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)


class LinePriors:
    """Owns the thread that learns priors; the rest may be used from any thread.

    Args:
        store: where they are kept.
        predictor: the model; its priors alone are looked at.
        sinks: to which outlets, by name, a tenant is told that a line is frozen.

    Raises:
        ConfigError: the model has no baseline.
        ServiceError: the database cannot be used now.
    """

    def __init__(self, store: Store, predictor: Predictor, *, sinks: Sinks | None = None) -> None:
        if predictor.spec.baseline is None:
            raise ConfigError(
                f"model.adapt is true, but the model {predictor.name} has no baseline that a prior "
                "could be learnt for; take another model, or set model.adapt to false."
            )
        self._store = store
        self._predictor = predictor
        self._shipped = predictor.baseline().prior
        self._sinks = sinks
        self._rows: Mapping[Line, PriorRow] = {}
        self._starts: dict[Line, Start] = {}
        self._ended: deque[_Ended] = deque(maxlen=MOST_WAITING)
        self._waiting: dict[Line, _Waiting] = {}
        self._purged: deque[str] = deque()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._news_of_priors = False
        self._stopping = False
        self._looked = 0.0
        self._look()
        self._thread = threading.Thread(target=self._run, name="tonfall-priors", daemon=True)
        self._thread.start()

    def start(self, tenant: str, carrier: str) -> Start | None:
        """What a call that begins now starts from; None for the bundle's prior."""
        return self._starts.get(self._line(tenant, carrier))

    def offer(
        self, call: str, tenant: str, carrier: str, *, caller: str | None, heard: Callers
    ) -> None:
        """A call ends, of which this was heard; it is added once the end is written."""
        self._ended.append(_Ended(call, self._line(tenant, carrier), caller, heard))

    def told(self, kind: str, call: str) -> None:
        """An event was written: a call may have ended, or somebody on it objected."""
        if kind == "call.purged":
            self._purged.append(call)
        self._news_of_priors |= kind.startswith("prior.")
        if self._news_of_priors or kind in ("call.closed", "call.purged"):
            self._news.set()

    def waiting(self, tenant: str) -> dict[str, int]:
        """How many callers of each of a tenant's carriers wait here for the next batch."""
        with self._lock:
            return {
                line.carrier: waiting.heard.callers
                for line, waiting in self._waiting.items()
                if line.tenant == tenant and waiting.heard
            }

    def states(self) -> Mapping[PriorState, int]:
        """How many lines, of all tenants, stand where."""
        return Counter(row.state for row in self._rows.values())

    def close(self) -> None:
        """End the thread; what waits is lost."""
        self._stopping = True
        self._news.set()
        self._thread.join()

    def _line(self, tenant: str, carrier: str) -> Line:
        return Line(tenant, carrier, self._predictor.hash)

    def _run(self) -> None:
        while not self._stopping:
            self._news.wait(LOOK_S)
            self._news.clear()
            try:
                self._turn()
            except ServiceError as error:
                _log.warning("Priors wait: %s", error)
                time.sleep(LOOK_S)
            except Exception:
                _log.exception("Learning priors failed by an error of ours; it is tried again.")
                time.sleep(LOOK_S)

    def _turn(self) -> None:
        if self._news_of_priors or time.monotonic() - self._looked > LOOK_S:
            self._look()
        self._forget()
        self._take()
        for line, waiting in list(self._waiting.items()):
            if waiting.heard and waiting.heard.callers >= LEAST_CALLERS:
                self._publish(line, waiting)

    def _look(self) -> None:
        """What the priors are now; whatever was set back starts anew here too."""
        self._news_of_priors, self._looked = False, time.monotonic()
        rows = {row.line: row for row in self._store.priors.list(model_hash=self._predictor.hash)}
        for line, row in rows.items():
            known = self._starts.get(line)
            if row.version is not None and (known is None or known.version != row.version):
                self._read(line)
        for line in [each for each in self._starts if not _in_use(rows.get(each))]:
            del self._starts[line]
        with self._lock:
            self._rows = rows
            for line, waiting in list(self._waiting.items()):
                if waiting.generation != self._generation(line) or self._frozen(line):
                    del self._waiting[line]

    def _read(self, line: Line) -> None:
        """It may be newer than the one that was listed."""
        newest = self._store.priors.newest(line)
        if newest is not None:
            version, callers = newest
            mean: npt.NDArray[np.float64] = np.array(start_of(callers, self._shipped), np.float64)
            own = {"weight_s": PRIOR_WEIGHT_S, "model_hash": self._predictor.hash}
            self._starts[line] = Start(version, starting_baseline(mean, **own))  # type: ignore[arg-type]

    def _generation(self, line: Line) -> int:
        row = self._rows.get(line)
        return row.generation if row else 0

    def _frozen(self, line: Line) -> bool:
        row = self._rows.get(line)
        return row is not None and row.state is PriorState.FROZEN

    def _forget(self) -> None:
        """Somebody objected, or was erased: no sum in which they are is kept."""
        gone = {self._purged.popleft() for _ in range(len(self._purged))}
        if not gone:
            return
        with self._lock:
            for line, waiting in list(self._waiting.items()):
                if not gone.isdisjoint(waiting.calls):
                    del self._waiting[line]
                    _log.info("What was learnt of a line since its last version is dropped.")

    def _take(self) -> None:
        """Add what calls brought whose end is written by now."""
        offered = [self._ended.popleft() for _ in range(len(self._ended))]
        if not offered:
            return
        try:
            over = self._store.priors.ended([each.call for each in offered])
        except ServiceError:
            self._ended.extendleft(reversed(offered))
            raise
        for each in offered:
            if over.get(each.call):
                self._add(each)
            elif each.call not in over and time.monotonic() - each.since < PATIENCE_S:
                self._ended.append(each)

    def _add(self, ended: _Ended) -> None:
        """Into the sum, unless the caller is in it already, or the line learns nothing now."""
        if self._frozen(ended.line):
            return
        with self._lock:
            fresh = _Waiting(self._generation(ended.line))
            waiting = self._waiting.setdefault(ended.line, fresh)
            who = ended.caller or ended.call
            if who not in waiting.known:
                waiting.known.add(who)
                waiting.calls.append(ended.call)
                heard = waiting.heard
                waiting.heard = heard.joined(ended.heard) if heard else ended.heard

    def _publish(self, line: Line, waiting: _Waiting) -> None:
        assert waiting.heard is not None
        batch = Batch(
            line=line,
            callers=waiting.heard,
            calls=tuple(waiting.calls),
            generation=waiting.generation,
            model=self._predictor.name,
            shipped=self._shipped,
            weight_s=PRIOR_WEIGHT_S,
        )
        outcome, last = self._store.priors.add(batch, sinks=self._sinks)
        with self._lock:
            self._waiting.pop(line, None)  # Gone already where it was set back meanwhile.
        _say(outcome, line)
        self._store.announce(last)
        self._look()


def _in_use(row: PriorRow | None) -> bool:
    return row is not None and row.version is not None


def _say(outcome: Outcome, line: Line) -> None:
    if outcome is Outcome.FROZEN:
        _log.warning(
            "The prior of %s by %s is frozen: the newest callers sound unlike all before. Accept "
            "or reject them, or reset it, at /v1/priors/%s.",
            *(line.tenant, line.carrier, line.carrier),
        )
    elif outcome is Outcome.PUBLISHED:
        _log.info("Calls of %s by %s start from a new prior.", line.tenant, line.carrier)
    else:
        _log.info("A batch of %s by %s was dropped.", line.tenant, line.carrier)
