"""What the API answers of the priors of a tenant's lines."""

from __future__ import annotations

from pydantic import BaseModel

from tonfall.serve.http.schemas import example

__all__ = ["PriorDocument", "PriorList"]

PRIOR = {
    "carrier": "twilio",
    "state": "in_use",
    "model": "small",
    "model_hash": "5d41402abc4b2a76b9719d911017c592",
    "version": "9f86d081884c7d65",
    "callers": 140,
    "seconds": 2103.4,
    "waiting": 7,
    "needed": 20,
    "started_at": "2026-11-18T08:00:12.310Z",
    "published_at": "2026-11-25T09:12:40.001Z",
    "distance": 0.97,
    "limit": 3.0,
    "frozen_at": None,
    "held": None,
}


class PriorDocument(BaseModel):
    """How the prior of a tenant's carrier stands; it is a mean over at least 20 callers.

    ``state`` is "off" where the settings say that nothing is learnt or used, "learning" before
    there is a version, then "in_use", or "frozen" where the newest callers sounded unlike all
    before: then calls start from ``version`` still, and ``held`` callers wait for somebody to
    accept or reject them. ``waiting`` callers, of ``needed``, wait on this node to be added.
    ``seconds`` of speech stand in the mean. ``distance`` is that of the newest callers from it, in
    units of chance; above ``limit`` it is frozen.
    """

    model_config = example(PRIOR)

    carrier: str
    state: str
    model: str
    model_hash: str
    version: str | None
    callers: int
    seconds: float
    waiting: int
    needed: int
    started_at: str | None
    published_at: str | None
    distance: float | None
    limit: float
    frozen_at: str | None = None
    held: int | None = None


class PriorList(BaseModel):
    """What was learnt of a tenant's lines; ``adapt`` is the setting ``model.adapt``."""

    model_config = example({"adapt": True, "priors": [PRIOR]})

    adapt: bool
    priors: list[PriorDocument]
