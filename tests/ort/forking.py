"""Fork while a thread holds the models' lock; say whether the child hears what its parent does."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np

from tonfall.diarization import SpeakerModel
from tonfall.ort import session

PATIENCE_S = 60


def embedding() -> bytes:
    """The voice of a fixed noise, by a network of two threads: only one is left after a fork."""
    sound = np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32)
    return SpeakerModel.load(threads=2).embed(sound).tobytes()


def in_a_child() -> bytes:
    """The same in a forked process, which is ended if it hangs."""
    ours, theirs = os.pipe()
    if (child := os.fork()) == 0:
        os.write(theirs, embedding())
        os._exit(0)
    os.close(theirs)
    threading.Timer(PATIENCE_S, os.kill, (child, 9)).start()
    with os.fdopen(ours, "rb") as pipe:
        return pipe.read()


def main() -> None:
    expected = embedding()
    held, leave = threading.Event(), threading.Event()

    def opening() -> None:
        held.set()
        leave.wait(PATIENCE_S)

    # A thread of the parent is in the middle of opening a model, and so holds the lock.
    other = threading.Thread(target=session._SHIPPED.get, args=("another", opening))
    other.start()
    held.wait(PATIENCE_S)
    sys.stdout.write("the same\n" if in_a_child() == expected else "another\n")
    sys.stdout.flush()
    leave.set()
    os._exit(0)


if __name__ == "__main__":
    main()
