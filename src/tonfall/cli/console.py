"""Where the command line writes with rich: file names and messages appear as they are.

Rich takes "[av]" for a style and ":cat:" for a picture unless it is told not to; here it is.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["bars", "console", "one_line", "print_line"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def one_line(text: str) -> str:
    r"""Text with escapes for what moves or colours a terminal, as a file's name may hold it.

    >>> one_line("a\nb.wav")
    'a\\nb.wav'
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def console(*, pipe_width: int = 100) -> Console:
    """Standard output; ``pipe_width`` columns where it is no terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else pipe_width
    return Console(width=width, highlight=False, markup=False, emoji=False)


def print_line(text: str, *, style: str | None = None) -> None:
    """A sentence on standard output, wrapped by words in a terminal, one line elsewhere."""
    console().print(text, style=style, soft_wrap=not sys.stdout.isatty())


def bars() -> Progress:
    """Progress bars on standard error that vanish when they are done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, emoji=False),
        transient=True,
    )
