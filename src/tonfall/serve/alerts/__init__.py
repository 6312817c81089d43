"""Alerts: rules over a call's affect, and who is told."""

from tonfall.serve.alerts.delivery import Deliverer
from tonfall.serve.alerts.notices import Notification
from tonfall.serve.alerts.outlets import Outlet, Outlets, build_outlets
from tonfall.serve.alerts.rules import Condition, Rule, Severity, default_rules, read_rules
from tonfall.serve.alerts.watch import Firing, Observation, Over, Usual, Watch, check_rules

__all__ = [
    "Condition",
    "Deliverer",
    "Firing",
    "Notification",
    "Observation",
    "Outlet",
    "Outlets",
    "Over",
    "Rule",
    "Severity",
    "Usual",
    "Watch",
    "build_outlets",
    "check_rules",
    "default_rules",
    "read_rules",
]
