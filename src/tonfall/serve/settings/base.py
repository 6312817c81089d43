"""What all sections share: frozen, nothing unknown in them, and the kinds of values."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DEFAULT_TENANT", "Days", "Name", "Port", "Seconds", "Section", "check_networks"]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Names that stand in paths and in the database: small letters, digits, hyphen, underscore."""
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Days = Annotated[float, Field(gt=0, le=3650)]
DEFAULT_TENANT = "default"


class Section(BaseModel):
    """Values that belong together; one that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def check_networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks, if none holds more of the internet than anyone has.

    Raises:
        ValueError: one is not an address, or far too wide.
    """
    for each in addresses:
        network = ip_network(each, strict=False)
        if network.prefixlen < (8 if network.version == 4 else 7):
            raise ValueError(f"{network} lets everybody in; name the addresses that are meant")
    return addresses
