"""A model fitted to a line, a room or a language without labels: the site's prior."""

from tonfall.adaptation.bundle import adapt_bundle, adapted_name, check_adaptable
from tonfall.adaptation.prior import (
    LEAST_RECORDINGS,
    LEAST_SPEECH_S,
    PRIOR_WEIGHT_S,
    SHIPPED_WEIGHT_S,
    SitePrior,
    capped_weights,
    check_weight,
    gated_mean,
    site_prior,
)
from tonfall.adaptation.running import (
    FADING_CALLERS,
    JUMP,
    LEAST_CALLERS,
    LEAST_GATED_S,
    MOST_GATED_S,
    Callers,
    heard_caller,
    jump,
    line_mean,
    merged,
)

__all__ = [
    "FADING_CALLERS",
    "JUMP",
    "LEAST_CALLERS",
    "LEAST_GATED_S",
    "LEAST_RECORDINGS",
    "LEAST_SPEECH_S",
    "MOST_GATED_S",
    "PRIOR_WEIGHT_S",
    "SHIPPED_WEIGHT_S",
    "Callers",
    "SitePrior",
    "adapt_bundle",
    "adapted_name",
    "capped_weights",
    "check_adaptable",
    "check_weight",
    "gated_mean",
    "heard_caller",
    "jump",
    "line_mean",
    "merged",
    "site_prior",
]
