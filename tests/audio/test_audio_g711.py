"""G.711 against the Recommendation's values and against other implementations."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tonfall.audio import (
    alaw_table,
    decode_alaw,
    decode_mulaw,
    encode_alaw,
    encode_mulaw,
    mulaw_table,
)
from tonfall.errors import AudioError

# PCM16, mu-law byte and what it decodes to, A-law byte and what it decodes to.
VALUES = [
    (0, 0xFF, 0, 0xD5, 8),
    (100, 0xF2, 104, 0xD3, 104),
    (-100, 0x72, -104, 0x53, -104),
    (1000, 0xCE, 988, 0xFA, 1008),
    (-1000, 0x4E, -988, 0x7A, -1008),
    (8031, 0xA0, 7932, 0x8A, 8064),
    (32767, 0x80, 32124, 0xAA, 32256),
    (-32768, 0x00, -32124, 0x2A, -32256),
]
EVERY_SAMPLE = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
EVERY_BYTE = bytes(range(256))
# SHA-256 of what audioop.lin2ulaw and lin2alaw of Python 3.11.7 make of EVERY_SAMPLE.
ENCODED = {
    "mulaw": "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a",
    "alaw": "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b",
}
DECODED = {
    "mulaw": "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
    "alaw": "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
}
DECODE = {"mulaw": decode_mulaw, "alaw": decode_alaw}
ENCODE = {"mulaw": encode_mulaw, "alaw": encode_alaw}
TABLE = {"mulaw": mulaw_table, "alaw": alaw_table}
laws = pytest.mark.parametrize("law", ["mulaw", "alaw"])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("sample", "mu", "mu_decoded", "a", "a_decoded"), VALUES)
def test_reference_values_hold_both_ways(
    sample: int, mu: int, mu_decoded: int, a: int, a_decoded: int
) -> None:
    pcm = np.array([sample], np.int16)
    assert encode_mulaw(pcm) == bytes([mu])
    assert encode_alaw(pcm) == bytes([a])
    assert decode_mulaw(bytes([mu]))[0] * 32768 == mu_decoded
    assert decode_alaw(bytes([a]))[0] * 32768 == a_decoded


@laws
def test_tables_have_the_known_hashes(law: str) -> None:
    assert sha256(TABLE[law]().astype("<i2").tobytes()) == DECODED[law]
    assert sha256(ENCODE[law](EVERY_SAMPLE)) == ENCODED[law]


@laws
def test_tables_cannot_be_changed(law: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLE[law]()[0] = 1


@laws
def test_decoding_then_encoding_gives_the_same_bytes(law: str) -> None:
    again = ENCODE[law](DECODE[law](EVERY_BYTE))
    # Mu-law has two zeros, of which the encoder uses the positive one.
    expected = EVERY_BYTE.replace(b"\x7f", b"\xff") if law == "mulaw" else EVERY_BYTE
    assert again == expected


@laws
@settings(deadline=None)
@given(samples=arrays.arrays(np.int16, st.integers(0, 200)))
def test_encoding_loses_no_more_than_half_a_step(law: str, samples: np.ndarray) -> None:
    decoded = DECODE[law](ENCODE[law](samples)) * 32768
    inside = np.clip(samples, TABLE[law]().min(), TABLE[law]().max())
    # Steps grow with the level: from 8 (mu-law) or 16 (A-law) to 1024.
    step = np.maximum(np.abs(inside) / 16, 16)
    assert np.all(np.abs(decoded - inside) <= step)


@laws
def test_float_samples_encode_as_their_integers_do(law: str) -> None:
    floats = EVERY_SAMPLE.astype(np.float32) / 32768
    assert ENCODE[law](floats) == ENCODE[law](EVERY_SAMPLE)
    assert ENCODE[law](np.array([2, -2], np.float32)) == ENCODE[law](
        np.array([32767, -32768], np.int16)
    )


@laws
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 4), np.int16), r"one channel, but .*\(2, 4\)"),
        (np.zeros(4, np.int64), "int16 or float32 samples, but int64"),
        (np.array([np.nan], np.float32), "cannot encode NaN"),
    ],
)
def test_what_cannot_be_encoded_is_refused(law: str, samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        ENCODE[law](samples)


@laws
def test_libsndfile_decodes_to_the_same_samples(law: str) -> None:
    subtype = {"mulaw": "ULAW", "alaw": "ALAW"}[law]
    file = io.BytesIO(EVERY_BYTE)
    decoded, _ = soundfile.read(
        file, dtype="float32", format="RAW", subtype=subtype, samplerate=8000, channels=1
    )
    np.testing.assert_array_equal(DECODE[law](EVERY_BYTE), decoded)


@laws
def test_audioop_agrees_where_python_still_has_it(law: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="Python 3.13 dropped audioop")
    encode: Callable[[bytes, int], bytes] = {
        "mulaw": audioop.lin2ulaw,
        "alaw": audioop.lin2alaw,
    }[law]
    assert ENCODE[law](EVERY_SAMPLE) == encode(EVERY_SAMPLE.tobytes(), 2)
