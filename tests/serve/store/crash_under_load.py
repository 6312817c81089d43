"""Run by a test and killed by it: writes as fast as a busy node, and prints what is acknowledged.

Each line is printed when it is true: ``heard N`` when window N was submitted, ``begins`` before the
changes of a commit are taken, ``committed N`` when one of N changes is on the disk, ``acknowledged
ID`` when ``write_now`` of that alert's move has returned.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from store_calls import MadeCall

from tonfall.serve.records import AlertState, Change
from tonfall.serve.store import Store, Writer
from tonfall.serve.store.applying import Applied

WINDOWS_A_SECOND = 200


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Telling(Writer):
    """A writer that says what it does."""

    def _next_group(self) -> list[Any]:
        say("begins")
        return super()._next_group()

    def _commit(self, changes: Sequence[Change]) -> Applied:
        applied = super()._commit(changes)
        say("committed", len(changes))
        return applied


def acknowledge(writer: Writer, call: MadeCall) -> None:
    """Open an alert and acknowledge it, again and again, as a supervisor would not."""
    while True:
        alert = call.alert()
        writer.submit(alert)
        writer.write_now(call.moved(alert, AlertState.ACKNOWLEDGED), timeout_s=60)
        say("acknowledged", alert.alert)
        time.sleep(0.15)  # or every window would be written with the next acknowledgement


def main() -> None:
    writer = Telling(Store.open(sys.argv[1], create=False))
    call = MadeCall()
    writer.write_now(call.opened())
    say("call", call.id)
    threading.Thread(target=acknowledge, args=(writer, call), daemon=True).start()
    begin = time.monotonic()
    for number in range(1_000_000):
        writer.submit(call.window(number))
        say("heard", number)
        time.sleep(max(0.0, begin + (number + 1) / WINDOWS_A_SECOND - time.monotonic()))


if __name__ == "__main__":
    main()
