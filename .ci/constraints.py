"""Turn pip's installation report into constraints: ``constraints.py < report.json``.

Build tags such as ``+cpu`` are dropped, so that a pin fits every build of a release.
"""

from __future__ import annotations

import json
import sys

HEAD = """\
# Exact versions of everything that `make demo`, `make test` and `make docs` install,
# resolved on Python {python} by `make constraints`. Do not edit, but for torch (see the Makefile).
"""


def constraints(report: dict) -> str:
    """The pins in a report of ``pip install --dry-run --report``, sorted by name."""
    packages = (item["metadata"] for item in report["install"])
    pins = sorted(
        f"{package['name'].lower().replace('_', '-')}=={package['version'].partition('+')[0]}"
        for package in packages
        if package["name"] != "tonfall"
    )
    python = report["environment"]["python_version"]
    return HEAD.format(python=python) + "\n".join(pins) + "\n"


if __name__ == "__main__":
    sys.stdout.write(constraints(json.load(sys.stdin)))
