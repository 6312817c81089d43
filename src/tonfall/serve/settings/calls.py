"""How live calls are heard."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from tonfall.serve.settings.base import Section

__all__ = ["Calls"]


class Calls(Section):
    """How live calls are heard.

    ``speakers`` are those of a call with one channel: told apart where several may speak on it
    (``auto``), or never (``off``), which leaves such a channel one voice.

    ``channels`` of a call that has several are compared, and heard as one where all hold the same
    sound (``auto``), or each is a person whatever they hold (``each``). A call's parameter
    ``channels`` overrides it.
    """

    speakers: Literal["auto", "off"] = "auto"
    channels: Literal["auto", "each"] = "auto"

    @field_validator("speakers", mode="before")
    @classmethod
    def _off(cls, said: object) -> object:
        """To YAML the word ``off`` is the value false."""
        return "off" if said is False else said
