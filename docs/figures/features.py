"""Make docs/figures/features.png: a turn of the example call as `tonfall features --plot` draws it.

    python docs/figures/features.py

The customer's "Don't forget a jacket.", in which eight of nine listeners hear anger.
"""

from __future__ import annotations

from pathlib import Path

from tonfall.audio import read, resample
from tonfall.features.framing import RATE
from tonfall.features.picture import draw

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Draw it."""
    waveform, rate = read(ROOT / "examples" / "call.wav")
    turn = resample(waveform[:1], source_rate=rate)[0, int(35.6 * RATE) : int(37.4 * RATE)]
    draw(
        turn, ROOT / "docs" / "figures" / "features.png", title="examples/call.wav, 35.6 to 37.4 s"
    )


if __name__ == "__main__":
    main()
