"""Fuzz a codec for as long as told, led by coverage.

    pip install atheris
    python tests/fuzz/fuzz_codecs.py twilio -max_total_time=300

The inputs that reach new code are kept in ``tests/fuzz/corpus``, which the tests play again. What
breaks a rule is written to ``crash-...`` in the current folder: it belongs into the corpus too.
Options after the codec's name are libFuzzer's: https://llvm.org/docs/LibFuzzer.html.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
LONGEST = 4096
"""Bytes of an input."""


def main(arguments: list[str]) -> None:
    """Run; ends with an error at the first input that breaks a rule."""
    import atheris

    sys.path.insert(0, str(HERE.parent / "serve"))
    with atheris.instrument_imports(include=["tonfall.serve.codecs"]):
        import codec_fuzz

    codec, *options = arguments or [""]
    if codec not in codec_fuzz.CODECS:
        sys.exit(f"Name one of {', '.join(codec_fuzz.CODECS)} to fuzz.")
    folder = CORPUS / codec
    folder.mkdir(parents=True, exist_ok=True)

    def test_one(data: bytes) -> None:
        codec_fuzz.play_bytes(codec, data)

    atheris.Setup([sys.argv[0], f"-max_len={LONGEST}", *options, str(folder)], test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
