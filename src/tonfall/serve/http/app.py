"""The app: every route, behind the gate."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from tonfall import __version__
from tonfall.serve.http import (
    routes_alerts,
    routes_audio,
    routes_calls,
    routes_priors,
    routes_server,
    routes_sockets,
)
from tonfall.serve.http.gate import OPEN_PATHS, Gate, allowed_origins
from tonfall.serve.http.heads import Heads
from tonfall.serve.http.lobby import Lobby
from tonfall.serve.http.problems import add_handlers
from tonfall.serve.http.services import Services

__all__ = ["create_app"]

DESCRIPTION = """
Recordings and live calls as timelines of emotion. Every answer concerns one tenant, that of the
key; errors are problem details (RFC 9457). Scores are advice to look closer, never a decision
about a person.
"""
HOUR_S = 3600
MODULES = (
    routes_audio,
    routes_calls,
    routes_alerts,
    routes_priors,
    routes_server,
    routes_sockets,
)


def create_app(services: Services) -> FastAPI:
    """The app over some services."""
    app = FastAPI(
        title="Tonfall",
        version=__version__,
        summary="Hears how something is said.",
        description=DESCRIPTION,
        docs_url=None,  # Its pages would load scripts from elsewhere.
        redoc_url=None,
        openapi_url="/openapi.json",
        license_info={"name": "Apache-2.0"},
    )
    app.state.services = services
    add_handlers(app)
    routers = [each.router for each in MODULES]
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes]
    _describe_keys(app)
    app.add_middleware(Lobby, most=services.settings.limits.uploads)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(allowed_origins(services.settings)),
        allow_methods=["GET", "HEAD", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "X-API-Key"],
        max_age=HOUR_S,
    )
    app.add_middleware(Heads)
    app.add_middleware(Gate, settings=services.settings)
    return app


def _describe_keys(app: FastAPI) -> None:
    """Say in the description how keys are sent."""
    make = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = make()
            schemes = {"key": {"type": "http", "scheme": "bearer", "description": KEYS}}
            schema.setdefault("components", {})["securitySchemes"] = schemes
            schema["security"] = [{"key": []}]
            for path in OPEN_PATHS:
                schema["paths"][path]["get"]["security"] = []
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


KEYS = "A key from `tonfall keys create`, or a token of the identity provider."
