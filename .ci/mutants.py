"""Plant faults in a package, one at a time, and see which its tests miss.

    python .ci/mutants.py PACKAGE MUTMUT [MUTANT ...]

PACKAGE is a key of ``TESTS``, MUTMUT the program; a MUTANT is a name with wildcards, such as
``tonfall.runtime.baseline*``, where not all are wanted. The tree is copied to .venvs/mutants/, so
that nothing is changed here, and a second run only tries what the first did not. Survivors are
printed as the lines that were changed; what they mean is written in docs/experiments/mutants.md.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS = {
    "runtime": ("tests/runtime", "tests/golden"),
    "streaming": ("tests/streaming", "tests/golden"),
    "vad": ("tests/vad",),
    "learn": ("tests/learn",),
    "serve/store": ("tests/serve/store",),
}
"""What is run for each package: its own tests, which are narrow, and the golden scores."""

# Changed words of a message, and lengths that zip checks twice, are no faults worth hours.
SETTINGS = r"""[mutmut]
source_paths = src
only_mutate = src/tonfall/{package}/*
do_not_mutate_patterns =
    ^\s*f?"
    strict=
    raise\s
also_copy =
    .ci
    benchmarks
    docs
    examples
    recipes
    NOTICE
    README.md
pytest_add_cli_args =
    -m
    not slow
    -k
    {chosen}
pytest_add_cli_args_test_selection =
    {tests}
track_dependencies = false
"""

CHOSEN = {"runtime": "not small and not medium", "streaming": "not small and not medium"}
"""The tiny model's golden scores are quick; those of the bundled models say the same of code."""


def copy_tree(tree: Path) -> None:
    """Copy every tracked file, and write the tool's settings beside them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target)


def main() -> int:
    """Run the tool, print the survivors; its status."""
    package, program, *chosen = sys.argv[1:]
    if package not in TESTS:
        sys.stderr.write(f"MUTATED is {package!r}, but it is one of {', '.join(TESTS)}.\n")
        return 2
    tool = str(Path(program).absolute())
    tree = REPOSITORY / ".venvs" / "mutants" / "trees" / package.replace("/", "-")
    copy_tree(tree)
    (tree / "setup.cfg").write_text(
        SETTINGS.format(
            package=package,
            tests="\n    ".join(TESTS[package]),
            chosen=CHOSEN.get(package, "not zzz"),
        )
    )
    done = subprocess.run([tool, "run", *chosen], cwd=tree, check=False)
    results = subprocess.run(
        [tool, "results"], cwd=tree, capture_output=True, text=True, check=True
    )
    for line in results.stdout.splitlines():
        name, _, outcome = line.strip().partition(": ")
        if outcome == "survived":
            subprocess.run([tool, "show", name], cwd=tree, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
