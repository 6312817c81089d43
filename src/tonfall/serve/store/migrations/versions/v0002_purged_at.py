"""Whether a call was purged stands apart from whether it ended.

One column ``state`` held both, so a call that was purged while it went on was taken for one that
is over: where its node died, nobody ended it, and no age deleted it.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tonfall.serve.store.schema import Utc

__all__ = ["downgrade", "upgrade"]

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CALLS = sa.table(
    "calls",
    sa.column("id", sa.String),
    sa.column("state", sa.String),
    sa.column("at", Utc()),
    sa.column("ended_at", Utc()),
    sa.column("purged_at", Utc()),
)
AUDIT = sa.table(
    "audit",
    sa.column("id", sa.BigInteger),
    sa.column("at", Utc()),
    sa.column("action", sa.String),
    sa.column("subject", sa.String),
)
SUBJECT = "call "
"""What the audit calls a call, before its id."""


def upgrade() -> None:
    """Take the moment of each purge from the audit, else from the call's end or beginning."""
    op.add_column("calls", sa.Column("purged_at", Utc(), nullable=True))
    purged = CALLS.c.state == "purged"
    known = sa.func.coalesce(CALLS.c.ended_at, CALLS.c.at)
    op.execute(sa.update(CALLS).where(purged).values(purged_at=known))
    _from_audit()
    op.drop_index("ix_calls_state_node", table_name="calls")
    op.drop_column("calls", "state")
    op.create_index("ix_calls_node", "calls", ["node"])


def _from_audit() -> None:
    connection = op.get_bind()
    purges = sa.select(AUDIT.c.subject, AUDIT.c.at).where(AUDIT.c.action == "purge")
    rows = connection.execute(purges.order_by(AUDIT.c.id)).all()
    found = {row.subject.removeprefix(SUBJECT): row.at for row in rows}
    if found:
        mine = (CALLS.c.id == sa.bindparam("call")) & CALLS.c.purged_at.is_not(None)
        moved = sa.update(CALLS).where(mine).values(purged_at=sa.bindparam("purge"))
        connection.execute(moved, [{"call": call, "purge": at} for call, at in found.items()])


def downgrade() -> None:
    """Put both facts into one word again."""
    live = sa.Column("state", sa.String(length=16), nullable=False, server_default="live")
    op.add_column("calls", live)
    ended, purged = CALLS.c.ended_at.is_not(None), CALLS.c.purged_at.is_not(None)
    op.execute(sa.update(CALLS).where(ended).values(state="ended"))
    op.execute(sa.update(CALLS).where(purged).values(state="purged"))
    op.drop_index("ix_calls_node", table_name="calls")
    op.drop_column("calls", "purged_at")
    op.create_index("ix_calls_state_node", "calls", ["state", "node"])
