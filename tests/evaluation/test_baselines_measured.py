"""The docs tell which baselines were not measured under a protocol: those without a report."""

from __future__ import annotations

from pathlib import Path

from tonfall.evaluation.reports import KEPT_SUFFIX, read_report
from tonfall.learn.classical.recipe import BASELINES

DOCS = Path(__file__).parents[2] / "docs"


def measured() -> dict[str, set[str]]:
    """Baselines with a kept report, by protocol."""
    found: dict[str, set[str]] = {}
    for path in (DOCS / "reports").rglob(f"*{KEPT_SUFFIX}"):
        report = read_report(path)
        found.setdefault(report.protocol.name, set()).add(report.model.name)
    return found


def test_the_docs_name_the_baselines_that_were_not_measured():
    text = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    table = text.partition("| protocol | baselines not measured |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    told = {name.strip(" `"): set(rest.strip().split(", ")) for name, rest in rows}
    missing = {name: set(BASELINES) - models for name, models in measured().items()}
    assert told == {name: models or {"none"} for name, models in missing.items()}
