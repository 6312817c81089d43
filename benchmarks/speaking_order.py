"""Whom ``tonfall analyze - --customer 1`` judges: the second to speak, of what is heard once.

    python -m benchmarks.speaking_order [--shared ../shared] [--composed 20]

The recordings are those that ``benchmarks.diarization`` reports: calls mixed to mono, and composed
calls. Whoever speaks first in truth is taken for the agent; judged is what S2 says, where that is
sure. "By order alone" is S2 whatever else is known; "guarded" is what the command does: nothing is
sure until two voices are known, nor while S1 is not the voice heard first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.diarization import Case, Heard, cases_of, online
from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.diarization import CUSTOMER_SURE, SpeakerModel
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import CHUNK, VoiceModel

KINDS = ("calls mixed to mono", "composed calls")
WAYS: dict[str, Callable[[Case, VoiceModel, SpeakerModel], Heard]] = {
    "by order alone": online,
    "guarded": partial(online, ordered=True),
}


def second_chunks(case: Case, heard: Heard) -> FloatArray:
    """Chunks judged; of those, the first one's alone; the second one's speech, and judged."""
    middles = (np.arange(len(heard.speech)) + 0.5) * CHUNK / SAMPLING_RATE
    first = min(case.truth, key=lambda turn: turn[1])[0]
    agent, customer = np.zeros((2, len(middles)), np.bool_)
    for name, start, end in case.truth:
        (agent if name == first else customer)[(middles >= start) & (middles < end)] = True
    spoken = heard.speech >= 0.4
    sure = heard.attribution.confidence >= CUSTOMER_SURE
    judged = spoken & sure & (heard.attribution.owners == 1)
    counts = judged, judged & agent & ~customer, customer & spoken, judged & customer
    return np.array([count.sum() for count in counts], np.float32)


def cells_of(counts: FloatArray) -> str:
    """Error and coverage, per cent."""
    judged, wrong, own, found = counts
    return f"{100 * wrong / max(judged, 1):.1f} | {100 * found / max(own, 1):.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--composed", type=int, default=20)
    options = parser.parse_args()
    print(heading("The second to speak", settings={"sure": CUSTOMER_SURE}))
    voice, model = VoiceModel.load(), SpeakerModel.load()
    sums: dict[tuple[str, str], FloatArray] = {}
    print("| recording | way | wrong | judged |\n|---|---|---|---|")
    for case in cases_of(options.shared, chosen=False, count=options.composed):
        for way, hear in WAYS.items() if case.kind in KINDS else ():
            counts = second_chunks(case, hear(case, voice, model))
            sums[case.kind, way] = sums.get((case.kind, way), np.zeros(4, np.float32)) + counts
            print(f"| {case.name} | {way} | {cells_of(counts)} |", flush=True)
    print("\nAll together.\n\n| recordings | way | wrong | judged |\n|---|---|---|---|")
    for (kind, way), counts in sums.items():
        print(f"| {kind} | {way} | {cells_of(counts)} |")


if __name__ == "__main__":
    main()
