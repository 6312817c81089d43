"""The model that judges, and whether it fits itself to the lines that it hears."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from tonfall.serve.settings.base import Section

__all__ = ["Model", "by_name"]


class Model(Section):
    """The model that judges: ``medium``, ``small`` or a bundle's folder.

    A plain name stands for the section with that name. With ``adapt`` the prior of each tenant's
    carrier is learnt from its customers, and calls start from it.
    """

    name: Annotated[str, Field(min_length=1)] = "medium"
    adapt: bool = False

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, said: object) -> object:
        return by_name(said)


def by_name(said: object) -> Any:
    """What was said of the model, as a section; anything else than a name is left as it is.

    >>> by_name("medium"), by_name({"adapt": True})
    ({'name': 'medium'}, {'adapt': True})
    """
    return {"name": said} if isinstance(said, str) else said
