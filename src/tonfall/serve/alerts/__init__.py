"""Alerts: rules over a call's affect, and who is told."""

from tonfall.serve.alerts.budgets import (
    Budgets,
    CurveReader,
    Origin,
    RuleInUse,
    half_life_h,
    needed_h,
)
from tonfall.serve.alerts.delivery import Deliverer
from tonfall.serve.alerts.notices import Notification
from tonfall.serve.alerts.outlets import Outlet, Outlets, build_outlets
from tonfall.serve.alerts.rules import Condition, Rule, Severity, default_rules, read_rules
from tonfall.serve.alerts.tally import Tallies
from tonfall.serve.alerts.watch import Firing, Observation, Over, Usual, Watch, check_rules

__all__ = [
    "Budgets",
    "Condition",
    "CurveReader",
    "Deliverer",
    "Firing",
    "Notification",
    "Observation",
    "Origin",
    "Outlet",
    "Outlets",
    "Over",
    "Rule",
    "RuleInUse",
    "Severity",
    "Tallies",
    "Usual",
    "Watch",
    "build_outlets",
    "check_rules",
    "default_rules",
    "half_life_h",
    "needed_h",
    "read_rules",
]
