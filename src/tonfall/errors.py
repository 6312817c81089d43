"""Every error that Tonfall raises on purpose.

    TonfallError
    ├── AudioError        a recording or stream cannot be used
    ├── ManifestError     a table of recordings or labels is wrong
    ├── ConfigError       an option, a recipe or a settings file is wrong
    ├── BundleError       a model folder is missing, altered or too new
    ├── ProtocolError     train and test parts do not fit together
    └── ServiceError      something outside did not answer; says if a retry can help

Each message is one sentence or two: what was found, what was expected, what to do.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "BundleError",
    "ConfigError",
    "ManifestError",
    "ProtocolError",
    "ServiceError",
    "TonfallError",
]


class TonfallError(Exception):
    """Root of the tree: catch it to catch every deliberate error of Tonfall."""


class AudioError(TonfallError):
    """A recording, a stream or an array of samples cannot be used."""


class ManifestError(TonfallError):
    """A manifest, a corpus release or a table of labels is not as expected."""


class ConfigError(TonfallError):
    """An option, a recipe or a settings file has a value that cannot be used."""


class BundleError(TonfallError):
    """A model bundle is missing, altered, too new, or does not fit the input."""


class ProtocolError(TonfallError):
    """An evaluation protocol is inconsistent, or its items are missing."""


class ServiceError(TonfallError):
    """Something outside the process failed.

    Args:
        message: what happened and what to do.
        retry: True where the same call may succeed later.
    """

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry
