"""What telephone protocols cost: CPU a message and a second of call, without socket and model.

    python -m benchmarks.codecs [--seconds 60] [--rounds 7]
    python -m benchmarks.codecs --telephone FILES [--model small]

A minute of noise is written as each telephone system sends it and read again by its carrier. The
figures are process time, the least of all rounds: other work on the machine only adds to it.

With ``--telephone``, what G.711 does to the model instead: probabilities of recordings as they are
against those of the same after mu-law, window by window.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.machine import heading
from tonfall.analysis import analyze_blocks
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, decode_mulaw, encode_mulaw, read
from tonfall.runtime import Predictor, load
from tonfall.serve.codecs import (
    AudioHook,
    AudioHookClient,
    AudioSocket,
    Carrier,
    ChanWebSocket,
    Native,
    Outgoing,
    Reply,
    Role,
    Rtp,
    Twilio,
    audiosocket,
    chan_websocket,
    native,
    rtp,
    twilio,
)
from tonfall.timeline import Window

SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
RATE = 8000
Sent = list[tuple[str | bytes, float]]


def sent(frames: Iterable[Outgoing]) -> Sent:
    """Frames and the seconds at which they come."""
    return [(frame.content, frame.seconds) for frame in frames]


def audiohook_session() -> AudioHook:
    """A carrier that has not heard anything yet."""
    return AudioHook(session_id=SESSION, organization_id=SESSION)


def audiohook_frames(waveform: FloatArray) -> Sent:
    """What a client sends to a server that answers at once."""
    client = AudioHookClient(session_id=SESSION, conversation_id=SESSION, organization_id=SESSION)
    opening = client.open()
    for event in audiohook_session().receive(opening, now=0.0):
        if isinstance(event, Reply):
            client.receive(str(event.content))
    return [(opening, 0.0), *sent(client.frames_of(waveform))]


def cases(waveform: FloatArray) -> Mapping[str, tuple[Callable[[], Carrier], Sent]]:
    """Each carrier with the frames of one call."""
    mono = waveform[:1]
    roles = [Role.CUSTOMER, Role.AGENT]
    stereo = native.messages_of(waveform, call_id="c", sampling_rate=RATE, channels=roles)
    both = twilio.Stream(call_sid="CA1")
    one = twilio.Stream(call_sid="CA1", tracks=("inbound",))
    socket = audiosocket.packets_of(mono, call_id=UUID(SESSION))
    return {
        "native, two channels": (Native, sent(stereo)),
        "Twilio, both tracks": (Twilio, sent(twilio.messages_of(waveform, stream=both))),
        "Twilio, one track": (Twilio, sent(twilio.messages_of(mono, stream=one))),
        "AudioHook, two channels": (audiohook_session, audiohook_frames(waveform)),
        "AudioSocket": (AudioSocket, sent(socket)),
        "chan_websocket": (
            ChanWebSocket,
            sent(chan_websocket.messages_of(mono, connection_id="c")),
        ),
        "RTP": (lambda: Rtp(call_id="c"), sent(rtp.packets_of(mono))),
    }


def seconds_of(new: Callable[[], Carrier], frames: Sent) -> float:
    """Process time of one call."""
    carrier = new()
    before = time.process_time()
    for content, now in frames:
        carrier.receive(content, now=now)
    return time.process_time() - before


def moved_by_telephone(path: Path, predictor: Predictor) -> str:
    """A line of the table of what mu-law does to a recording's probabilities."""
    waveform, rate = read(path)
    coded = np.stack([decode_mulaw(encode_mulaw(row)) for row in waveform])
    before, after = (windows_of(each, rate, predictor) for each in (waveform, coded))
    both = sorted(before.keys() & after.keys())
    moved = [
        np.abs(np.subtract(before[key].probabilities, after[key].probabilities)).max()
        for key in both
    ]
    same = np.mean([before[key].guess == after[key].guess for key in both])
    median, most_of_them, most = np.percentile(moved, [50, 95, 100])
    cells = (path.stem, len(both), f"{median:.3f}", f"{most_of_them:.3f}", f"{most:.3f}")
    return "| " + " | ".join(map(str, cells)) + f" | {same:.0%} |"


def windows_of(
    waveform: FloatArray, rate: int, predictor: Predictor
) -> dict[tuple[int, int], Window]:
    """All windows of a recording, by channel and end."""
    channels, samples = waveform.shape
    blocks = (waveform[:, at : at + rate] for at in range(0, samples, rate))
    info = AudioInfo("", rate, channels, samples, "")
    timeline = analyze_blocks(blocks, info=info, predictor=predictor).timeline
    return {(window.channel, window.segment.end): window for window in timeline.windows}


def telephone(files: list[Path], *, model: str) -> None:
    """Print what mu-law does to the model."""
    print(heading("What G.711 does to the model", settings={"model": model}))
    print("| recording | windows | median | 95 % below | most | same label |")
    print("|---|---|---|---|---|---|")
    predictor = load(model)
    for path in files:
        print(moved_by_telephone(path, predictor), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of the call")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--telephone", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--model", default="small", help="with --telephone")
    options = parser.parse_args()
    if options.telephone:
        telephone(options.telephone, model=options.model)
        return
    rng = np.random.default_rng(0)
    waveform = rng.uniform(-0.5, 0.5, (2, RATE * options.seconds)).astype(np.float32)
    settings = {"rounds": options.rounds, "seed": 0}
    print(heading("Codecs", packages=("numpy", "pydantic"), settings=settings))
    print("| protocol | messages a second | CPU a message, us | CPU a call-second, ms |")
    print("|---|---|---|---|")
    for name, (new, frames) in cases(waveform).items():
        least = min(seconds_of(new, frames) for _ in range(options.rounds))
        rate = len(frames) / options.seconds
        a_message = 1e6 * least / len(frames)
        print(f"| {name} | {rate:.0f} | {a_message:.1f} | {1e3 * least / options.seconds:.2f} |")


if __name__ == "__main__":
    main()
