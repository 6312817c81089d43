"""tonfall call: recordings played as live calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import ssl

    from tonfall.serve.client import Address, CallResult, Listener, Plan, Recording
    from tonfall.serve.codecs import Role

__all__ = ["call"]

CLOSED_PATIENCE_S = 15.0


def call(
    files: Annotated[list[str], typer.Argument(help="Recordings; several are played in turn.")],
    to: Annotated[
        str, typer.Option("--to", help="Whom to call, as ws://127.0.0.1:8000/v1/stream.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            help="native, twilio, audiohook, audiosocket, chan_websocket or rtp; told from the "
            "URL where it can be.",
        ),
    ] = None,
    calls: Annotated[int, typer.Option("--calls", "-n", help="How many calls at once.")] = 1,
    stagger_ms: Annotated[
        float, typer.Option("--stagger-ms", help="From one call's start to the next one's.")
    ] = 50.0,
    speed: Annotated[
        float, typer.Option("--speed", help="How many times faster than real time.")
    ] = 1.0,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.1, help="Play again and again, or cut, to so long."),
    ] = None,
    channels: Annotated[
        str,
        typer.Option("--channels", help="To send, the customer's first, such as 1,0; else all."),
    ] = "",
    roles: Annotated[
        str,
        typer.Option(
            "--roles",
            help="Who is on each channel (native), such as customer,agent; also unknown, and "
            "mixed for both on the only one.",
        ),
    ] = "",
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="TONFALL_TOKEN", help="API key of the server."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", envvar="TONFALL_CALL_KEY", help="AudioHook's API key, or a user."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            "--secret",
            envvar="TONFALL_CALL_SECRET",
            help="Twilio's auth token, AudioHook's client secret, or Asterisk's password.",
        ),
    ] = None,
    signed_url: Annotated[
        str | None,
        typer.Option("--signed-url", help="What is signed, where a proxy changes the URL."),
    ] = None,
    jitter_ms: Annotated[
        float, typer.Option("--jitter-ms", help="Send each piece up to so much later.")
    ] = 0.0,
    loss: Annotated[
        float, typer.Option("--loss", help="Share of the audio that gets lost (twilio, rtp).")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of jitter and loss.")] = 0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Listen to the server's events too: latency, windows.")
    ] = False,
    events: Annotated[
        str | None,
        typer.Option("--events", help="Where to listen, as http://127.0.0.1:8000/v1/events."),
    ] = None,
    ca: Annotated[
        str | None, typer.Option("--ca", help="File of certificates to trust, in PEM.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress; the summary only.")
    ] = False,
) -> None:
    """Play recordings as live calls, as telephone systems would send them.

    Prints a line for each call and a summary. Needs the extra: pip install "tonfall[serve]".

    Example: tonfall call call.wav --to ws://127.0.0.1:8000/v1/twilio/main --watch
    """
    _check_extra()
    from tonfall.serve.client import Credentials, Impairments, Plan, read_address, run_quickly

    address = read_address(to, protocol=protocol)
    plan = Plan(
        address=address,
        recordings=_recordings(
            files, channels=channels, roles=_roles(roles, address.protocol), seconds=seconds
        ),
        calls=calls,
        stagger_s=stagger_ms / 1000,
        speed=speed,
        credentials=Credentials(token=token, key=key, secret=secret, signed_url=signed_url),
        impairments=Impairments(jitter_s=jitter_ms / 1000, loss=loss, seed=seed),
        trust=_trust(ca),
    )
    url = _events_url(address, events) if watch or events else None
    failed = run_quickly(_play(plan, events=url, token=token, quiet=quiet))
    if failed:
        raise typer.Exit(1)


def _check_extra() -> None:
    from importlib.util import find_spec

    from tonfall.errors import ConfigError

    if find_spec("websockets") is None or find_spec("httpx") is None:
        raise ConfigError('Calls need the extra: pip install "tonfall[serve]".')


def _roles(said: str, protocol: str) -> list[Role]:
    """Roles by their names; only the native protocol says them."""
    from tonfall.errors import ConfigError
    from tonfall.serve.codecs import Role

    if not said:
        return []
    if protocol != "native":
        raise ConfigError(
            f"--roles is for the native protocol; over {protocol} the server's settings say who "
            "is on a channel."
        )
    names = [name.strip() for name in said.split(",")]
    unknown = [name for name in names if name not in list(Role)]
    if unknown:
        raise ConfigError(f"--roles has {unknown[0]!r}; choose of {', '.join(Role)}.")
    if Role.MIXED in names and len(names) > 1:
        raise ConfigError(
            f"--roles has mixed among {len(names)}, but mixed says that everybody is on the only "
            "channel; give it alone."
        )
    return [Role(name) for name in names]


def _recordings(
    files: Sequence[str], *, channels: str, roles: Sequence[Role], seconds: float | None
) -> list[Recording]:
    from tonfall.errors import ConfigError
    from tonfall.serve.client import read_recording

    names = [name.strip() for name in channels.split(",") if name.strip()]
    if not all(name.isdecimal() for name in names):
        raise ConfigError(f"--channels is {channels!r}, but it takes numbers, such as 1,0.")
    chosen = [int(name) for name in names]
    return [read_recording(file, channels=chosen, roles=roles).lasting(seconds) for file in files]


def _trust(ca: str | None) -> ssl.SSLContext | None:
    import ssl

    from tonfall.errors import ConfigError

    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: no certificates can be read from it ({error}).") from None


def _events_url(address: Address, given: str | None) -> str:
    from tonfall.errors import ConfigError

    url = given or address.events_url
    if url is None:
        raise ConfigError(
            f"Where the events of {address.url} are told is not known; say --events URL."
        )
    return url


async def _play(plan: Plan, *, events: str | None, token: str | None, quiet: bool) -> bool:
    """Play, print what became of it, and say whether a call failed."""
    from contextlib import nullcontext

    from tonfall.cli.call_tables import print_calls
    from tonfall.cli.progress import seconds_bar
    from tonfall.serve.client import listening, play_calls

    hear = listening(events, token=token, trust=plan.trust) if events else nullcontext()
    async with hear as listener:
        with seconds_bar(_title(plan), quiet=quiet) as bar:
            total = max(recording.seconds for recording in plan.recordings)

            def progress(results: Sequence[CallResult]) -> None:
                if bar is not None:
                    bar(max(result.seconds for result in results), total)

            results = await play_calls(plan, progress=progress)
        if listener is not None:
            await _wait_for(listener, results, carrier=plan.address.protocol)
        print_calls(results, plan=plan, listener=listener)
    return any(result.error for result in results)


async def _wait_for(listener: Listener, results: Sequence[CallResult], *, carrier: str) -> None:
    if not await listener.until_closed(results, carrier=carrier, patience_s=CLOSED_PATIENCE_S):
        typer.echo("The server did not tell the end of every call in time.", err=True)


def _title(plan: Plan) -> str:
    return f"{plan.calls} call{'s' if plan.calls > 1 else ''} over {plan.address.protocol}"
