"""EMO-SUPERB's rotations of CREMA-D (Wu et al., 2024): five sets of actors by number.

In each rotation one set is tested, the next one chooses, the other three train.
"""

from __future__ import annotations

import pandas as pd

from tonfall.evaluation.protocols.emobox import PACKED, emobox_items
from tonfall.evaluation.protocols.making import DEFAULT, Rules, assemble
from tonfall.evaluation.protocols.protocol import DEVELOPMENT, TEST, TRAIN, Protocol

__all__ = ["cremad_rotations"]

_FIRST_ACTORS = (1001, 1019, 1037, 1055, 1073)


def cremad_rotations(*, rules: Rules = DEFAULT) -> Protocol:
    """Five rotations over the 7,442 clips; no speaker is in two parts of one."""
    items = emobox_items("cremad")
    set_of = items["speaker"].astype(int).map(_set_of)
    parts = [
        pd.DataFrame(
            {
                "item": items["item"],
                "fold": str(test + 1),
                "part": set_of.map({test: TEST, (test + 1) % 5: DEVELOPMENT}).fillna(TRAIN),
            }
        )
        for test in range(5)
    ]
    return assemble(
        "emosuperb/cremad",
        pd.concat(parts, ignore_index=True),
        items,
        rules=rules,
        labels=PACKED["cremad"],
        notes=("Labels are the acted emotions; EMO-SUPERB scores listeners' votes.",),
    )


def _set_of(actor: int) -> int:
    return sum(actor >= first for first in _FIRST_ACTORS) - 1
