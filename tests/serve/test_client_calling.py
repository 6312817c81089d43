"""Calls over real sockets to the carriers: what is sent is heard, and each end is told."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile
from codec_events import check_rules, heard, noise, only
from codec_server import CodecServer, codec_server
from websockets.asyncio.server import ServerConnection

from tonfall.arrays import FloatArray
from tonfall.audio import decode_mulaw, encode_mulaw
from tonfall.errors import ConfigError
from tonfall.serve.client import (
    CallResult,
    Credentials,
    Impairments,
    Plan,
    Recording,
    play_calls,
    read_address,
    read_recording,
    run_quickly,
)
from tonfall.serve.client.websocket_line import masked_frame
from tonfall.serve.codecs import (
    AudioHook,
    CallEnded,
    CallStarted,
    Reply,
    Role,
    StreamRestarted,
)

T = TypeVar("T")
SECOND = noise(2, 8000)
URLS: dict[str, Callable[[CodecServer], str]] = {
    "native": lambda server: server.url("/v1/stream"),
    "twilio": lambda server: server.url("/v1/twilio/main"),
    "audiohook": lambda server: server.url("/v1/audiohook"),
    "chan_websocket": lambda server: server.url("/v1/asterisk/main"),
    "audiosocket": lambda server: f"audiosocket://127.0.0.1:{server.ports['tcp']}",
    "rtp": lambda server: f"rtp://127.0.0.1:{server.ports['udp']}",
}


def with_server(act: Callable[[CodecServer], Awaitable[T]]) -> tuple[CodecServer, T]:
    async def run() -> tuple[CodecServer, T]:
        async with codec_server() as server:
            result = await act(server)
            await asyncio.sleep(0.1)
            return server, result

    return asyncio.run(run())


def called(
    url: Callable[[CodecServer], str],
    *,
    waveform: FloatArray = SECOND,
    roles: tuple[Role, ...] = (),
    server_does: Callable[[CodecServer], None] | None = None,
    **options: Any,
) -> tuple[CodecServer, list[CallResult]]:
    async def act(server: CodecServer) -> list[CallResult]:
        if server_does is not None:
            server_does(server)
        plan = Plan(
            address=read_address(url(server)),
            recordings=[Recording("a", waveform, 8000, roles)],
            **{"speed": 20.0, **options},
        )
        return await play_calls(plan)

    return with_server(act)


def through(protocol: str) -> FloatArray:
    """A second of noise as it comes out of the protocol."""
    if protocol in ("native", "audiosocket"):
        rows = np.clip(np.rint(SECOND * 32_768), -32_768, 32_767) / 32_768
    else:
        rows = np.stack([decode_mulaw(encode_mulaw(row)) for row in SECOND])
    channels = 1 if protocol in ("audiosocket", "chan_websocket", "rtp") else 2
    result: FloatArray = rows[:channels].astype(np.float32)
    return result


@pytest.mark.parametrize("protocol", URLS)
def test_what_is_played_is_heard(protocol: str) -> None:
    server, (result,) = called(URLS[protocol])
    assert result.error == ""
    assert result.acknowledged is (True if protocol in ("native", "audiohook") else None)
    assert result.close_code == (None if protocol in ("audiosocket", "rtp") else 1000)
    assert result.seconds == pytest.approx(1.0)
    events = server.heard[-1 if protocol != "rtp" else 0].events
    check_rules(events, closed=True)
    np.testing.assert_array_equal(heard(events), through(protocol))
    assert only(CallEnded, events)[0].complete
    if protocol != "rtp":
        assert only(CallStarted, events)[0].call_id == result.external_id


def test_roles_follow_the_order_of_the_channels() -> None:
    server, _ = called(URLS["native"])
    (started,) = only(CallStarted, server.heard[-1].events)
    assert [channel.role for channel in started.channels] == [Role.CUSTOMER, Role.AGENT]
    server, _ = called(URLS["native"], waveform=noise(3, 800))
    (started,) = only(CallStarted, server.heard[-1].events)
    assert {channel.role for channel in started.channels} == {Role.UNKNOWN}


def test_roles_are_those_that_were_said() -> None:
    server, _ = called(URLS["native"], waveform=noise(1, 800), roles=(Role.MIXED,))
    (started,) = only(CallStarted, server.heard[-1].events)
    assert [channel.role for channel in started.channels] == [Role.MIXED]


def test_many_calls_have_names_of_their_own_and_start_one_after_the_other() -> None:
    server, results = called(URLS["twilio"], calls=20, stagger_s=0.01)
    assert not [result.error for result in results if result.error]
    assert len({result.external_id for result in results}) == 20
    started = [result.started for result in results]
    assert started == sorted(started)
    assert started[-1] - started[0] > 0.15
    told = {only(CallStarted, each.events)[0].call_id for each in server.heard[1:]}
    assert told == {result.external_id for result in results}


def test_several_recordings_are_played_in_turn() -> None:
    async def act(server: CodecServer) -> list[CallResult]:
        recordings = [Recording("a", noise(1, 800), 8000), Recording("b", noise(1, 1600), 8000)]
        address = read_address(server.url("/v1/stream"))
        return await play_calls(Plan(address=address, recordings=recordings, calls=4, speed=50))

    _, results = with_server(act)
    assert [round(result.seconds, 3) for result in results] == [0.1, 0.2, 0.1, 0.2]


def test_lost_audio_is_a_gap_and_late_audio_is_waited_for() -> None:
    bad = Impairments(loss=0.2, jitter_s=0.05, seed=3)
    for protocol in ("twilio", "rtp"):
        server, (result,) = called(URLS[protocol], impairments=bad, speed=2.0)
        line = server.heard[0 if protocol == "rtp" else -1]
        events, counters = line.events, line.carrier.counters
        check_rules(events, closed=True)
        assert result.error == ""
        # What only one of Twilio's tracks lacks is silence; what both lack is a gap.
        assert counters.filled_samples + counters.gap_samples > 4 * 160
        assert not only(StreamRestarted, events)
        got, sent = heard(events)[0], through(protocol)[0]
        # RTP has no start but that of its first packet, which may be lost too.
        lost = next(at for at in range(0, 8000, 160) if sent[at] == got[0])
        pairs = zip(_packets(got), _packets(sent[lost:]), strict=False)
        same = [np.array_equal(mine, theirs) for mine, theirs in pairs]
        assert 0.5 < np.mean(same) < 0.95


def _packets(row: FloatArray) -> list[FloatArray]:
    return [row[at : at + 160] for at in range(0, row.size - 159, 160)]


def test_loss_without_time_stamps_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot get lost over audiosocket"):
        called(URLS["audiosocket"], impairments=Impairments(loss=0.1))


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            (403, '{"detail": "The signature is missing or wrong."}'),
            "403: The signature is missing",
        ),
        ((503, "busy"), "status 503: Service Unavailable"),
        ((404, "[]"), "status 404: Not Found"),
    ],
)
def test_a_call_that_is_refused_says_why(refusal: tuple[int, str], sentence: str) -> None:
    def refuse(server: CodecServer) -> None:
        server.refusal = refusal

    _, (result,) = called(URLS["native"], server_does=refuse)
    assert sentence in result.error
    assert result.frames == 0


def test_nobody_at_home_is_one_sentence() -> None:
    for url in ("ws://127.0.0.1:9/v1/stream", "tcp://127.0.0.1:9"):
        plan = Plan(
            address=read_address(url), recordings=[Recording("a", SECOND, 8000)], speed=20.0
        )
        (result,) = asyncio.run(play_calls(plan))
        assert "no connection" in result.error
        assert "is the server running?" in result.error


def test_an_http_server_is_no_telephone_system() -> None:
    async def act(server: CodecServer) -> list[CallResult]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"SSH-2.0-x\r\n\r\n")
            writer.close()

        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        address = read_address(f"ws://127.0.0.1:{port}/v1/stream")
        try:
            return await play_calls(
                Plan(address=address, recordings=[Recording("a", SECOND, 8000)])
            )
        finally:
            other.close()

    _, (result,) = with_server(act)
    assert "is no WebSocket" in result.error


async def hang_up_early(connection: ServerConnection, frames: int) -> None:
    if frames == 20:
        await connection.close(1013, "The server is full; call again.")


def test_a_server_that_hangs_up_ends_the_call_with_its_reason() -> None:
    def early(server: CodecServer) -> None:
        server.after_frames = hang_up_early

    _, (result,) = called(URLS["twilio"], server_does=early, speed=1.0)
    assert result.close_code == 1013
    assert "with 1013 after" in result.error
    assert result.error.endswith("The server is full; call again.")
    assert result.seconds < 1


def test_audiohook_closes_when_the_server_disconnects() -> None:
    def early(server: CodecServer) -> None:
        async def disconnect(connection: ServerConnection, frames: int) -> None:
            carrier = server.heard[-1].carrier
            if frames == 3 and isinstance(carrier, AudioHook):
                events = carrier.disconnect("completed")
                server.heard[-1].events += events
                for reply in only(Reply, events):
                    await connection.send(reply.content)

        server.after_frames = disconnect

    server, (result,) = called(URLS["audiohook"], server_does=early, speed=2.0)
    assert "The server disconnected after" in result.error
    assert result.acknowledged is True
    assert result.seconds < 1
    ended = CallEnded("The server disconnected.", complete=True)
    assert only(CallEnded, server.heard[-1].events) == [ended]


def test_audiohook_pings_and_is_answered() -> None:
    server, (result,) = called(URLS["audiohook"], waveform=noise(2, 8000 * 12), speed=20.0)
    assert result.error == ""
    replies = [json.loads(event.content) for event in only(Reply, server.heard[-1].events)]
    assert [reply["type"] for reply in replies] == ["opened", "pong", "pong", "pong"]


def test_headers_reach_the_server() -> None:
    server, _ = called(URLS["twilio"], credentials=Credentials(secret="12345"))
    assert "X-Twilio-Signature" in server.heard[-1].headers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this machine, and its key, in one file; skips where openssl is missing."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.mark.parametrize("trusted", [True, False])
def test_calls_go_over_tls_to_those_who_are_trusted(certificate: Path, trusted: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def run() -> tuple[CodecServer, CallResult]:
        async with codec_server(tls=context) as server:
            trust = ssl.create_default_context(cafile=certificate) if trusted else None
            plan = Plan(
                address=read_address(server.url("/v1/stream").replace("ws:", "wss:")),
                recordings=[Recording("a", SECOND, 8000)],
                speed=20.0,
                trust=trust,
            )
            (result,) = await play_calls(plan)
            return server, result

    server, result = asyncio.run(run())
    if trusted:
        assert result.error == ""
        np.testing.assert_array_equal(heard(server.heard[-1].events), through("native"))
    else:
        assert "CERTIFICATE_VERIFY_FAILED" in result.error.upper().replace(" ", "_")
        assert result.frames == 0


def test_a_recording_is_read_repeated_and_reordered(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, SECOND.T, 8000, subtype="FLOAT")
    swapped = read_recording(path, channels=[1, 0])
    np.testing.assert_array_equal(swapped.waveform, SECOND[::-1])
    assert swapped.lasting(2.5).seconds == 2.5
    np.testing.assert_array_equal(swapped.lasting(2.5).waveform[:, 8000:16000], SECOND[::-1])
    assert swapped.lasting(None) is swapped
    assert swapped.first(3).waveform.shape == (3, 8000)
    assert swapped.at(16_000).waveform.shape == (2, 16_000)
    with pytest.raises(ConfigError, match="there is no channel 2; it has 2"):
        read_recording(path, channels=[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calls": 0}, "0 calls of 1 recordings"),
        ({"recordings": []}, "1 calls of 0 recordings"),
        ({"speed": 0}, "speed is above 0"),
        ({"stagger_s": -1}, "stagger 0 to 3600"),
    ],
)
def test_plans_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"recordings": [Recording("a", SECOND, 8000)]}
    with pytest.raises(ConfigError, match=message):
        Plan(address=read_address("ws://a/v1/stream"), **(good | options))


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65_535, 65_536])
def test_frames_are_masked_as_the_standard_wants_it(size: int) -> None:
    from websockets.protocol import SERVER, Protocol, State

    server = Protocol(SERVER, state=State.OPEN, max_size=None)
    for content in ("x" * size, b"\xff" * size):
        server.receive_data(masked_frame(content))
        (frame,) = server.events_received()
        data = bytes(frame.data)
        assert (data.decode() if isinstance(content, str) else data) == content


def test_the_quick_loop_runs_coroutines() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    assert run_quickly(answer()) == 42
