"""The package as a whole: its public names, its weight on import, the shape of its files."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tonfall

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "src" / "tonfall"
MODULES = sorted(SOURCE.rglob("*.py"))
PACKAGES = sorted(
    f"tonfall.{found.name}"
    for found in pkgutil.iter_modules(tonfall.__path__)
    if found.ispkg and found.name != "bundles"
)
HEAVY = {
    "IPython",
    "alembic",
    "av",
    "fastapi",
    "matplotlib",
    "onnx",
    "pandas",
    "psycopg",
    "pyannote",
    "pyarrow",
    "rich",
    "sklearn",
    "sqlalchemy",
    "torch",
    "transformers",
    "typer",
    "uvloop",
    "websockets",
}
LONGEST_MODULE = 600


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def loaded_by(statement: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter holds after a statement."""
    script = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_exported_members_are_the_documented_api() -> None:
    page = (REPOSITORY / "docs" / "api" / "index.md").read_text()
    documented = re.findall(r"^::: tonfall\.(\w+)$", page, flags=re.MULTILINE)
    assert sorted(documented) == sorted(set(tonfall.__all__) - {"__version__"})


def test_every_exported_member_exists_and_is_listed() -> None:
    for name in tonfall.__all__:
        assert getattr(tonfall, name) is not None
    assert set(tonfall.__all__) <= set(dir(tonfall))


def test_an_unknown_member_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        tonfall.no_such_thing  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_names_its_public_members(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        member = getattr(module, name)
        assert not callable(member) or member.__doc__, f"{package}.{name} has no docstring"


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import tonfall") & HEAVY == set()


def test_help_loads_nothing_that_only_the_work_needs() -> None:
    run = "from tonfall.cli import main\nimport contextlib, sys\nsys.argv = ['tonfall', '--help']\n"
    quiet = "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr): main()"
    assert loaded_by(run + quiet) & (HEAVY - {"typer", "rich"}) == set()


def test_every_module_says_what_it_is() -> None:
    silent = [relative(path) for path in MODULES if not ast.get_docstring(tree(path))]
    assert silent == []


def test_no_module_is_too_long() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in MODULES}
    too_long = {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE}
    assert too_long == {}, "split them by subject"


def test_the_versions_agree() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert tonfall.__version__ == project["version"]
    assert f"\nversion: {project['version']}\n" in citation


def test_the_run_time_needs_neither_torch_nor_scikit_learn() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=\[ ]", line)[0].lower() for line in project["dependencies"]}
    assert needed & {"torch", "torchaudio", "scikit-learn", "transformers", "onnx"} == set()


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = {line for lines in (project["dependencies"], *extras) for line in lines}
    pins = re.findall(r"^([\w.-]+)==[\w.]+$", (REPOSITORY / "constraints.txt").read_text(), re.M)
    normal = {name.replace(".", "-") for name in pins}
    missing = {
        name
        for name in (re.split(r"[<>=\[ ;]", line)[0].lower() for line in asked)
        if name.replace(".", "-") not in normal
    }
    assert missing == set(), "run make constraints"


IMPORTED_AS = {
    "PyJWT": "jwt",
    "PyYAML": "yaml",
    "psycopg": "postgresql",
    "scikit-learn": "sklearn",
}
"""Distributions whose module has another name; psycopg is named in the URL of a database."""
USED_BY_OTHERS = {"python-multipart"}
"""FastAPI reads forms with it."""
FOR_DEVELOPERS = {"browser", "dev", "docs"}


def test_every_declared_dependency_is_used() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = project["dependencies"] + [
        each for extra in extras.keys() - FOR_DEVELOPERS for each in extras[extra]
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    for requirement in declared:
        (name,) = re.findall(r"^[\w.-]+", requirement)
        module = IMPORTED_AS.get(name, name.replace("-", "_"))
        used = re.search(rf"(?:import|from) {re.escape(module)}\b|[\"']{re.escape(module)}", source)
        assert used or name in USED_BY_OTHERS, f"{requirement} is declared and unused"
