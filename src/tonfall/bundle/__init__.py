"""The model folder: what it says, reading, verifying and writing it."""

from tonfall.bundle.files import Bundle, bundled_models, find_bundle, read_bundle, write_bundle
from tonfall.bundle.schema import (
    SCHEMA_VERSION,
    BaselineSpec,
    BundleSpec,
    Calibration,
    CorpusUse,
    FrontEnd,
    Gate,
    Windows,
)

__all__ = [
    "SCHEMA_VERSION",
    "BaselineSpec",
    "Bundle",
    "BundleSpec",
    "Calibration",
    "CorpusUse",
    "FrontEnd",
    "Gate",
    "Windows",
    "bundled_models",
    "find_bundle",
    "read_bundle",
    "write_bundle",
]
