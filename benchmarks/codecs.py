"""What telephone protocols cost: CPU a message and a second of call, without socket and model.

    python -m benchmarks.codecs [--seconds 60] [--rounds 7]

A minute of noise is written as each telephone system sends it and read again by its carrier. The
figures are process time, the least of all rounds: other work on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import numpy as np

from benchmarks.machine import heading
from tonfall.arrays import FloatArray
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of the call")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
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
