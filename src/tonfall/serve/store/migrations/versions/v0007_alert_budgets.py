"""How often rules would have fired, by threshold; and where the threshold of an alert came from.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tonfall.serve.store.schema import Json, Utc

__all__ = ["downgrade", "upgrade"]

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every rule had a threshold that was written before."""
    op.create_table(
        "alert_budgets",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("carrier", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("definition", sa.String(32), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("hours", sa.Float(), nullable=False),
        sa.Column("fired", sa.Float(), nullable=False),
        sa.Column("counts", Json(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "carrier", "rule", "definition", name="pk_alert_budgets"),
        sqlite_with_rowid=False,
    )
    fixed = sa.Column("threshold_origin", sa.String(16), nullable=False, server_default="fixed")
    op.add_column("alerts", fixed)


def downgrade() -> None:
    """What was learnt is forgotten."""
    op.drop_column("alerts", "threshold_origin")
    op.drop_table("alert_budgets")
