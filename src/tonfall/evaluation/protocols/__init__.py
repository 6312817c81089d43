"""Which items train, which choose and which test: pinned, and honest about what is shared."""

from tonfall.evaluation.protocols.development import carve_development
from tonfall.evaluation.protocols.emobox import cross_pair, emobox
from tonfall.evaluation.protocols.emosuperb import cremad_rotations
from tonfall.evaluation.protocols.making import (
    Rules,
    all_tested,
    assemble,
    grouped_folds,
    leave_one_heard,
    leave_one_out,
    official_split,
    train_on,
)
from tonfall.evaluation.protocols.protocol import DEVELOPMENT, PARTS, TEST, TRAIN, Protocol, Shared
from tonfall.evaluation.protocols.registry import (
    FAMILIES,
    FOUR,
    FOUR_CLASSES,
    SIX,
    Family,
    Sources,
    corpora_of,
    find_protocol,
    pins,
)
from tonfall.evaluation.protocols.sharing import shared_between_parts
from tonfall.evaluation.protocols.storage import SCHEMA_VERSION, read_protocol, write_protocol

__all__ = [
    "DEVELOPMENT",
    "FAMILIES",
    "FOUR",
    "FOUR_CLASSES",
    "PARTS",
    "SCHEMA_VERSION",
    "SIX",
    "TEST",
    "TRAIN",
    "Family",
    "Protocol",
    "Rules",
    "Shared",
    "Sources",
    "all_tested",
    "assemble",
    "carve_development",
    "corpora_of",
    "cremad_rotations",
    "cross_pair",
    "emobox",
    "find_protocol",
    "grouped_folds",
    "leave_one_heard",
    "leave_one_out",
    "official_split",
    "pins",
    "read_protocol",
    "shared_between_parts",
    "train_on",
    "write_protocol",
]
