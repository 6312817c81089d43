"""Write the golden answers of ``test_fbank.py``.

pip install --no-deps kaldi-native-fbank==1.23.0
python tests/features/make_kaldi_fbank.py tests/features/assets/kaldi_fbank.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(target: Path) -> None:
    """Frames 0, 7 and 22 of 0.25 s of noise that swells and fades."""
    import kaldi_native_fbank  # not here when the tests are collected

    samples = np.random.default_rng(7).normal(0, 0.1, 4000).astype(np.float32)
    samples *= np.hanning(4000).astype(np.float32)
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = 16000
    options.mel_opts.num_bins = 80
    stream = kaldi_native_fbank.OnlineFbank(options)
    stream.accept_waveform(16000, samples.tolist())
    stream.input_finished()
    np.savetxt(target, [stream.get_frame(k) for k in (0, 7, 22)], fmt="%.5f", delimiter=",")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
