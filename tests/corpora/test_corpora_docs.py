"""docs/corpora.md says what the registry says."""

from __future__ import annotations

from pathlib import Path

from tonfall.corpora import COLUMNS, CORPORA, Corpus

PAGE = Path(__file__).resolve().parents[2] / "docs" / "corpora.md"
HEAD = "| name | corpus | languages | labels | items | speakers | hours | licence | how to get it |"


def row(corpus: Corpus) -> str:
    cells = (
        f"`{corpus.name}`",
        corpus.title,
        " ".join(corpus.languages),
        " ".join(corpus.labels),
        "" if corpus.items is None else f"{corpus.items:,}",
        "" if corpus.speakers is None else str(corpus.speakers),
        "" if corpus.hours is None else f"{corpus.hours:.2f}",
        corpus.licence,
        corpus.access + (f"; `tonfall data download {corpus.name}`" if corpus.archives else ""),
    )
    return f"| {' | '.join(cells)} |"


def test_the_page_has_a_row_for_every_corpus_as_the_registry_has_it() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert HEAD in lines
    published = [corpus for corpus in CORPORA.values() if corpus.layout and corpus.languages]
    missing = [row(corpus) for corpus in published if row(corpus) not in lines]
    assert missing == [], "put these rows into docs/corpora.md"


def test_the_page_explains_every_column() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in page] == []


def test_the_page_names_every_way_to_bring_ones_own_data() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in ("csv", "audformat", "folders", "huggingface"))
