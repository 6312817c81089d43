"""Clips as acoustic features are computed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonfall.arrays import FloatArray
from tonfall.contents import code_hash
from tonfall.corpora.clips import Clip, read_clip
from tonfall.corpora.contents import clip_hash

__all__ = ["ClipSound", "Degrade"]

Degrade = Callable[[FloatArray, str], FloatArray]
"""Takes a (samples,) waveform at 16 kHz and the item's name; gives back the worse one."""


@dataclass(frozen=True, slots=True)
class ClipSound:
    """A clip, of which features are computed; see `tonfall.features.row_tasks.Sound`.

    Attributes:
        clip: where it is.
        degrade: what it goes through first, and a name of it that changes whenever it would give
            another sound.
    """

    clip: Clip
    degrade: tuple[str, Degrade] | None = None

    @property
    def file(self) -> Path:
        """The recording that it is a part of."""
        return self.clip.file

    @property
    def start(self) -> float:
        """Where it begins there, in seconds."""
        return self.clip.start

    def key(self) -> str:
        """By content: that of its file where it is all of it, so that the file's row serves.

        Raises:
            ManifestError: the file cannot be read.
        """
        content = clip_hash(self.clip)
        if self.clip.start or self.clip.end is not None:
            content += f" {code_hash('corpora/clips.py')}"
        if self.degrade is None:
            return content
        return f"{content} {self.degrade[0]} {self.clip.item}"  # the item's name seeds its noise

    def samples(self) -> FloatArray:
        """As it is heard.

        Raises:
            AudioError: see `tonfall.corpora.clips.read_stretch`.
        """
        samples = read_clip(self.clip)
        return samples if self.degrade is None else self.degrade[1](samples, self.clip.item)
