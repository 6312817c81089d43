"""The model folder: what it says, reading, verifying and writing it."""

from tonfall.bundle.files import (
    Bundle,
    bundled_models,
    check_target,
    find_bundle,
    read_bundle,
    write_bundle,
)
from tonfall.bundle.schema import (
    SCHEMA_VERSION,
    Agreement,
    BaselineSpec,
    BundleSpec,
    Calibration,
    CorpusUse,
    FrontEnd,
    Gate,
    LeftOut,
    SiteUse,
    Windows,
    least_schema_version,
)

__all__ = [
    "SCHEMA_VERSION",
    "Agreement",
    "BaselineSpec",
    "Bundle",
    "BundleSpec",
    "Calibration",
    "CorpusUse",
    "FrontEnd",
    "Gate",
    "LeftOut",
    "SiteUse",
    "Windows",
    "bundled_models",
    "check_target",
    "find_bundle",
    "least_schema_version",
    "read_bundle",
    "write_bundle",
]
