"""A bundle with a site's prior: the same network, another place to start from."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tonfall.adaptation.card import adapted_card
from tonfall.adaptation.prior import SitePrior
from tonfall.bundle import Bundle, BundleSpec, SiteUse, check_target, write_bundle
from tonfall.errors import BundleError, ConfigError

__all__ = ["adapt_bundle", "adapted_name", "check_adaptable"]

_SCHEMA = 2
"""The first that knows ``site``: an older Tonfall asks for a newer one."""

_LONGEST_NAME = 64
"""That the server's database has room for."""

_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")


def adapt_bundle(
    bundle: Bundle, prior: SitePrior, folder: Path, *, name: str | None = None
) -> Bundle:
    """Write a bundle that judges as this one does, from the site's prior on.

    The network, labels, calibration and gate are carried over; its figures are not, because they
    are of the model as it was. What is written names no recording.

    Args:
        bundle: the model that the prior was learnt with.
        prior: from :func:`tonfall.adaptation.site_prior`.
        folder: where to write; a bundle there is replaced.
        name: of the new model; that of the old one and of the folder by default.

    Raises:
        BundleError: the prior was learnt with another model, or the model cannot be adapted, or
            the folder holds something else.
        ConfigError: a name that cannot be one.
    """
    check_adaptable(bundle, folder, name=name)
    if prior.model_hash != bundle.hash:
        raise BundleError(
            f"The prior was learnt with another model than {bundle.spec.name}; hear the recordings "
            "with the model that is to be adapted."
        )
    spec = _adapted(bundle, prior, name or adapted_name(bundle, folder))
    card = adapted_card(spec, bundle)
    return write_bundle(folder, spec=spec, model=bundle.model.read_bytes(), card=card)


def adapted_name(bundle: Bundle, folder: Path) -> str:
    """The name by default: "medium-our-line" of medium and a folder "Our line"."""
    site = re.sub(r"[^a-z0-9._]+", "-", folder.resolve().name.lower()).strip("-._")
    return f"{bundle.spec.name}-{site or 'site'}"[:_LONGEST_NAME].rstrip("-._")


def check_adaptable(bundle: Bundle, folder: Path, *, name: str | None = None) -> None:
    """Refuse what cannot be adapted, before hours of recordings are heard.

    Raises:
        BundleError: the model has no baseline, or a site's prior already; or the folder holds the
            model itself, or what is no bundle's.
        ConfigError: a name that cannot be one.
    """
    if name and not _NAME.fullmatch(name):
        raise ConfigError(
            f"The adapted model cannot be called {name[:80]!r}; use small letters, digits, dot, "
            f"hyphen and underscore, {_LONGEST_NAME} at most."
        )
    if bundle.spec.baseline is None:
        raise BundleError(
            f"The model {bundle.spec.name} has no baseline, so it cannot take a site's prior; "
            "name one that has, such as medium."
        )
    if bundle.spec.site is not None:
        raise BundleError(
            f"The model {bundle.spec.name} was itself adapted from {bundle.spec.site.model}; adapt "
            "that one, with the recordings of both sites."
        )
    if folder.resolve() == bundle.folder.resolve():
        raise BundleError(f"{folder}: the model that is adapted lies there; name another folder.")
    check_target(folder)


def _adapted(bundle: Bundle, prior: SitePrior, name: str) -> BundleSpec:
    spec = bundle.spec.model_dump()
    mean = [round(float(value), 6) for value in prior.mean]
    digest = hashlib.sha256(repr((mean, prior.weight_s)).encode()).hexdigest()
    spec["baseline"].update(prior_mean=mean, prior_weight_s=prior.weight_s)
    site = SiteUse(
        model=bundle.spec.name,
        version=bundle.spec.version,
        hash=bundle.hash,
        recordings=prior.recordings,
        voices=prior.voices,
        speech_s=round(prior.speech_s, 1),
    )
    spec.update(
        schema_version=max(_SCHEMA, bundle.spec.schema_version),
        name=name,
        version=f"{bundle.spec.version}+site.{digest[:8]}",
        description=f"{bundle.spec.name} with the prior of a site.",
        site=site.model_dump(),
        figures={},
    )
    return BundleSpec.model_validate(spec)
