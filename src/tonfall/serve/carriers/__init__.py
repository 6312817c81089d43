"""The sockets of telephone systems: what comes in goes through a codec to a live call."""

from tonfall.serve.carriers.doors import Doors, Knock, Refusal
from tonfall.serve.carriers.pace import Pace
from tonfall.serve.carriers.ports import open_ports
from tonfall.serve.carriers.session import Close, Closing, Session, Timeouts
from tonfall.serve.carriers.switchboard import CARRIERS, Switchboard
from tonfall.serve.carriers.totals import Totals

__all__ = [
    "CARRIERS",
    "Close",
    "Closing",
    "Doors",
    "Knock",
    "Pace",
    "Refusal",
    "Session",
    "Switchboard",
    "Timeouts",
    "Totals",
    "open_ports",
]
