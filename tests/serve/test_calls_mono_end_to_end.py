"""A mono call over a real server: ``tonfall serve``, ``tonfall call``, and who spoke in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from live_server import SETTINGS, LiveServer, live_server
from test_calls_speakers import SECOND, analyzed
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
        "audiosocket": {"line": {"port": 0, "role": "agent_first"}},
    }
    with live_server(tmp_path_factory.mktemp("server"), settings={"carriers": carriers}) as started:
        yield started


@pytest.fixture(scope="module")
def mixed(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real call, both sides in one channel; the agent speaks first."""
    waveform, rate = read(shared / "data" / "calls" / "auto_repairs_40.flac")
    assert rate == RATE
    path = tmp_path_factory.mktemp("mixed") / "mixed.wav"
    soundfile.write(path, waveform[:, : LENGTH_S * RATE].mean(axis=0), RATE, subtype="PCM_16")
    return path


@pytest.mark.parametrize("protocol", ["native", "audiosocket"])
def test_a_mono_call_shows_its_speakers(server: LiveServer, mixed: Path, protocol: str) -> None:
    roles = [Role.AGENT_FIRST] if protocol == "native" else []
    result, _ = play(server, read_recording(mixed, roles=roles), protocol)
    assert result.error == ""
    (call,) = [each for each in server.calls() if each["external_id"] == result.external_id]
    assert call["channels"][0]["role"] == "agent_first"
    agent, customer = sorted(call["speakers"], key=lambda each: str(each["speaker"]))
    assert (agent["speaker"], customer["speaker"]) == ("S1", "S2")
    assert min(agent["talk_s"], customer["talk_s"]) > 5
    assert not agent["mean"]
    assert customer["mean"]
    compare(
        windows_of(server, result.external_id),
        analyzed(load("small"), read(mixed)[0], SECOND, ordered=True),
    )
