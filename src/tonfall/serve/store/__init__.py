"""What a server keeps: calls, their windows, turns and alerts, events, deliveries, keys, audit.

SQLite in one file, or PostgreSQL by URL; the same tables and the same promises:

- A **transaction** holds a change and the event that others see of it, so nobody is told of what
  was not written. Events are numbered in the order of commits, over all nodes, with none left out.
- A **crash** of the process, of the database or of the machine loses at most the windows that came
  since the last commit began, and nothing that was acknowledged: every commit is on the disk
  before it is told of.
- **Nothing** that is deleted comes back: what arrives for a purged or erased call is left out.
- No audio, words, names, numbers or features of a voice are kept; a caller is a salted hash.

A node opens one :class:`Store`, one :class:`Writer` and one :class:`Keeper`. What calls bring goes
through the writer; what persons ask for goes to the store from any thread.

>>> import tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> store = Store.open(f"sqlite:///{folder.name}/tonfall.db")
>>> secret = store.keys.create("acme", ["ingest"])
>>> store.keys.find(secret).tenant
'acme'
>>> store.calls("acme").items
()
>>> store.close()
>>> folder.cleanup()
"""

from tonfall.serve.store.applying import GoneError, IllegalMoveError
from tonfall.serve.store.auditing import EVERYBODY, AuditCheck, LastCheck
from tonfall.serve.store.callers import plain_caller
from tonfall.serve.store.curves import CurveKey, CurveRow, Curves
from tonfall.serve.store.database import StoreError
from tonfall.serve.store.delivering import Delivery, DeliveryState
from tonfall.serve.store.exporting import Export
from tonfall.serve.store.keeping import Keeper
from tonfall.serve.store.keys import Key
from tonfall.serve.store.news import Listening
from tonfall.serve.store.nodes import LOST, Node
from tonfall.serve.store.objecting import caller_hash
from tonfall.serve.store.payloads import alert_payload, call_payload, turn_payload, window_payload
from tonfall.serve.store.retaining import Retention
from tonfall.serve.store.rows import (
    AlertRow,
    AuditLine,
    CallRow,
    CallState,
    Counts,
    Page,
    TurnRow,
    WindowRow,
)
from tonfall.serve.store.store import Store
from tonfall.serve.store.writer import Writer, WriterCounters, WriterState

__all__ = [
    "EVERYBODY",
    "LOST",
    "AlertRow",
    "AuditCheck",
    "AuditLine",
    "CallRow",
    "CallState",
    "Counts",
    "CurveKey",
    "CurveRow",
    "Curves",
    "Delivery",
    "DeliveryState",
    "Export",
    "GoneError",
    "IllegalMoveError",
    "Keeper",
    "Key",
    "LastCheck",
    "Listening",
    "Node",
    "Page",
    "Retention",
    "Store",
    "StoreError",
    "TurnRow",
    "WindowRow",
    "Writer",
    "WriterCounters",
    "WriterState",
    "alert_payload",
    "call_payload",
    "caller_hash",
    "plain_caller",
    "turn_payload",
    "window_payload",
]
