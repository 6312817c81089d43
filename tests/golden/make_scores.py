"""Make the golden recordings and scores: ``python tests/golden/make_scores.py [CREMA-D folder]``.

With the folder of CREMA-D, clip.flac and call.flac are composed anew; without it, golden.json alone
is written anew from the recordings that are here. Do that only where scores are meant to change,
and give the figures before and after in the changelog.

clip.flac is a clip that nine of ten voice-only listeners heard as angry, 16 kHz. call.flac is
a telephone call, 8 kHz: the agent on channel 0, the customer on channel 1, who turns angry; every
clip is one that seven listeners in eight or more heard as neutral or as angry. Both channels have
noise of their own, 65 and 55 dB below full scale, so that their levels over the background differ.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from golden_scores import CALL, CLIP, GOLDEN, clip_scores, scores_of, write_mono
from tiny_bundle import write_tiny

from tonfall.analysis import analyze
from tonfall.audio import read, resample
from tonfall.runtime import Predictor, load

ANGRY = "1050/1050_ITS_ANG_XX.opus"
CONVERSATION = (
    (0, "1059/1059_ITS_NEU_XX.opus"),
    (1, "1050/1050_IEO_NEU_XX.opus"),
    (0, "1059/1059_TSI_NEU_XX.opus"),
    (1, "1050/1050_ITH_NEU_XX.opus"),
    (1, "1050/1050_TIE_ANG_XX.opus"),
    (0, "1059/1059_MTI_NEU_XX.opus"),
    (1, "1050/1050_WSI_ANG_XX.opus"),
    (1, "1050/1050_IWL_ANG_XX.opus"),
)
RATE, PAUSE_S = 8000, 0.25
NOISE_DB = (-65.0, -55.0)


def compose(corpus: Path) -> None:
    """Write the two recordings."""
    waveform, rate = read(corpus / ANGRY)
    soundfile.write(CLIP, waveform[0], rate, subtype="PCM_16")
    rng, parts, pause = np.random.default_rng(0), list[np.ndarray](), int(PAUSE_S * RATE)
    for channel, file in CONVERSATION:
        waveform, rate = read(corpus / file)
        spoken = resample(waveform, source_rate=rate, target_rate=RATE)[0]
        both = np.zeros((2, len(spoken) + pause))
        both[channel, : len(spoken)] = spoken
        parts.append(both)
    call = np.concatenate(parts, axis=1)
    power = np.array(NOISE_DB)[:, None]
    call += 10 ** (power / 20) * rng.standard_normal(call.shape)
    soundfile.write(CALL, call.T.clip(-1, 1), RATE, subtype="PCM_16")


def main() -> None:
    """Write what was asked for."""
    if len(sys.argv) > 1:
        compose(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        models = {"tiny": Predictor(write_tiny(Path(folder) / "tiny"))}
        models |= {name: load(name) for name in ("small", "medium")}
        golden = {
            name: {
                "clip": clip_scores(model),
                "call": scores_of(analyze(CALL, model=model).timeline),
            }
            for name, model in models.items()
        }
        mono = analyze(write_mono(Path(folder)), model="small").timeline
        golden["small"]["mono"] = scores_of(mono)
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
