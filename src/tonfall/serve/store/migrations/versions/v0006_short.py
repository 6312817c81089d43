"""Whether a turn had less speech than a window needs.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["downgrade", "upgrade"]

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Before, such turns were not judged, so none of those that are kept is one."""
    no = sa.false()
    op.add_column("turns", sa.Column("short", sa.Boolean(), nullable=False, server_default=no))


def downgrade() -> None:
    """As before."""
    op.drop_column("turns", "short")
