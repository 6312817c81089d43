"""A mono call over a real server: ``tonfall serve``, ``tonfall call``, and who spoke in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from live_server import SETTINGS, LiveServer, live_server
from test_calls_speakers import EVERYBODY, analyzed
from test_end_to_end import compare, play, windows_of

from tonfall.audio import read
from tonfall.runtime import load
from tonfall.serve.client import read_recording
from tonfall.serve.codecs import Role

RATE, LENGTH_S = 8000, 40

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    carriers = SETTINGS["carriers"] | {
        "audiosocket": {"line": {"port": 0, "role": "mixed"}},
    }
    settings = {"carriers": carriers, "privacy": {"unknown_is_customer": True}}
    with live_server(tmp_path_factory.mktemp("server"), settings=settings) as started:
        yield started


@pytest.fixture(scope="module")
def mixed(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real call, both sides in one channel."""
    waveform, rate = read(shared / "data" / "calls" / "auto_repairs_40.flac")
    assert rate == RATE
    path = tmp_path_factory.mktemp("mixed") / "mixed.wav"
    soundfile.write(path, waveform[:, : LENGTH_S * RATE].mean(axis=0), RATE, subtype="PCM_16")
    return path


def speakers_of(server: LiveServer, external_id: str | None) -> list[dict[str, Any]]:
    """The speakers of the call's only channel, each of whom spoke for some seconds."""
    (call,) = [each for each in server.calls() if each["external_id"] == external_id]
    speakers = sorted(call["speakers"], key=lambda each: str(each["speaker"]))
    assert [each["speaker"] for each in speakers] == ["S1", "S2"]
    assert min(each["talk_s"] for each in speakers) > 5
    return speakers


@pytest.mark.parametrize("protocol", ["native", "audiosocket"])
def test_a_mixed_call_shows_who_spoke_and_judges_nobody(
    server: LiveServer, mixed: Path, protocol: str
) -> None:
    roles = [Role.MIXED] if protocol == "native" else []
    result, _ = play(server, read_recording(mixed, roles=roles), protocol)
    assert result.error == ""
    assert not any(each["mean"] for each in speakers_of(server, result.external_id))
    assert not windows_of(server, result.external_id)


def test_where_all_are_said_to_be_customers_each_speaker_is_judged(
    server: LiveServer, mixed: Path
) -> None:
    result, _ = play(server, read_recording(mixed, roles=[Role.UNKNOWN]), "native")
    assert result.error == ""
    assert all(each["mean"] for each in speakers_of(server, result.external_id))
    compare(
        windows_of(server, result.external_id),
        analyzed(load("small-research"), read(mixed)[0], EVERYBODY),
    )
