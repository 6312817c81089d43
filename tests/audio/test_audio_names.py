"""Recordings whose names are not UTF-8."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from audio_recordings import Writer

from tonfall.audio import printable, probe, read
from tonfall.errors import AudioError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this system has no such names")


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_a_name_that_is_not_utf_8_is_read(write: Writer, kind: str) -> None:
    path = write(f"plain.{kind}")
    other = path.with_name(os.fsdecode(b"caf\xe9.") + kind)
    path.rename(other)
    assert read(other)[0].shape == (1, 32000)
    assert probe(other).path == str(other)
    assert probe(other).name.endswith(f"caf\\xe9.{kind}")


@pytest.mark.parametrize("content", [None, b"", b"no audio at all", b"RIFF"])
def test_messages_can_be_written_anywhere(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"caf\\xe9\.wav: ") as raised:
        read(path)
    str(raised.value).encode()


@pytest.mark.parametrize("name", ["café.wav", "-", "a\nb", "通話.wav"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_every_byte_has_a_name() -> None:
    text = printable(os.fsdecode(bytes(np.arange(128, 256, dtype=np.uint8))))
    assert text.startswith("\\x80\\x81")
    assert text.endswith("\\xff")
