"""What writers remember of calls is never wrong, whoever purged or erased them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_calls import MadeCall

from tonfall.serve.records import Change, StoredEvent
from tonfall.serve.store import Store
from tonfall.serve.store.applying import Memory, apply
from tonfall.serve.store.logs import EventLog

CALLS, NODES = 3, 2
OPERATIONS = st.sampled_from(["open", "window", "window", "purge", "close", "erase"])
STEPS = st.lists(
    st.tuples(
        st.integers(0, NODES - 1),
        st.lists(st.tuples(OPERATIONS, st.integers(0, CALLS - 1)), min_size=1, max_size=5),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One SQLite store for all examples, each of which has calls of its own."""
    folder: Path = tmp_path_factory.mktemp("memory")
    opened = Store.open(f"sqlite:///{folder}/tonfall.db")
    yield opened
    opened.close()


class Model:
    """What should be there: of each call whether it is, whether it was purged, its windows."""

    def __init__(self, calls: list[MadeCall]) -> None:
        self.calls = calls
        self.windows: dict[int, int] = {}
        self.purged: set[int] = set()

    def change(self, operation: str, place: int) -> tuple[Change, bool]:
        """The change, and whether it should be taken."""
        call, there = self.calls[place], place in self.windows
        if operation == "open":
            self.windows[place] = 0
            return call.opened(), True
        if operation == "window":
            taken = there and place not in self.purged
            self.windows[place] = self.windows[place] + 1 if taken else self.windows.get(place, 0)
            if not there:
                del self.windows[place]
            return call.window(), taken
        if operation == "purge":
            if there:
                self.windows[place] = 0
                self.purged.add(place)
            return call.purged(), there
        return call.closed(), there

    def erase(self, place: int) -> None:
        self.windows.pop(place, None)
        self.purged.discard(place)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_two_nodes_take_and_leave_out_what_they_should(
    one_store: Store, steps: list[tuple[int, list[tuple[str, int]]]]
) -> None:
    model = Model([MadeCall() for _ in range(CALLS)])
    memories: list[Memory | None] = [None] * NODES
    for node, operations in steps:
        group: list[tuple[Change, bool]] = []
        for operation, place in operations:
            if operation == "erase":
                _commit(one_store, group, memories, node)
                group = []
                one_store.erase("acme", call=model.calls[place].id, actor="officer")
                model.erase(place)
            elif operation != "open" or place not in model.windows:
                group.append(model.change(operation, place))
        _commit(one_store, group, memories, node)
    for place, call in enumerate(model.calls):
        assert (one_store.call("acme", call.id) is not None) == (place in model.windows)
        assert len(one_store.windows("acme", call.id)) == model.windows.get(place, 0)


def _commit(
    store: Store, group: list[tuple[Change, bool]], memories: list[Memory | None], node: int
) -> None:
    with store.database.writing() as connection:
        applied = apply(
            connection,
            [change for change, _ in group],
            log=EventLog(connection),
            node=f"node {node}",
            memory=memories[node],
        )
    memories[node] = applied.memory
    taken = [isinstance(outcome, StoredEvent) for outcome in applied.outcomes]
    assert taken == [wanted for _, wanted in group]
