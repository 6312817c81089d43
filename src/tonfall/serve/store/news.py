"""Word of new events from other nodes: PostgreSQL's LISTEN, in a thread.

What is heard is a number, the highest id; the events themselves are read from the table, so a
lost word costs a moment, never an event. After a lost connection the listener asks for the
highest id itself. SQLite has one node only, which is told by its own commits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol

from tonfall.errors import ServiceError
from tonfall.serve.store.database import POSTGRESQL_ARGUMENTS, Database
from tonfall.serve.store.logs import CHANNEL

__all__ = ["Listener", "Listening", "listen"]

logger = logging.getLogger(__name__)

TURN_S = 0.5
LONGEST_PAUSE_S = 5.0

OnNews = Callable[[int], None]


class Listening(Protocol):
    """What ends listening."""

    def close(self) -> None:
        """Hear nothing more."""


def listen(database: Database, last_event: Callable[[], int], on_news: OnNews) -> Listening:
    """Call ``on_news`` with the highest id of an event, from another thread, as often as it rises.

    Args:
        database: PostgreSQL.
        last_event: tells that id, after a lost connection.
        on_news: must be quick, for it is called from the listening thread.
    """
    return Listener(database, last_event, on_news)


class Listener:
    """A thread that waits at PostgreSQL's channel."""

    def __init__(self, database: Database, last_event: Callable[[], int], on_news: OnNews) -> None:
        self._database = database
        self._last_event = last_event
        self._on_news = on_news
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tonfall-listener", daemon=True)
        self._thread.start()
        self._ready.wait(POSTGRESQL_ARGUMENTS["connect_timeout"])  # type: ignore[arg-type]

    @property
    def connected(self) -> bool:
        """True while word comes through."""
        return self._ready.is_set()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        import psycopg

        pause = TURN_S
        while not self._ended.is_set():
            try:
                with closing(self._connect()) as connection:
                    pause = TURN_S
                    self._hear(connection)
            except (psycopg.Error, ServiceError) as error:
                self._ready.clear()
                logger.warning("no word from other nodes: %s", type(error).__name__)
                self._ended.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _connect(self) -> Any:
        import psycopg

        url = self._database.url.set(drivername="postgresql")
        where = url.render_as_string(hide_password=False)
        arguments: dict[str, Any] = dict(POSTGRESQL_ARGUMENTS)
        return psycopg.connect(where, autocommit=True, **arguments)

    def _hear(self, connection: Any) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._tell(self._last_event())  # what came before we listened
        self._ready.set()
        while not self._ended.is_set():
            for word in connection.notifies(timeout=TURN_S, stop_after=1):
                self._tell(int(word.payload))

    def _tell(self, news: int) -> None:
        try:
            self._on_news(news)
        except Exception:  # whoever listens must not end the thread
            logger.exception("a listener for events failed")
