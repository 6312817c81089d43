"""Genesys AudioHook, protocol version 2: the server's side of one session.

Messages are JSON text frames that count themselves; audio is binary. Genesys ends a session by
``close`` and waits up to ten seconds for ``closed``: in between the server may finish its work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tonfall.audio import RawFormat, decode_samples
from tonfall.serve.codecs.audiohook_messages import (
    ANY_TYPE,
    ENCODINGS,
    MESSAGE,
    SAMPLING_RATE,
    AnyMessage,
    Close,
    Discarded,
    Error,
    Media,
    Open,
    OpenParameters,
    Paused,
    Ping,
    Resumed,
    Span,
    Update,
    chosen_media,
    samples_of,
)
from tonfall.serve.codecs.audiohook_session import Session, SessionState
from tonfall.serve.codecs.carrier import DEFAULT_LIMITS, Carrier, Limits, Violation
from tonfall.serve.codecs.events import (
    CallStarted,
    CarrierError,
    Channel,
    CloseCode,
    EndReason,
    Event,
    LanguageChanged,
    Probed,
    Reject,
    Role,
)
from tonfall.serve.codecs.messages import UnknownMessageError, read_message

__all__ = ["AudioHook", "SessionState"]

ROLES: Mapping[str, Role] = {"external": Role.CUSTOMER, "internal": Role.AGENT}


class AudioHook(Carrier):
    """One AudioHook session, after its signature was checked.

    Args:
        session_id: the header ``Audiohook-Session-Id``.
        organization_id: the header ``Audiohook-Organization-Id``; ``open`` must name the same.
        start_paused: True to ask for audio only when :meth:`resume` is called.
        limits: how much this connection may bring.
    """

    def __init__(
        self,
        *,
        session_id: str,
        organization_id: str,
        start_paused: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(limits=limits)
        self._session_id = session_id
        self._organization_id = organization_id
        self._start_paused = start_paused
        self._session = Session(session_id)
        self._close_came = False
        self._raw: RawFormat | None = None

    @property
    def state(self) -> SessionState:
        """How far the session has come."""
        return self._session.state

    def finish(self) -> list[Event]:
        """Say ``closed``: after ``close`` came, when the call's results are done with."""
        if self._close_came and not self._over:
            self._say_closed()
        return self._take_events()

    def disconnect(
        self, reason: Literal["completed", "unauthorized", "error"], *, info: str = ""
    ) -> list[Event]:
        """End the session from our side; Genesys answers by ``close``."""
        if not self._over and (self._session.is_open or self.state is SessionState.WAITING):
            self._disconnect(reason, info)
        return self._take_events()

    def reconnect(self, *, info: str = "") -> list[Event]:
        """Ask Genesys to open the session anew, such as before this server stops."""
        return self._request("reconnect", {"info": info} if info else {})

    def pause(self) -> list[Event]:
        """Ask Genesys to send no audio."""
        return self._request("pause", {})

    def resume(self) -> list[Event]:
        """Ask Genesys to send audio again."""
        return self._request("resume", {})

    def send_entities(self, entities: Sequence[Mapping[str, Any]]) -> list[Event]:
        """Send an ``event`` message; possible until ``closed``."""
        if not self._over and (self._session.is_open or self.state is SessionState.CLOSING):
            self._say("event", {"entities": list(entities)})
        return self._take_events()

    def _request(self, kind: str, parameters: Mapping[str, Any]) -> list[Event]:
        if not self._over and self._session.is_open:
            self._say(kind, parameters)
        return self._take_events()

    def _take(self, frame: str | bytes, now: float) -> None:  # noqa: ARG002 - needs no clock
        if self.state is SessionState.DISCONNECTED:
            self._take_last(frame)
        elif isinstance(frame, bytes):
            self._on_audio(frame)
        elif (message := self._read(frame)) is not None:
            self._on_message(message)

    def _take_last(self, frame: str | bytes) -> None:
        """After ``disconnect``: whatever else may be wrong, answer ``close``."""
        try:
            message = self._read(frame) if isinstance(frame, str) else None
        except Violation:
            message = None
        match message:
            case Ping():
                self._say("pong", {})
            case Close():
                self._say_closed()
            case _:
                self.counters.ignored += 1

    def _read(self, frame: str) -> AnyMessage | None:
        """The message; None for one of a type that is not known, such as "dtmf"."""
        try:
            message = read_message(MESSAGE, frame)
        except UnknownMessageError:
            self._pass_over(frame)
            return None
        self._session.note(message)
        return message

    def _pass_over(self, frame: str) -> None:
        """A message that means nothing here counts as all do; a session begins with open."""
        if self.state is SessionState.WAITING:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                "A message is of a type that version 2 does not have; open comes first.",
            )
        self._session.note(read_message(ANY_TYPE, frame))
        self.counters.ignored += 1

    def _on_message(self, message: AnyMessage) -> None:
        match message:
            case Ping():
                self._say("pong", {})
            case Error():
                error = message.parameters
                self._tell(CarrierError(error.code, error.message))
            case Close():
                self._on_close(message)
            case Open():
                self._on_open(message.parameters)
            case _ if self._session.is_open:
                self._on_change(message)
            case _ if self.state is SessionState.CLOSING:
                self.counters.ignored += 1
            case _:
                raise Violation(
                    CloseCode.PROTOCOL_ERROR, f"A message {message.type} came before open."
                )

    def _on_change(self, message: AnyMessage) -> None:
        """A message that changes how an open session goes on."""
        match message:
            case Paused():
                self._session.move(SessionState.PAUSED)
            case Resumed():
                self._session.move(SessionState.ACTIVE)
                self._jump(message.parameters)
            case Discarded():
                self._jump(message.parameters)
            case Update():
                self._say("updated", {})
                if self.call is not None:  # A probe is no call.
                    self._tell(LanguageChanged(message.parameters.language))

    def _jump(self, span: Span) -> None:
        """Time goes on over what was left out."""
        if self._raw is not None:
            self._skip(max(0, samples_of(span.start, span.discarded) - self.position))

    def _on_open(self, parameters: OpenParameters) -> None:
        if self.state is not SessionState.WAITING:
            raise Violation(CloseCode.PROTOCOL_ERROR, "A second open came in one session.")
        if parameters.organization_id.lower() != self._organization_id.lower():
            raise Violation(
                CloseCode.POLICY_VIOLATION,
                "open names another organization than the header Audiohook-Organization-Id.",
            )
        media = chosen_media(parameters.media)
        if media is None and not parameters.is_probe:
            raise Violation(
                CloseCode.UNSUPPORTED_DATA,
                "No media is offered that can be read: PCMU or L16 at 8000 Hz, external, "
                "internal or both.",
            )
        self._say_opened(parameters, media)
        if parameters.is_probe or media is None:
            self._tell(Probed())
        else:
            self._begin(parameters, media)

    def _say_opened(self, parameters: OpenParameters, media: Media | None) -> None:
        said: dict[str, Any] = {"media": [media.model_dump()] if media else []}
        if self._start_paused:
            said["startPaused"] = True
        if parameters.supported_languages:
            said["supportedLanguages"] = []
        self._session.move(SessionState.PAUSED if self._start_paused else SessionState.ACTIVE)
        self._say("opened", said)

    def _begin(self, parameters: OpenParameters, media: Media) -> None:
        self._raw = RawFormat(
            encoding=ENCODINGS[media.format],
            sampling_rate=SAMPLING_RATE,
            channels=len(media.channels),
        )
        channels = tuple(Channel(ROLES[name], name) for name in media.channels)
        known = _known(self._session_id, parameters)
        self._start(CallStarted(parameters.conversation_id, SAMPLING_RATE, channels, known))

    def _on_audio(self, frame: bytes) -> None:
        if self.state is not SessionState.ACTIVE:
            raise Violation(
                CloseCode.PROTOCOL_ERROR,
                f"Audio came in a session that is {self.state.name.lower()}.",
            )
        if self._raw is None:  # A probe is not listened to.
            self.counters.ignored += 1
            return
        if len(frame) % self._raw.bytes_per_frame:
            raise Violation(
                CloseCode.INVALID_PAYLOAD,
                f"A binary frame has {len(frame)} bytes, but one sample of all channels takes "
                f"{self._raw.bytes_per_frame}.",
            )
        self.counters.packets += 1
        self._hear(decode_samples(frame, raw=self._raw))

    def _on_close(self, message: Close) -> None:
        if self._close_came:
            self.counters.ignored += 1
            return
        self._close_came = True
        self._session.move(SessionState.CLOSING)
        reason = message.parameters.reason
        self._end(EndReason(reason), complete=reason in ("end", "disconnect"))
        if self.call is None:
            self._say_closed()

    def _refuse(self, violation: Violation) -> None:
        if self.state is SessionState.DISCONNECTED:
            self.counters.ignored += 1
            return
        self._disconnect("error", violation.sentence)
        self._tell(Reject(violation.code, violation.sentence, told=True))

    def _disconnect(self, reason: str, info: str) -> None:
        self._end(EndReason.DISCONNECTED, complete=reason == "completed")
        self._session.move(SessionState.DISCONNECTED)
        self._say("disconnect", {"reason": reason, "info": info} if info else {"reason": reason})

    def _say_closed(self) -> None:
        self._say("closed", {})
        self._session.move(SessionState.CLOSED)
        self._over = True

    def _say(self, kind: str, parameters: Mapping[str, Any]) -> None:
        self._tell(self._session.reply(kind, parameters))


def _known(session_id: str, parameters: OpenParameters) -> dict[str, str]:
    """What is told of a call: ids and settings, but nobody's number or name."""
    known = {
        "sessionId": session_id,
        "organizationId": parameters.organization_id,
        "participantId": parameters.participant.id,
    }
    if parameters.language is not None:
        known["language"] = parameters.language
    if parameters.continued_sessions:
        known["continuedSessions"] = " ".join(each.id for each in parameters.continued_sessions)
    if parameters.custom_config is not None:
        known["customConfig"] = json.dumps(parameters.custom_config)
    return known
