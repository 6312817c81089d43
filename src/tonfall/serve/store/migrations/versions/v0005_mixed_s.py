"""From when on the channels of a call are heard as one.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["downgrade", "upgrade"]

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of older calls nothing is known: their channels were never compared."""
    op.add_column("calls", sa.Column("mixed_s", sa.Float()))


def downgrade() -> None:
    """As before."""
    op.drop_column("calls", "mixed_s")
