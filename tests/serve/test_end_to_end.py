"""A real server, real sockets, the shipped model: live calls give the timeline of their file."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from live_server import LiveServer, live_server
from streamdouble.api import call as streamdouble_call
from streamdouble.audio import wav_to_ulaw_frames
from streamdouble.chaos import Impairments as Chaos
from streamdouble.session import SessionConfig

from tonfall.analysis import analyze
from tonfall.arrays import FloatArray
from tonfall.audio import decode_mulaw, encode_mulaw, read
from tonfall.serve.client import (
    CallResult,
    Impairments,
    Listener,
    Plan,
    Protocol,
    Recording,
    listening,
    play_calls,
    read_address,
    read_recording,
)
from tonfall.timeline import Timeline, seconds

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
MODEL = "small-research"
SAME = 2e-6
"""Probabilities are told to six digits."""
SPEED = 8.0
PATIENCE_S = 60.0
STEREO = ("native", "twilio", "audiohook")
LINEAR = ("native", "audiosocket")
"""What is heard through the others went through G.711, which the model hears as well."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("server")) as started:
        yield started


def play(
    server: LiveServer, recording: Recording, protocol: str, **options: Any
) -> tuple[CallResult, Listener]:
    """Play one call, and wait until the server has closed it."""

    async def run() -> tuple[CallResult, Listener]:
        address = read_address(server.url(protocol))
        plan = Plan(address=address, recordings=[recording], **{"speed": SPEED, **options})
        async with listening(server.events) as listener:
            results = await play_calls(plan)
            assert await listener.until_closed(results, carrier=protocol, patience_s=PATIENCE_S)
            return results[0], listener

    return asyncio.run(run())


def windows_of(server: LiveServer, external_id: str | None) -> list[dict[str, Any]]:
    """The windows of the newest call of that name, in order."""
    call = next(each for each in server.calls() if each["external_id"] == external_id)
    windows = server.windows(call["id"])
    return sorted(windows, key=lambda window: (window["channel"], window["end"]))


def expected_of(path: Path, *, channels: int, coded: bool, folder: Path) -> Timeline:
    """What analyse says of the file, or of what of it goes over the line.

    Args:
        path: of the recording.
        channels: 1 for its first channel alone.
        coded: True where G.711 is on the way.
        folder: for what goes over the line.
    """
    waveform, rate = read(path)
    rows = waveform if channels > 1 else waveform[:1]
    if coded:
        rows = np.stack([decode_mulaw(encode_mulaw(row)) for row in rows])
    sent = folder / "sent.wav"
    soundfile.write(sent, rows.T, rate, subtype="FLOAT")
    same = channels > 1 and not coded
    speakers = None if channels > 1 else 1  # A live channel is one speaker.
    return analyze(path if same else sent, model=MODEL, customer=0, speakers=speakers).timeline


def compare(heard: Sequence[dict[str, Any]], timeline: Timeline) -> None:
    """The same windows, with the same labels, and probabilities to the digits that are told."""
    ordered = sorted(timeline.windows, key=lambda each: (each.channel, each.segment.end))
    assert ordered
    assert [(each["channel"], each["start"], each["end"], each["label"]) for each in heard] == [
        (each.channel, seconds(each.segment.start), seconds(each.segment.end), each.label)
        for each in ordered
    ]
    for live, window in zip(heard, ordered, strict=True):
        told = [live["probabilities"][label] for label in timeline.labels]
        assert told == pytest.approx(window.probabilities, abs=SAME), live["end"]


def check(
    server: LiveServer,
    path: Path,
    protocol: str,
    *,
    folder: Path,
    **options: Any,
) -> None:
    recording = read_recording(path)
    result, _ = play(server, recording, protocol, **options)
    assert result.error == ""
    channels = recording.waveform.shape[0] if protocol in STEREO else 1
    timeline = expected_of(path, channels=channels, coded=protocol not in LINEAR, folder=folder)
    compare(windows_of(server, result.external_id), timeline)
    (call,) = [each for each in server.calls() if each["external_id"] == result.external_id]
    assert call["complete"] is True
    assert call["carrier"] == protocol
    assert call["shed"] == 0
    assert call["seconds"] == pytest.approx(recording.seconds, abs=0.03)


