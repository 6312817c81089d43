"""The documentation holds: links lead somewhere, examples run, commands are as they are shown."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tonfall.cli import app

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
SOURCE = REPOSITORY / "src" / "tonfall"
DOCSTRINGS = runpy.run_path(str(DOCS / "griffe_docstrings.py"))
HOOKS = runpy.run_path(str(DOCS / "site_hooks.py"))
MADE: dict[str, str] = HOOKS["made"]()
EXAMPLE = REPOSITORY / "examples" / "call.wav"
SHELLS = {"console", "sh", "bash", "shell"}
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+) -->\n+)?```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$",
    flags=re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """Code in a page, between fences; ``<!-- not run: why -->`` above it keeps it from running."""

    language: str
    code: str
    line: int
    reason: str | None


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(found["language"], found["code"], line, found["reason"])


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and not block.reason]


def shell_lines(page: Path) -> Iterator[list[str]]:
    """Every command in the page's shell blocks, as words, without what it is piped into."""
    for block in blocks(page):
        if block.language in SHELLS:
            for line in block.code.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                yield from commands_in(words)


def commands_in(words: list[str]) -> Iterator[list[str]]:
    """The commands of one line, parted at pipes and redirections."""
    command: list[str] = []
    for word in words:
        if word in {"|", "&&", ";", ">", "<", "2>", "&"}:
            yield command
            command = []
        else:
            command.append(word)
    yield command


def commands() -> dict[str, Any]:
    """Every command that does something, by the words that call it."""
    found: dict[str, Any] = {}

    def collect(command: Any, words: list[str]) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            found[" ".join(words)] = command
            return
        for name, child in children.items():
            collect(child, [*words, name])

    collect(typer.main.get_command(app), ["tonfall"])
    return found


COMMANDS = commands()


def check_call(words: list[str]) -> None:
    """Parse a call as the command line would, up to the values of its options."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while (children := getattr(command, "commands", None)) is not None:
        if not rest or rest[0].startswith("-"):
            return
        assert rest[0] in children, f"{' '.join(words)}: no command {rest[0]}"
        command, rest = children[rest[0]], rest[1:]
    command.make_parser(command.context_class(command)).parse_args(rest)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    made = {DOCS / path for path in MADE}
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        target = found["target"].partition("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            path = (page.parent / target).resolve()
            assert path.exists() or path in made, f"{relative(page)} links to {target}"


@pytest.mark.parametrize("page", [p for p in PAGES if python_blocks(p)], ids=relative)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    Path("examples").mkdir()
    for place in ("call.wav", "examples/call.wav"):
        shutil.copy(EXAMPLE, place)
    namespace: dict[str, object] = {"__name__": "example"}
    for block in python_blocks(page):
        # The line numbers of a traceback are those of the page.
        padded = "\n" * (block.line - 1) + block.code
        exec(compile(padded, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_are_as_shown(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE))
    for words in shell_lines(page):
        if words[:1] == ["tonfall"]:
            check_call(words)
        if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
            assert (REPOSITORY / f"{words[2].replace('.', '/')}.py").is_file()
        if words[:1] == ["make"]:
            asked = {word for word in words[1:] if "=" not in word}
            assert asked <= targets, f"{relative(page)} calls {' '.join(words)}"


@pytest.mark.parametrize("call", sorted(COMMANDS))
def test_every_command_is_shown_in_a_page(call: str) -> None:
    assert any(call in page.read_text() for page in PAGES), f"no page shows {call}"


@pytest.mark.parametrize("call", sorted(COMMANDS))
def test_every_command_explains_itself_with_an_example(call: str) -> None:
    command = COMMANDS[call]
    assert call in (command.help or ""), f"the help of {call} has no example"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{call}: {parameter.name} has no help"


def test_the_command_reference_has_every_command() -> None:
    for call in COMMANDS:
        assert f"## `{call}`" in MADE["command-line.md"]


def test_every_package_has_a_page_that_shows_something() -> None:
    """A package that exports nothing shows its parts."""
    for path, text in MADE.items():
        if path.startswith("api/") and path != "api/index.md":
            name = path.removeprefix("api/").removesuffix(".md")
            module = importlib.import_module(f"tonfall.{name}")
            assert getattr(module, "__all__", None) or text.count(":::") > 3, path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as in :class:`~tonfall.errors.AudioError`.", "as in `AudioError`."),
        ("see :func:`tonfall.analysis.analyze`", "see `tonfall.analysis.analyze`"),
        ("by age (:mod:`.retaining`)", "by age (`retaining`)"),
        ("see :attr:`Writer.state`", "see `Writer.state`"),
        ("a time of 10:30 `as is`", "a time of 10:30 `as is`"),
    ],
)
def test_roles_become_names(text: str, expected: str) -> None:
    assert DOCSTRINGS["plain_roles"](text) == expected


def test_every_role_in_the_source_is_known() -> None:
    """What would be shown as it stands is found here, without building the site."""
    for path in SOURCE.rglob("*.py"):
        left = re.findall(r":[a-z]+:`[^`]*`", DOCSTRINGS["plain_roles"](path.read_text()))
        assert not left, path.name


def test_the_home_page_shows_a_picture_and_code() -> None:
    text = (DOCS / "index.md").read_text()
    assert "![" in text
    assert {block.language for block in blocks(DOCS / "index.md")} == {"python", "sh"}


@pytest.mark.parametrize("call", ["", *sorted({call.split()[1] for call in COMMANDS})])
def test_help_has_a_short_name(call: str) -> None:
    result = CliRunner().invoke(app, [*call.split(), "-h"])
    assert result.exit_code == 0, result.output
    assert "-h, --help" in result.output


def test_shells_can_complete() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).output


@pytest.mark.slow
def test_the_site_builds_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = re.compile(r"""<(?:script|img|iframe|link(?! rel="canonical"))[^>]*https?://[^>]*>""")
    for page in tmp_path.rglob("*.html"):
        text = page.read_text()
        assert loaded.findall(text) == [], page.name
        assert not re.search(r":(?:class|func|meth|mod|data|attr):", text), page.name
        for link in re.findall(r"""(?:href|src)="([^"#?:]+)[#?"]""", text):
            assert (page.parent / link).exists(), f"{page.name} leads to {link}"
