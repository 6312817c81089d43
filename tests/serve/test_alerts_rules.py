"""Rules as they are written: what is read, and what is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_sounds import LABELS

from tonfall.errors import ConfigError
from tonfall.serve.alerts import Severity, check_rules, default_rules, read_rules
from tonfall.serve.alerts import rules as module

GOOD = """
rules:
  - name: angry_and_loud
    severity: critical
    match: all
    when:
      - {measure: [anger, frustration], above: 0.5, release: 0.4}
      - {measure: arousal, above: 0.6, of: window}
    persists_s: 4
    cooldown_s: 120
    minimum_speech_s: 6
    minimum_snr_db: 5
    ignore_unclear: true
    resolve_when_over: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    [rule] = read_rules(written(tmp_path, GOOD))
    assert rule.severity is Severity.CRITICAL
    assert [condition.measure for condition in rule.when] == [
        ("anger", "frustration"),
        ("arousal",),
    ]
    assert (rule.persists_s, rule.minimum_snr_db, rule.resolve_when_over) == (4, 5, True)


def test_the_rules_that_tonfall_brings_fit_its_models() -> None:
    rules = default_rules()
    assert rules
    assert read_rules() == rules
    check_rules(rules, labels=LABELS, dimensions=())


def test_no_rules_are_rules(tmp_path: Path) -> None:
    assert read_rules(written(tmp_path, "rules: []")) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [{name: a, when: [{measure: joy, above: 0.5}]}]", "measure is joy, but it must"),
        ("rules: [{name: a, when: [{measure: anger}]}]", "needs above or below, and not both"),
        ("rules: [{name: a, when: [{measure: anger, above: 2}]}]", r"rules\.0\.when\.0\.above: "),
        (
            "rules: [{name: a, when: [{measure: anger, above: 0.5, release: 0.6}]}]",
            "release must not lie beyond",
        ),
        ("rules: [{name: A B, when: [{measure: anger, above: 0.5}]}]", r"rules\.0\.name"),
        ("rules: [{name: a, when: []}]", r"rules\.0\.when"),
        ("rules: [{name: a, when: [{measure: anger, above: 0.5}], cooldown: 3}]", "cooldown"),
        (
            "rules: [{name: a, when: [{measure: anger, above: 0.5}]}, "
            "{name: a, when: [{measure: anger, above: 0.5}]}]",
            "two rules have the same name",
        ),
        ("rules: {", "this is not YAML"),
        ("[]", "the file: "),
        ("rules: !!python/object/apply:os.system ['true']", "this is not YAML"),
        ("rules: " + "[" * 2000, "YAML"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_rules(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_far_too_long(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_rules(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="at most 1000000 bytes"):
        read_rules(written(tmp_path, "#" * 1_000_001))


def test_only_a_rise_may_be_a_fall(tmp_path: Path) -> None:
    text = "rules: [{name: a, when: [{measure: valence, below: -0.2, of: OF}]}]"
    [rule] = read_rules(written(tmp_path, text.replace("OF", "rise")))
    assert rule.when[0].below == -0.2
    with pytest.raises(ConfigError, match="only the threshold of a rise may be below 0"):
        read_rules(written(tmp_path, text.replace("OF", "smoothed")))


def test_the_page_shows_the_rules_that_tonfall_brings() -> None:
    page = Path(__file__).parents[2] / "docs" / "server" / "alerts.md"
    file = Path(module.__file__).with_name("default_rules.yaml")
    assert f"```yaml\n{file.read_text()}```" in page.read_text()


BUDGET = "rules: [{name: a, when: [{measure: anger}], budget: TEXT}]"


@pytest.mark.parametrize(
    ("said", "budget"), [("2 per 100 call hours", 2.0), ('"0.5 per 100 call hours"', 0.5)]
)
def test_a_budget_stands_for_a_threshold(tmp_path: Path, said: str, budget: float) -> None:
    [rule] = read_rules(written(tmp_path, BUDGET.replace("TEXT", said)))
    assert (rule.budget, rule.when[0].threshold) == (budget, None)


@pytest.mark.parametrize(
    "said",
    [
        "2",
        "2 per call hour",
        "2 per 100 hours",
        "0 per 100 call hours",
        "-1 per 100 call hours",
        "1001 per 100 call hours",
        "nan per 100 call hours",
        "2 per 100 call hours or so",
        "[2]",
    ],
)
def test_a_budget_is_read_strictly(tmp_path: Path, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_rules(written(tmp_path, BUDGET.replace("TEXT", said)))
    assert "is no budget; write it as: 2 per 100 call hours (0.1 to 1000)" in str(caught.value)
    assert "rules.0.budget: " in str(caught.value)


def test_a_budget_is_for_one_condition_and_its_release_for_a_threshold(tmp_path: Path) -> None:
    two = "rules: [{name: a, when: [{measure: anger}, {measure: sadness, above: 0.5}], BUDGET}]"
    text = two.replace("BUDGET", "budget: 2 per 100 call hours")
    with pytest.raises(ConfigError, match=r"with a budget has one condition, .* this one has 2"):
        read_rules(written(tmp_path, text))
    loose = "rules: [{name: a, when: [{measure: anger, release: 0.5}], BUDGET}]"
    text = loose.replace("BUDGET", "budget: 2 per 100 call hours")
    with pytest.raises(ConfigError, match="release needs above or below"):
        read_rules(written(tmp_path, text))