def test_a_call_gives_the_timeline_of_its_file(server: LiveServer, tmp_path: Path) -> None:
    check(server, EXAMPLE, "native", folder=tmp_path, speed=100)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_protocol_gives_the_timeline_of_the_file(
    server: LiveServer, tmp_path: Path, protocol: str
) -> None:
    check(server, EXAMPLE, protocol, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_protocol_gives_the_timeline_of_a_real_call(
    server: LiveServer, tmp_path: Path, shared: Path, protocol: str
) -> None:
    path = shared / "data" / "calls" / "auto_repairs_40.flac"
    check(server, path, protocol, folder=tmp_path, speed=20)


def halves(tmp_path: Path, *, length_s: float) -> tuple[Path, Path, Path]:
    """The start of the example, and each of its sides, as files."""
    waveform, rate = read(EXAMPLE)
    cut: FloatArray = waveform[:, : round(length_s * rate)]
    paths = tuple(tmp_path / f"{name}.wav" for name in ("both", "caller", "agent"))
    for path, rows in zip(paths, (cut.T, cut[0], cut[1]), strict=True):
        soundfile.write(path, rows, rate, subtype="PCM_16")
    both, caller, agent = paths
    return both, caller, agent


def streamed(server: LiveServer, caller: Path, agent: Path, *, chaos: Chaos) -> Any:
    """A two-track fork as streamdouble makes it, in real time."""
    config = SessionConfig(
        fork=True,
        tracks=["inbound", "outbound"],
        agent_frames=wav_to_ulaw_frames(agent),
        impairments=chaos,
        chaos_seed=7,
        response_timeout_s=0.1,
        quiet_period_s=0.1,
        max_drain_s=0.1,
        strict_fork=True,
    )
    report = asyncio.run(streamdouble_call(server.url("twilio"), audio_path=caller, config=config))
    assert not report.violations
    return report


def closed_call(server: LiveServer, before: set[str]) -> dict[str, Any]:
    """The call that is new, once it is over."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        new = [each for each in server.calls() if each["id"] not in before]
        if new and new[0]["ended_at"]:
            return new[0]
        time.sleep(0.1)
    raise AssertionError("the call did not end")


@pytest.mark.slow
def test_streamdouble_drives_both_tracks(server: LiveServer, tmp_path: Path) -> None:
    both, caller, agent = halves(tmp_path, length_s=12)
    before = {each["id"] for each in server.calls()}
    streamed(server, caller, agent, chaos=Chaos())
    call = closed_call(server, before)
    assert call["complete"] is True
    assert [(each["source"], each["scored"]) for each in call["channels"]] == [
        ("inbound", True),
        ("outbound", False),
    ]
    timeline = analyze(both, model=MODEL, customer=0).timeline
    compare(windows_of(server, call["external_id"]), timeline)


@pytest.mark.slow
def test_streamdouble_with_jitter_alone_changes_nothing(server: LiveServer, tmp_path: Path) -> None:
    both, caller, agent = halves(tmp_path, length_s=12)
    before = {each["id"] for each in server.calls()}
    streamed(server, caller, agent, chaos=Chaos(jitter_ms=60, latency_ms=80))
    call = closed_call(server, before)
    counters = call["counters"]
    assert counters["late"] == counters["gaps"] == counters["filled_samples"] == 0
    timeline = analyze(both, model=MODEL, customer=0).timeline
    compare(windows_of(server, call["external_id"]), timeline)


@pytest.mark.slow
def test_datagrams_that_overtake_each_other_change_nothing(
    server: LiveServer, tmp_path: Path
) -> None:
    _, caller, _ = halves(tmp_path, length_s=12)
    impairments = Impairments(jitter_s=0.08, seed=3)
    result, _ = play(server, read_recording(caller), "rtp", speed=1, impairments=impairments)
    (call,) = [each for each in server.calls() if each["external_id"] == result.external_id]
    counters = call["counters"]
    assert counters["reordered"] > 50
    assert counters["late"] == counters["lost"] == counters["gaps"] == 0
    compare(
        windows_of(server, result.external_id),
        expected_of(caller, channels=1, coded=True, folder=tmp_path),
    )


@pytest.mark.slow
def test_streamdouble_with_jitter_and_loss_is_heard_with_gaps(
    server: LiveServer, tmp_path: Path
) -> None:
    _, caller, agent = halves(tmp_path, length_s=6)
    before = {each["id"] for each in server.calls()}
    streamed(server, caller, agent, chaos=Chaos(loss=0.03, jitter_ms=40, latency_ms=60))
    call = closed_call(server, before)
    assert call["complete"] is True
    assert call["seconds"] == pytest.approx(6, abs=0.1)
    counters = call["counters"]
    assert counters["filled_samples"] + counters["gap_samples"] > 0
    assert counters["restarts"] == counters["malformed"] == 0
    assert windows_of(server, call["external_id"])


def ffmpeg() -> str:
    """An ffmpeg program; skips where there is none."""
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg"):
        from imageio_ffmpeg import get_ffmpeg_exe

        found = get_ffmpeg_exe()
    if found is None:
        pytest.skip("needs ffmpeg: the Debian package, or imageio-ffmpeg from PyPI")
    return found


@pytest.mark.slow
def test_ffmpeg_drives_rtp(server: LiveServer, tmp_path: Path) -> None:
    _, caller, _ = halves(tmp_path, length_s=12)
    before = {each["id"] for each in server.calls()}
    subprocess.run(
        [
            *(ffmpeg(), "-hide_banner", "-loglevel", "error", "-re", "-i", str(caller)),
            *("-af", "asetnsamples=n=160", "-ar", "8000", "-ac", "1", "-c:a", "pcm_mulaw"),
            *("-f", "rtp", f"{server.url('rtp')}?pkt_size=172"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    call = closed_call(server, before)
    assert call["carrier"] == "rtp"
    assert call["seconds"] == pytest.approx(12, abs=0.05)
    assert call["counters"]["lost"] == call["counters"]["gaps"] == 0
    compare(
        windows_of(server, call["external_id"]),
        expected_of(caller, channels=1, coded=True, folder=tmp_path),
    )
