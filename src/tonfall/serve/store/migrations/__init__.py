"""Alembic's steps from one shape of the database to the next; they ship in the wheel."""
