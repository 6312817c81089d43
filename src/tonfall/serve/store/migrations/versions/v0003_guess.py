"""The most probable category is the guess; the label is "unclear" below the threshold.

What was called ``label`` was the guess, and ``uncertain`` is one word with what is shown. Events
that are kept for clients which resume are brought to the shape of those that follow.

Revision ID: 0003
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from tonfall.serve.store.schema import Json

__all__ = ["downgrade", "upgrade"]

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EVENTS = sa.table(
    "events",
    sa.column("id", sa.BigInteger),
    sa.column("kind", sa.String),
    sa.column("payload", Json()),
)
ROWS_AT_ONCE = 5000


def upgrade() -> None:
    """Rename the columns, and say in each event what its label is."""
    for table in ("windows", "turns"):
        op.alter_column(table, "label", new_column_name="guess")
        op.alter_column(table, "uncertain", new_column_name="unclear")
    _rewrite(_with_guess)


def downgrade() -> None:
    """The names and events of before."""
    for table in ("windows", "turns"):
        op.alter_column(table, "guess", new_column_name="label")
        op.alter_column(table, "unclear", new_column_name="uncertain")
    _rewrite(_without_guess)


def _with_guess(payload: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in payload.items() if key != "uncertain"}
    label = "unclear" if payload.get("uncertain") else payload["label"]
    return {**rest, "label": label, "guess": payload["label"]}


def _without_guess(payload: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in payload.items() if key != "guess"}
    return {**rest, "label": payload["guess"], "uncertain": payload["label"] == "unclear"}


def _rewrite(changed: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Change the payloads of windows and turns, some at a time: there may be millions."""
    connection, last = op.get_bind(), -1
    mine = sa.update(EVENTS).where(EVENTS.c.id == sa.bindparam("event"))
    mine = mine.values(payload=sa.bindparam("changed", type_=Json()))
    asked = sa.select(EVENTS.c.id, EVENTS.c.payload).where(EVENTS.c.kind.in_(("window", "turn")))
    while rows := connection.execute(
        asked.where(EVENTS.c.id > last).order_by(EVENTS.c.id).limit(ROWS_AT_ONCE)
    ).all():
        connection.execute(mine, [{"event": i, "changed": changed(told)} for i, told in rows])
        last = rows[-1].id
