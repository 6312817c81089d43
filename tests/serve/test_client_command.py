"""``tonfall call``: one command, one summary, errors in one sentence."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from codec_events import noise
from codec_server import CodecServer, codec_server
from typer.testing import CliRunner

from tonfall.cli import app
from tonfall.errors import ConfigError, TonfallError


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "a.wav"
    soundfile.write(path, noise(2, 8000).T, 8000, subtype="PCM_16")
    return path


@pytest.fixture
def server() -> Iterator[CodecServer]:
    """A server in a thread of its own, since the command has a loop of its own."""
    ready, stop = threading.Event(), threading.Event()
    found: list[CodecServer] = []

    async def serve() -> None:
        async with codec_server() as server:
            found.append(server)
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    stop.set()
    thread.join(60)


def call(*arguments: str) -> str:
    """The output of the command, which must succeed."""
    result = CliRunner().invoke(app, ["call", *arguments])
    if isinstance(result.exception, TonfallError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_call_is_played_and_summed_up(server: CodecServer, recording: Path) -> None:
    output = call(str(recording), "--to", server.url("/v1/stream"), "--speed", "20")
    assert "1 done, 0 failed, over native" in output
    assert "1.0 s" in output
    assert "1 of 1" in output
    assert "1000: 1" in output


def test_many_calls_are_one_summary(server: CodecServer, recording: Path) -> None:
    options = ["--calls", "25", "--stagger-ms", "1", "--speed", "20", "--quiet"]
    output = call(str(recording), "--to", server.url("/v1/twilio/main"), *options)
    assert "25 done, 0 failed, over twilio" in output
    assert "CA" not in output  # No line for each of so many.
    assert "the protocol has none" in output


def test_a_refused_call_is_told_and_fails(server: CodecServer, recording: Path) -> None:
    server.refusal = (403, '{"detail": "The signature is missing or wrong."}')
    result = CliRunner().invoke(
        app, ["call", str(recording), "--to", server.url("/v1/audiohook"), "--speed", "20"]
    )
    assert result.exit_code == 1
    assert "0 done, 1 failed" in result.output
    assert "0 of 1" in result.output
    assert "403:Thesignatureismissing" in "".join(result.output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "ws://127.0.0.1:9/elsewhere"], "cannot be told from the URL"),
        (["--to", "ws://a/v1/stream", "--channels", "x"], "takes numbers, such as 1,0"),
        (["--to", "ws://a/v1/stream", "--channels", "7"], "there is no channel 7"),
        (["--to", "ws://a/v1/stream", "--roles", "boss"], "has 'boss'; choose of customer, agent"),
        (["--to", "ws://a/v1/stream", "--roles", "customer,agent,agent"], "are 3 roles for"),
        (["--to", "ws://a/v1/stream", "--roles", ","], "--roles has ''; choose of customer"),
        (["--to", "ws://a/v1/stream", "--roles", "customer,,agent,"], "--roles has ''; choose"),
        (["--to", "ws://a/v1/stream", "--roles", "mixed,agent"], "mixed among 2, but .* alone"),
        (["--to", "rtp://a:1", "--roles", "mixed"], "--roles is for the native protocol; over rtp"),
        (["--to", "tcp://a:1", "--loss", "0.1"], "cannot get lost over audiosocket"),
        (["--to", "tcp://a:1", "--watch"], "say --events URL"),
        (["--to", "ws://a/v1/stream", "--jitter-ms", "-1"], "jitter is 0 to 10,000 ms"),
        (["--to", "ws://a/v1/stream", "--speed", "0"], "speed is above 0"),
        (["--to", "wss://a/v1/stream", "--ca", "nowhere.pem"], "no certificates can be read"),
    ],
)
def test_misuse_is_one_sentence(recording: Path, options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call(str(recording), *options)


def test_events_that_nobody_tells_are_one_sentence(recording: Path) -> None:
    with pytest.raises(TonfallError, match="cannot be listened to"):
        call(str(recording), "--to", "ws://127.0.0.1:9/v1/stream", "--watch")


def test_the_command_line_stays_quick() -> None:
    code = (
        "import sys, tonfall.cli; "
        "late = {'websockets', 'httpx', 'uvloop', 'fastapi', 'sqlalchemy'}; "
        "print(sorted(late & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
