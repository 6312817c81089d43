"""Turn the declared lowest versions into constraints: ``lowest.py < pyproject.toml``.

The run-time dependencies and every extra but ``dev`` and ``docs``, whose tools users never
install. torch stays at the pin of ``constraints.txt``: its old wheels bring gigabytes of CUDA.
"""

from __future__ import annotations

import re
import sys
import tomllib

_LOWEST = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\w.]+)")
_TOOLS = ("dev", "docs")


def lowest(project: dict, pins: str) -> str:
    """The lowest version of everything that a user may install, and torch's pin."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    wanted += [entry for name, extra in extras.items() if name not in _TOOLS for entry in extra]
    found = [match for entry in wanted if (match := _LOWEST.match(entry))]
    torch = next(line for line in pins.splitlines() if line.startswith("torch=="))
    lines = {f"{match[1]}=={match[2]}" for match in found if match[1] != "torch"}
    return "\n".join([*sorted(lines), torch]) + "\n"


if __name__ == "__main__":
    with open("constraints.txt", encoding="utf-8") as stream:  # noqa: PTH123
        known = stream.read()
    sys.stdout.write(lowest(tomllib.load(sys.stdin.buffer)["project"], known))
