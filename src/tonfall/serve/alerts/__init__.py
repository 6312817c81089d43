"""Alerts: rules over a call's affect, and who is told."""

from tonfall.serve.alerts.rules import Condition, Rule, Severity, default_rules, read_rules
from tonfall.serve.alerts.watch import Firing, Observation, Over, Watch, check_rules

__all__ = [
    "Condition",
    "Firing",
    "Observation",
    "Over",
    "Rule",
    "Severity",
    "Watch",
    "check_rules",
    "default_rules",
    "read_rules",
]
