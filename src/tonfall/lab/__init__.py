"""The laboratory: models measured, compared and fitted to a site, from a program or a notebook.

    from tonfall import lab
    report = lab.evaluate("medium", "loso/emodb")
    report.figures["ua"].value

The commands ``evaluate``, ``compare``, ``adapt``, ``leaderboard`` and ``protocols`` call these.
"""

from tonfall.lab.adapting import Adapted, adapt
from tonfall.lab.augmenting import Augmented, augment
from tonfall.lab.comparing import compare
from tonfall.lab.conditions import read_conditions
from tonfall.lab.evaluating import calls, evaluate, site
from tonfall.lab.experiment import Experiment, find_places
from tonfall.lab.exporting import Exported, Wanted, export
from tonfall.lab.leaderboards import leaderboard
from tonfall.lab.measuring import Measured, measure
from tonfall.lab.measuring_calls import measure_calls
from tonfall.lab.measuring_nested import measure_nested
from tonfall.lab.progress import Step
from tonfall.lab.protocols import protocol

__all__ = [
    "Adapted",
    "Augmented",
    "Experiment",
    "Exported",
    "Measured",
    "Step",
    "Wanted",
    "adapt",
    "augment",
    "calls",
    "compare",
    "evaluate",
    "export",
    "find_places",
    "leaderboard",
    "measure",
    "measure_calls",
    "measure_nested",
    "protocol",
    "read_conditions",
    "site",
]
