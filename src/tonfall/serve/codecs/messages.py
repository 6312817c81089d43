"""Text frames that hold JSON: read and checked in one step, refused in one sentence."""

from __future__ import annotations

import binascii
import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from tonfall.errors import ConfigError
from tonfall.serve.codecs.carrier import Violation
from tonfall.serve.codecs.events import CloseCode

__all__ = [
    "Count",
    "Identifier",
    "JsonMessage",
    "Parameters",
    "UnknownMessageError",
    "base64_bytes",
    "checked_identifier",
    "read_message",
    "text_of",
]

MAX_IDENTIFIER = 256
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_IDENTIFIER, pattern=r"^[!-~]+$")
]
"""The name of a call, a stream or an account: printable ASCII without spaces."""
Count = Annotated[int, Field(ge=0, le=2**53)]
"""A whole number that any JSON library can hold."""
MAX_PARAMETERS = 64
MAX_PARAMETER_LENGTH = 1024


def _check_parameters(parameters: dict[str, Any]) -> dict[str, str]:
    # By hand: a mapping's own errors would quote its keys, which are what someone sent.
    if len(parameters) > MAX_PARAMETERS:
        raise PydanticCustomError("too_many", f"at most {MAX_PARAMETERS} parameters are taken")
    for key, value in parameters.items():
        if not isinstance(value, str) or max(len(key), len(value)) > MAX_PARAMETER_LENGTH:
            raise PydanticCustomError(
                "not_text", f"parameters are text of at most {MAX_PARAMETER_LENGTH} characters"
            )
    return parameters


Parameters = Annotated[dict[str, Any], AfterValidator(_check_parameters)]
"""Free names with text: at most 64, each and its name at most 1,024 characters."""
NOT_JSON = frozenset({"json_invalid", "string_unicode"})
"""Pydantic's names of what is wrong with such text."""
_LIKE_OURS = re.compile(r"[A-Za-z_]{1,32}")
T = TypeVar("T")


class JsonMessage(BaseModel):
    """A message's fields. Types are strict; fields that are not named here are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class UnknownMessageError(ValueError):
    """A message whose kind is not one of those that the protocol of today has."""


def read_message(adapter: TypeAdapter[T], frame: str) -> T:
    """The message in a text frame.

    Args:
        adapter: what a message may be; where it is a union, told apart by one field.
        frame: JSON text.

    Raises:
        UnknownMessageError: the field that tells messages apart has an unknown value, or none.
        Violation: not JSON, or not such a message. The sentence names the field, never its value.
    """
    try:
        return adapter.validate_json(frame)
    except ValidationError as error:
        raise _refusal(error) from None


def text_of(frame: str | bytes) -> str:
    """A frame of a protocol that has text frames only.

    Raises:
        Violation: it is binary.
    """
    if isinstance(frame, str):
        return frame
    raise Violation(
        CloseCode.UNSUPPORTED_DATA,
        f"A binary frame of {len(frame)} bytes came, but this protocol has text frames only.",
    )


def base64_bytes(text: str) -> bytes:
    """The bytes that text stands for; strict: no line breaks, no missing padding.

    Raises:
        Violation: it is not base64.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Violation(
            CloseCode.INVALID_PAYLOAD, "The audio is not base64; encode it by RFC 4648, section 4."
        ) from None


def checked_identifier(value: str, *, name: str) -> str:
    """A name that our own side gives, held to the rule for those that come in.

    Raises:
        ConfigError: empty, longer than 256 characters, or not printable ASCII without spaces.
    """
    try:
        return _IDENTIFIER.validate_python(value)
    except ValidationError:
        raise ConfigError(
            f"The {name} must be 1 to {MAX_IDENTIFIER} printable ASCII characters without "
            "spaces; choose another."
        ) from None


_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def _refusal(error: ValidationError) -> Violation | UnknownMessageError:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return UnknownMessageError("unknown kind of message")
    if first["type"] in NOT_JSON:
        return Violation(
            CloseCode.INVALID_PAYLOAD, "A text frame is not JSON in UTF-8; send one object."
        )
    place = _place(first["loc"], known=first["type"] != "extra_forbidden") or "the message"
    fault = first["msg"].rstrip(".")
    return Violation(
        CloseCode.PROTOCOL_ERROR, f"A message is not as expected, at {place}: {fault}."
    )


def _place(parts: tuple[str | int, ...], *, known: bool) -> str:
    """Where a fault is, by our own names; the other side's only where it is like one of ours."""
    *ours, last = parts or ("",)
    theirs = last if known or _LIKE_OURS.fullmatch(str(last)) else "a field"
    return ".".join(map(str, [*ours, theirs]))
