"""Shows the examples of docstrings as code: the API pages take Markdown, which knows no ``>>>``."""

from __future__ import annotations

import re

import griffe

__all__ = ["FencedDoctests", "fence"]

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", flags=re.MULTILINE)
"""From a prompt at the margin to the next blank line."""


class FencedDoctests(griffe.Extension):
    """Puts fences around the examples of each docstring that is read."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Change one object's docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = fence(obj.docstring.value)


def fence(text: str) -> str:
    """The text with each example between fences."""
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
