"""Priors of lines, and which of them a call started from.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tonfall.serve.store.schema import Json, Utc

__all__ = ["downgrade", "upgrade"]

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Older calls started from the prior of their bundle."""
    op.add_column("calls", sa.Column("prior", sa.String(length=16)))
    op.create_table(
        "priors",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=32), nullable=False),
        sa.Column("model_hash", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.Column("started_at", Utc()),
        sa.Column("published_at", Utc()),
        sa.Column("frozen_at", Utc()),
        sa.Column("version", sa.String(length=16)),
        sa.Column("callers", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("variance", sa.Float(), nullable=False),
        sa.Column("mean", Json()),
        sa.Column("distance", sa.Float()),
        sa.Column("held", Json()),
        sa.PrimaryKeyConstraint("tenant", "carrier", "model_hash", name=op.f("pk_priors")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """As before."""
    op.drop_table("priors")
    op.drop_column("calls", "prior")
