"""The HTTP API: recordings, calls, alerts, events; who may see what, and how much."""

from tonfall.serve.http.app import create_app
from tonfall.serve.http.services import Services

__all__ = ["Services", "create_app"]
