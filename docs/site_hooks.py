"""What the documentation site makes itself, so that it cannot fall behind the code.

The command reference is what the commands say of themselves; each bundled model's page is its
card; each package has an API page; each experiment's page is in the navigation; the changelog and
the guide for contributors are those of the repository. MkDocs calls the
functions named ``on_*`` (see ``hooks`` in mkdocs.yml). Nothing that is made here is written into
the docs folder.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

__all__ = ["api_pages", "command_reference", "made", "on_config", "on_files", "pages_in"]

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "src" / "tonfall"
NOT_IMPORTED = {"bundles", "cli"}
COMMANDS = """\
# Command line

Made from what `tonfall COMMAND --help` says. Results go to standard output, everything else to
standard error. The exit status is 0 where all went well, 1 where something failed, and 2 where
the command or its input cannot be used.
"""
PART = """\
::: tonfall.{name}
    options:
      show_root_full_path: true
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the sections of the navigation that list what there is.

    The page for what is not found goes: its links hold only where the site's address is known.
    """
    config.theme.static_templates.discard("404.html")
    sections = {
        "Server": pages_in(Path(config.docs_dir), "server"),
        "Models": ["models.md", *model_pages()],
        "Experiments": pages_in(Path(config.docs_dir), "experiments"),
        "Python API": ["api/index.md", *api_pages()],
    }
    for entry in config.nav or []:
        entry.update({title: pages for title, pages in sections.items() if title in entry})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    for path, content in made().items():
        files.append(File.generated(config, path, content=content))
    return files


def made() -> dict[str, str]:
    """Every page that is made here, by its path in the docs folder."""
    return {
        "command-line.md": command_reference(),
        "changelog.md": repository_page("CHANGELOG.md"),
        "contributing.md": repository_page("CONTRIBUTING.md"),
        **model_pages(),
        **api_pages(),
    }


def pages_in(docs: Path, folder: str) -> list[str]:
    """Paths of a folder's pages, the index first."""
    pages = (docs / folder).glob("*.md")
    ordered = sorted(pages, key=lambda page: (page.stem != "index", page.stem))
    return [page.relative_to(docs).as_posix() for page in ordered]


def model_pages() -> dict[str, str]:
    """The card of each bundled model, by the path of its page."""
    cards = sorted((SOURCE / "bundles").glob("*/card.md"))
    return {f"models/{card.parent.name}.md": card.read_text(encoding="utf-8") for card in cards}


def api_pages() -> dict[str, str]:
    """A page for each package and top-level module that a program may import, by its path."""
    found = sorted(path for path in SOURCE.iterdir() if is_public(path))
    return {f"api/{path.stem}.md": api_page(path) for path in found}


def api_page(path: Path) -> str:
    """What a package or module exports; of a package that exports nothing, what its parts do."""
    head = f"# tonfall.{path.stem}\n\n::: tonfall.{path.stem}\n"
    if path.suffix == ".py" or exports(path / "__init__.py"):
        return head
    parts = sorted(part.stem for part in path.iterdir() if is_public(part))
    return "\n".join([head, *(PART.format(name=f"{path.stem}.{part}") for part in parts)])


def exports(module: Path) -> list[str]:
    """The names in a module's ``__all__``."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(statement.value))
    return []


def repository_page(name: str) -> str:
    """A page of the repository, without links to what the site does not have."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", text)


def is_public(path: Path) -> bool:
    """True for a package or module of the library that is meant to be imported."""
    if path.name.startswith("_") or path.stem in NOT_IMPORTED:
        return False
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def command_reference() -> str:
    """All commands with their arguments and options, in Markdown."""
    made = subprocess.run(
        [sys.executable, "-m", "typer", "tonfall.cli", "utils", "docs", "--name", "tonfall"],
        capture_output=True,
        text=True,
        check=True,
    )
    _title, body = made.stdout.split("\n", maxsplit=1)
    return f"{COMMANDS}{body}"
