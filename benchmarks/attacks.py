"""Calls of one tenant while somebody else attacks the server: latency, and memory.

    python -m benchmarks.attacks [--seconds 20] [--calls 4] [--only tiny pings]

``tonfall serve`` runs in a process of its own, with keys. A few calls are played in real time over
all of it; idle stretches and attacks take turns, so that both are measured on the same machine at
the same time. Each attack is one connection: that of a tenant with a key for frames, without a key
for all else. Latency is from the moment that a window's last sample was due to that in which its
event was read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from benchmarks.live import EXAMPLE
from benchmarks.live_server import BenchmarkServer, Probe, benchmark_server
from benchmarks.machine import heading
from tonfall.serve.client import (
    Credentials,
    Plan,
    listening,
    play_calls,
    read_address,
    read_recording,
    run_quickly,
)
from tonfall.serve.store import Store

__all__ = ["main"]

PACKET_S = 0.02
MOST_SENT = 1 << 30
FRAMES = {
    "tiny": Frame(Opcode.BINARY, b"ab"),
    "pings": Frame(Opcode.PING, b""),
    "empty": Frame(Opcode.BINARY, b""),
    "continuations": Frame(Opcode.CONT, b"", fin=False),
    "gaps": Frame(Opcode.TEXT, b'{"type":"gap","samples":1}'),
}
HEADS = {
    "head": (b"GET /livez HTTP/1.1\r\nHost: h\r\n", b"a: b\r\n"),
    "url": (b"GET /livez?", b"a=b&"),
    "trailers": (
        b"POST /v1/objections HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"a: b\r\n",
    ),
}
PIPELINE = b"GET /v1/calls HTTP/1.1\r\nHost: h\r\n\r\n"
KINDS = (*FRAMES, *HEADS, "pipeline")
Attack = Callable[[BenchmarkServer, str, float], int]


@dataclass(frozen=True)
class Stretch:
    """A part of the run.

    Attributes:
        kind: of attack; "" where there was none.
        since, until: ``time.monotonic()``.
        sent: bytes that the attacker got rid of.
        answers_s: what ``/livez`` took meanwhile.
    """

    kind: str
    since: float
    until: float
    sent: int
    answers_s: tuple[float, ...]


def attack(server: BenchmarkServer, key: str, kind: str, seconds: float) -> int:
    """One attack after the other of one kind, as often as the server ends them; bytes sent."""
    until, sent = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(OSError, WebSocketException):
            if kind in FRAMES:
                sent += _frames(server, key, kind, left)
            else:
                sent += _bytes(server, kind, left)
        time.sleep(0.2)
    return sent


def _frames(server: BenchmarkServer, key: str, kind: str, seconds: float) -> int:
    """Frames on one WebSocket until it is closed."""
    headers = {"Authorization": f"Bearer {key}"}
    with connect(
        f"ws://127.0.0.1:{server.port}/v1/stream", additional_headers=headers, proxy=None
    ) as line:
        start = {"type": "start", "version": 1, "call_id": f"flood-{kind}-{time.monotonic()}"}
        start |= {"sampling_rate": 8000, "encoding": "s16le", "channels": ["customer"]}
        line.send(json.dumps(start))
        line.recv()
        if kind == "continuations":
            line.socket.sendall(Frame(Opcode.BINARY, b"", fin=False).serialize(mask=True))
        return _pour(line.socket, FRAMES[kind].serialize(mask=True) * 2000, seconds)


def _bytes(server: BenchmarkServer, kind: str, seconds: float) -> int:
    """A request without an end, or many without waiting for answers."""
    begin, more = HEADS.get(kind, (b"", PIPELINE))
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as line:
        line.sendall(begin)
        threading.Thread(target=_drain, args=(line,), daemon=True).start()
        return _pour(line, more * 10_000, seconds)


def _pour(line: socket.socket, data: bytes, seconds: float) -> int:
    """Send again and again; how much was taken until the time was over or the other side closed."""
    until, sent = time.monotonic() + seconds, 0
    line.settimeout(0.5)
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until and sent < MOST_SENT:
            with contextlib.suppress(TimeoutError):
                sent += line.send(data)
    return sent


def _drain(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while line.recv(1 << 20):
            pass


def attack_in_turn(
    server: BenchmarkServer, key: str, kinds: list[str], seconds: float
) -> list[Stretch]:
    """An idle stretch before each attack, and one after the last."""
    stretches = []
    for kind in [each for named in kinds for each in ("", named)] + [""]:
        probe, since = Probe(server.port), time.monotonic()
        with probe.asking():
            if kind:
                sent = attack(server, key, kind, seconds)
            else:
                sent = 0
                time.sleep(seconds)
        answers = tuple(probe.answers_s)
        stretches.append(Stretch(kind, since, time.monotonic(), sent, answers))
    return stretches


async def measure(options: argparse.Namespace, server: BenchmarkServer, keys: list[str]) -> None:
    """Play calls, attack meanwhile, print a row of each kind."""
    kinds = options.only or list(KINDS)
    lasting = (2 * len(kinds) + 1) * (options.seconds + 1) + 15
    plan = Plan(
        address=read_address(server.url("native")),
        recordings=[read_recording(EXAMPLE).first(2).lasting(lasting)],
        calls=options.calls,
        stagger_s=0.3,
        credentials=Credentials(token=keys[0]),
    )
    attacking = asyncio.to_thread(_later, server, keys[1], kinds, options.seconds)
    memory = asyncio.ensure_future(_most_memory(server))
    async with listening(server.events, token=keys[0]) as listener:
        results, stretches = await asyncio.gather(play_calls(plan), attacking)
        await listener.until_closed(results, carrier="native", patience_s=60)
        memory.cancel()
        windows = [
            (came, came - result.started - np.ceil(round(end / PACKET_S, 6)) * PACKET_S)
            for result in results
            if result.external_id is not None
            for _, end, came in listener.of(result.external_id).windows
        ]
    with contextlib.suppress(asyncio.CancelledError):
        await memory
    _print(stretches, np.array(windows), MEMORY)


MEMORY: list[int] = []


async def _most_memory(server: BenchmarkServer) -> None:
    while True:
        MEMORY.append(server.sample().memory)
        await asyncio.sleep(0.25)


def _later(server: BenchmarkServer, key: str, kinds: list[str], seconds: float) -> list[Stretch]:
    time.sleep(10)
    return attack_in_turn(server, key, kinds, seconds)


def _print(stretches: list[Stretch], windows: np.ndarray, memory: list[int]) -> None:
    print("| attack | MB taken | windows | p95, ms | idle before and after, ms | ratio |", end="")
    print(" `/livez` p95, ms |\n|---|---:|---:|---:|---:|---:|---:|")
    for before, each, after in zip(stretches[::2], stretches[1::2], stretches[2::2], strict=False):
        late = _p95(_within(each, windows))
        idle = _p95(np.concatenate([_within(before, windows), _within(after, windows)]))
        print(
            f"| {each.kind} | {each.sent / 1e6:.1f} | {len(_within(each, windows))} | "
            f"{1000 * late:.0f} | {1000 * idle:.0f} | {late / idle:.2f} | "
            f"{1000 * _p95(np.array(each.answers_s)):.0f} |"
        )
    print(f"\nMost memory: {max(memory) / 1e6:.0f} MB.")


def _p95(seconds: np.ndarray) -> float:
    return float(np.quantile(seconds, 0.95)) if len(seconds) else float("nan")


def _within(stretch: Stretch, windows: np.ndarray) -> np.ndarray:
    came = windows[:, 0]
    return windows[(came >= stretch.since) & (came < stretch.until), 1]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--model", default="medium")
    parser.add_argument("--only", nargs="*", choices=KINDS)
    options = parser.parse_args()
    print(heading("Calls while the server is attacked"))
    with (
        tempfile.TemporaryDirectory(prefix="tonfall-attacks-") as folder,
        benchmark_server(Path(folder), model=options.model, auth="keys") as server,
    ):
        store = Store.open(f"sqlite:///{folder}/tonfall.db", create=False)
        keys = [store.keys.create(tenant, ("read", "ingest")) for tenant in ("calls", "flood")]
        store.close()
        run_quickly(measure(options, server, keys))


if __name__ == "__main__":
    main()
