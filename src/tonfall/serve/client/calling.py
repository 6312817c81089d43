"""Many calls at once, from one process."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tonfall.errors import ConfigError
from tonfall.serve.client.address import Address, Protocol
from tonfall.serve.client.credentials import Credentials
from tonfall.serve.client.dialogues import Call, CallResult, play_call
from tonfall.serve.client.pacing import Impairments
from tonfall.serve.client.recording import Recording
from tonfall.serve.client.scripts import AudioHookScript, SharedScript, script_of

__all__ = ["Plan", "play_calls", "run_quickly"]

MOST_CALLS = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Calls to be made.

    Attributes:
        address: that is called; over RTP the second call goes to the second port after it, and
            so on, since a port takes one stream.
        recordings: that are played in turn.
        calls: how many.
        stagger_s: seconds from one call's start to the next one's.
        speed: how many times faster than real time.
        credentials: of the caller.
        impairments: of the network.
        trust: certificates that are trusted; None for the system's.

    Raises:
        ConfigError: numbers that make no sense, or a loss that the protocol cannot express.
    """

    address: Address
    recordings: Sequence[Recording]
    calls: int = 1
    stagger_s: float = 0.05
    speed: float = 1.0
    credentials: Credentials = field(default_factory=Credentials)
    impairments: Impairments = field(default_factory=Impairments)
    trust: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if not self.recordings or not 1 <= self.calls <= MOST_CALLS:
            raise ConfigError(
                f"{self.calls} calls of {len(self.recordings)} recordings were asked for, but 1 "
                f"to {MOST_CALLS} calls of at least one are possible."
            )
        if not 0 < self.speed <= 1000 or not 0 <= self.stagger_s <= 3600:
            raise ConfigError("The speed is above 0 and at most 1000, and the stagger 0 to 3600 s.")

    def scripts(self) -> list[SharedScript | AudioHookScript]:
        """What is sent of each recording; written once for all calls."""
        scripts = [script_of(recording, self.address.protocol) for recording in self.recordings]
        if self.impairments.loss and not scripts[0].timed:
            raise ConfigError(
                f"Audio cannot get lost over {self.address.protocol}, which has no time stamps; "
                "use twilio or rtp, or leave out --loss."
            )
        return scripts


async def play_calls(
    plan: Plan, *, progress: Callable[[Sequence[CallResult]], None] | None = None
) -> list[CallResult]:
    """Play all calls of a plan to their end.

    Args:
        plan: what is called, and how.
        progress: told twice a second how far they are.

    Returns:
        What became of each, in order.

    Raises:
        ConfigError: as for :class:`Plan` and :func:`~tonfall.serve.client.headers_of`.
    """
    scripts = plan.scripts()
    calls = [_call(plan, number, scripts) for number in range(plan.calls)]
    results = [CallResult(each.name, each.script.external_id(each.name)) for each in calls]
    reporting = asyncio.ensure_future(_report(results, progress))
    try:
        async with asyncio.TaskGroup() as group:
            for call, result in zip(calls, results, strict=True):
                group.create_task(_play_later(call, result, wait_s=call.number * plan.stagger_s))
    except* ConfigError as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    finally:
        reporting.cancel()
    return results


def run_quickly(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop where it is installed: half the CPU of asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _call(plan: Plan, number: int, scripts: Sequence[SharedScript | AudioHookScript]) -> Call:
    address = plan.address
    if address.protocol is Protocol.RTP and number:
        address = replace(address, port=address.port + 2 * number)
    return Call(
        number=number,
        name=secrets.token_hex(16),
        address=address,
        script=scripts[number % len(scripts)],
        credentials=plan.credentials,
        impairments=plan.impairments,
        speed=plan.speed,
        trust=plan.trust,
    )


async def _play_later(call: Call, result: CallResult, *, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    await play_call(call, result=result)


async def _report(
    results: Sequence[CallResult], progress: Callable[[Sequence[CallResult]], None] | None
) -> None:
    while progress is not None:
        progress(results)
        await asyncio.sleep(0.5)
