"""Makes Markdown of docstrings for the API pages: examples become code, roles become names.

The pages take Markdown, which knows neither ``>>>`` nor roles such as ``:class:``.
"""

from __future__ import annotations

import re

import griffe

__all__ = ["MarkdownDocstrings", "fence", "plain_roles"]

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", flags=re.MULTILINE)
"""From a prompt at the margin to the next blank line."""
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`(?P<short>~)?\.?(?P<name>[\w.]+)`")


class MarkdownDocstrings(griffe.Extension):
    """Changes each docstring that is read."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Change one object's docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = plain_roles(fence(obj.docstring.value))


def fence(text: str) -> str:
    """The text with each example between fences."""
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)


def plain_roles(text: str) -> str:
    """The text with the name in each role, of which ``~`` leaves the last part."""

    def name(found: re.Match[str]) -> str:
        return f"`{found['name'].rpartition('.')[2] if found['short'] else found['name']}`"

    return ROLE.sub(name, text)
