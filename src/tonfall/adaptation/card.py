"""The card of an adapted bundle: what the site gave, then the card of the model it was made of."""

from __future__ import annotations

import re

from tonfall.adaptation.prior import MOST_SHARES, SHIPPED_WEIGHT_S
from tonfall.bundle import Bundle, BundleSpec

__all__ = ["adapted_card"]


def adapted_card(spec: BundleSpec, base: Bundle) -> str:
    """Markdown.

    Args:
        spec: of the adapted bundle.
        base: the bundle that it was made of.
    """
    site, baseline = spec.site, spec.baseline
    assert site is not None
    assert baseline is not None
    size = len(baseline.prior_mean)
    share = min(1.0, MOST_SHARES / site.voices)
    return f"""\
# {spec.name} (version {spec.version})

{site.model} with the prior of a site, learnt without labels by `tonfall adapt`.

**Licence.** {spec.licence}

## The site's prior
- Made of {site.model}, version {site.version}, hash `{site.hash}`.
- Learnt from {site.recordings} recordings, {site.voices} voices (a person in two recordings counts
  as two) and {site.speech_s:.0f} seconds of speech. No voice counts for more than {share:.0%} of
  what was heard.
- No recording, name of a file, label or voice is in this folder: one mean of all voices is, {size}
  numbers, with {SHIPPED_WEIGHT_S:.0f} seconds of the model's own prior in it.
- It counts like {baseline.prior_weight_s:g} seconds of speech in the baseline of each call; a lone
  clip is judged against it alone.
- Network, labels, gate, temperature and threshold are those of {site.model}. It was **not
  measured** on this site: the figures below are of {site.model} with its own prior.
- It is for recordings like those that it was learnt from. It moves where one class ends and the
  next begins; it does not order clips better.

## The model that it was made of
{_demoted(base.card)}"""


def _demoted(card: str) -> str:
    """The card one level of headings down."""
    return re.sub(r"^(#+ )", r"##\1", card, flags=re.MULTILINE)
