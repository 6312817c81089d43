"""No free text of a telephone system is kept: reasons are of a list, sources the protocol's own.

Ids of calls cannot be hashed here, where the salt is not known: those of old calls go with them.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["downgrade", "upgrade"]

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CALLS = sa.table(
    "calls", sa.column("id", sa.String), sa.column("carrier"), sa.column("reason", sa.String)
)
CHANNELS = sa.table("channels", sa.column("call", sa.String), sa.column("source", sa.String))
REASONS = (
    "stop",
    "BYE",
    "end",
    "disconnect",
    "reconnect",
    "error",
    "end of recording",
    "The connection was closed.",
    "The other side broke the protocol.",
    "The server disconnected.",
    "Nothing came for too long; the call was given up.",
    "The server stopped before the call ended.",
    "The server stops.",
    "An error of the server ended the call.",
    "node lost",
)
"""Those that were said before by us, or by a protocol, and are said still."""


def upgrade() -> None:
    """Give other reasons up, and the names of channels; calls are found by their outside id."""
    op.execute(sa.update(CALLS).where(CALLS.c.reason == "hang up").values(reason="hung up"))
    other = CALLS.c.reason.is_not(None) & CALLS.c.reason.not_in((*REASONS, "hung up"))
    op.execute(sa.update(CALLS).where(other).values(reason="other"))
    asterisk = sa.select(CALLS.c.id).where(CALLS.c.carrier == "chan_websocket")
    of_asterisk = sa.update(CHANNELS).where(CHANNELS.c.call.in_(asterisk))
    op.execute(of_asterisk.values(source="chan_websocket"))
    op.create_index("ix_calls_tenant_external_id", "calls", ["tenant", "external_id"])


def downgrade() -> None:
    """What was given up does not come back."""
    op.drop_index("ix_calls_tenant_external_id", table_name="calls")
