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

__all__ = [
    "LEAST_RECORDINGS",
    "LEAST_SPEECH_S",
    "PRIOR_WEIGHT_S",
    "SHIPPED_WEIGHT_S",
    "SitePrior",
    "adapt_bundle",
    "adapted_name",
    "capped_weights",
    "check_adaptable",
    "check_weight",
    "gated_mean",
    "site_prior",
]
