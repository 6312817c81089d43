"""The head of benchmark tables says what is needed to repeat them."""

from __future__ import annotations

import platform

import numpy as np

from benchmarks import machine


def test_the_heading_is_a_markdown_table_with_the_settings() -> None:
    text = machine.heading("Decoding", settings={"seed": 7, "threads": 1})
    assert text.startswith("## Decoding\n\n| | |\n|---|---|\n| date | 20")
    assert f"| Python | {platform.python_version()} |\n" in text
    assert text.endswith("| seed | 7 |\n| threads | 1 |\n")


def test_versions_leave_out_what_is_not_installed() -> None:
    assert machine.versions(["numpy", "no-such-package"]) == [f"numpy {np.__version__}"]


def test_a_process_may_use_at_least_one_core() -> None:
    assert machine.cores() >= 1
    assert machine.processor()


def test_the_commit_is_named_or_unknown() -> None:
    named = machine.commit().removesuffix("-dirty")
    assert named == "unknown" or int(named, 16) >= 0
