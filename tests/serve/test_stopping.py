"""One deadline for all that a server does when it stops."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

import pytest

from tonfall.serve.stopping import FORCE_S, LONGEST_S, Deadline, end_by_force, in_time


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("drain_s", [0, 1, 15, 25])
def test_the_deadline_leaves_time_after_the_drain_and_is_within_30_s(drain_s: float) -> None:
    seconds = Deadline(drain_s).seconds
    assert drain_s + 3 <= seconds <= LONGEST_S
    assert LONGEST_S + FORCE_S < 30


def test_a_step_has_what_it_asks_for_or_what_those_that_follow_leave() -> None:
    clock = Clock()
    deadline = Deadline(0, clock=clock)
    assert deadline.part_s(6, keep_s=1) == 6
    clock.now += 10
    assert deadline.left_s == deadline.seconds - 10
    assert deadline.part_s(6, keep_s=1) == deadline.left_s - 1
    clock.now += 100
    assert deadline.part_s(6, keep_s=1) == 0
    assert deadline.left_s == 0


def test_what_hangs_is_left_and_what_fails_is_told() -> None:
    hanging = threading.Event()

    def fail() -> None:
        raise ValueError("boom")

    async def work() -> None:
        assert not await in_time(hanging.wait, 0.05)
        assert not await in_time(hanging.wait, 0)
        assert await in_time(lambda: None, 60)
        with pytest.raises(ValueError, match="boom"):
            await in_time(fail, 60)

    asyncio.run(work())
    hanging.set()


def test_an_end_by_force_says_what_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go_on, ended = threading.Event(), threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(os, "_exit", end)
    hanging = threading.Thread(target=go_on.wait, name="a-thread-that-hangs")
    hanging.start()
    with caplog.at_level(logging.ERROR):
        end_by_force(0.01, lambda: ["The sending of alerts"])
        assert ended.wait(60)
    go_on.set()
    hanging.join()
    assert codes == [1]
    assert "What has not ended: The sending of alerts" in caplog.text
    assert "threads that run: " in caplog.text
    assert "a-thread-that-hangs" in caplog.text
