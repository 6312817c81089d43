"""The call engine: live calls, scored together off the event loop."""

from tonfall.serve.calls.desk import Busy, Desk, Statistics
from tonfall.serve.calls.live import LiveCall, Submit
from tonfall.serve.calls.policy import AgentScoring, CallLimits, Purpose, ScoringPolicy

__all__ = [
    "AgentScoring",
    "Busy",
    "CallLimits",
    "Desk",
    "LiveCall",
    "Purpose",
    "ScoringPolicy",
    "Statistics",
    "Submit",
]
