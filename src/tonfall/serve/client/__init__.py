"""Recordings played as live calls: what ``tonfall call`` and the benchmarks are made of."""

from tonfall.serve.client.address import Address, Protocol, read_address
from tonfall.serve.client.calling import Plan, play_calls, run_quickly
from tonfall.serve.client.credentials import Credentials, headers_of
from tonfall.serve.client.dialogues import Call, CallResult, play_call
from tonfall.serve.client.listening import Heard, Listener, listening
from tonfall.serve.client.pacing import Impairments
from tonfall.serve.client.recording import Recording, read_recording
from tonfall.serve.client.scripts import script_of

__all__ = [
    "Address",
    "Call",
    "CallResult",
    "Credentials",
    "Heard",
    "Impairments",
    "Listener",
    "Plan",
    "Protocol",
    "Recording",
    "headers_of",
    "listening",
    "play_call",
    "play_calls",
    "read_address",
    "read_recording",
    "run_quickly",
    "script_of",
]
