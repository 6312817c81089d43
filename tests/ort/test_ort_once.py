"""Each model is opened once a process: in threads, after a fork, in the workers of a pool."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tonfall.diarization import SpeakerModel
from tonfall.ort import OncePerProcess
from tonfall.runtime import load
from tonfall.vad import VoiceModel, probabilities

FORKED = Path(__file__).with_name("forking.py")


def test_threads_that_ask_at_once_wait_for_one_opening() -> None:
    once, opened = OncePerProcess[object](most=1), []
    together = threading.Barrier(8)

    def open_it() -> object:
        opened.append(threading.get_ident())
        return object()

    def ask(_: int) -> object:
        together.wait(30)
        return once.get("model", open_it)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(8)))
    assert len(opened) == len(set(map(id, got))) == 1


def test_what_cannot_be_opened_is_tried_again() -> None:
    once = OncePerProcess[int](most=1)
    with pytest.raises(ZeroDivisionError):
        once.get("model", lambda: 1 // 0)
    assert once.get("model", lambda: 7) == 7


def test_the_one_not_asked_for_longest_is_let_go() -> None:
    once, opened = OncePerProcess[str](most=2), []

    def ask(name: str) -> str:
        return once.get(name, lambda: opened.append(name) or name)

    for name in "abacab":
        assert ask(name) == name
    assert "".join(opened) == "abcb"


def sessions_opened_by_asking_twice() -> int:
    """How many sessions are opened by asking for every model twice, in this process."""
    opened, real = [], onnxruntime.InferenceSession

    class Counting(real):  # type: ignore[valid-type, misc]
        def __init__(self, *given: object, **options: object) -> None:
            opened.append(given)
            super().__init__(*given, **options)

    onnxruntime.InferenceSession = Counting
    try:
        for _ in range(2):
            VoiceModel.load()
            SpeakerModel.load()
            load("small")
            probabilities(np.zeros((1, 512), np.float32))
    finally:
        onnxruntime.InferenceSession = real
    return len(opened)


def test_every_model_is_opened_once_in_each_worker_of_a_pool() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(sessions_opened_by_asking_twice).result() == 3
        assert pool.submit(sessions_opened_by_asking_twice).result() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_opens_its_own_whatever_the_threads_of_its_parent_do() -> None:
    done = subprocess.run(
        [sys.executable, FORKED], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stderr
