"""A bundle with a site's prior: the same model from another start, and nothing of any recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import String
from tiny_bundle import tiny_spec, write_tiny

from tonfall.adaptation import SitePrior, adapt_bundle, check_adaptable
from tonfall.bundle import Bundle, read_bundle
from tonfall.errors import BundleError, ConfigError
from tonfall.runtime import load
from tonfall.serve.store.schema import calls


def prior_of(bundle: Bundle, **changes: object) -> SitePrior:
    mean = np.linspace(-0.5, 0.6, 12)
    facts = {"recordings": 30, "voices": 40, "speech_s": 123.44, "weight_s": 16.0}
    return SitePrior(mean=mean, model_hash=bundle.hash, **{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def adapted(tiny_bundle: Bundle, tmp_path: Path) -> Bundle:
    return adapt_bundle(tiny_bundle, prior_of(tiny_bundle), tmp_path / "Our line")


def test_only_the_prior_is_another(tiny_bundle: Bundle, adapted: Bundle) -> None:
    own = {
        "schema_version",
        "name",
        "version",
        "description",
        "baseline",
        "site",
        "figures",
        "files",
    }
    assert adapted.spec.model_dump(exclude=own) == tiny_bundle.spec.model_dump(exclude=own)
    assert adapted.model.read_bytes() == tiny_bundle.model.read_bytes()
    assert adapted.spec.baseline is not None
    assert tiny_bundle.spec.baseline is not None
    assert adapted.spec.baseline.gate == tiny_bundle.spec.baseline.gate


def test_a_call_starts_from_the_site(tiny_bundle: Bundle, adapted: Bundle) -> None:
    baseline = load(adapted.folder).baseline()
    assert baseline.mean == pytest.approx(np.linspace(-0.5, 0.6, 12), abs=1e-6)
    assert baseline.prior_weight_s == 16


def test_it_says_what_it_was_made_of(tiny_bundle: Bundle, adapted: Bundle) -> None:
    site = adapted.spec.site
    assert site is not None
    assert (site.model, site.version, site.hash) == ("tiny", "1", tiny_bundle.hash)
    assert (site.recordings, site.voices, site.speech_s) == (30, 40, 123.4)
    assert adapted.spec.name == "tiny-our-line"
    assert adapted.spec.version.startswith("1+site.")
    assert adapted.spec.schema_version == 2


def test_its_card_says_so_and_keeps_the_models(tiny_bundle: Bundle, adapted: Bundle) -> None:
    assert adapted.card.startswith(f"# tiny-our-line (version {adapted.spec.version})\n")
    assert "30 recordings, 40 voices" in adapted.card
    assert "No voice counts for more than 5% of" in adapted.card
    assert tiny_bundle.hash in adapted.card
    assert "### Tiny\n" in adapted.card


def test_figures_of_the_model_are_not_claimed(tmp_path: Path) -> None:
    base = write_tiny(tmp_path / "tiny", spec=tiny_spec(figures={"loco/four: mean": 61.6}))
    assert adapt_bundle(base, prior_of(base), tmp_path / "site").spec.figures == {}


def test_the_same_recordings_give_the_same_hash(tiny_bundle: Bundle, tmp_path: Path) -> None:
    prior = prior_of(tiny_bundle)
    one, two = (
        adapt_bundle(tiny_bundle, prior, tmp_path / place, name="line") for place in ("one", "two")
    )
    other = adapt_bundle(tiny_bundle, prior_of(tiny_bundle, weight_s=8), tmp_path / "three")
    assert one.hash == two.hash
    assert one.spec.version != other.spec.version


def test_it_is_read_as_any_bundle(adapted: Bundle) -> None:
    assert read_bundle(adapted.folder) == adapted


def test_a_site_is_not_adapted_twice(adapted: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"itself adapted from tiny; adapt that one"):
        adapt_bundle(adapted, prior_of(adapted), tmp_path / "again")


def test_a_prior_of_another_model_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    prior = prior_of(tiny_bundle)
    base = write_tiny(tmp_path / "other", seed=7)
    with pytest.raises(BundleError, match=r"learnt with another model than tiny"):
        adapt_bundle(base, prior, tmp_path / "site")


def test_a_model_without_a_baseline_is_refused(tmp_path: Path) -> None:
    base = write_tiny(tmp_path / "lone", spec=tiny_spec(baseline=False))
    with pytest.raises(BundleError, match=r"tiny has no baseline, .* name one that has"):
        adapt_bundle(base, prior_of(base), tmp_path / "site")


def test_the_model_itself_is_not_overwritten(tmp_path: Path) -> None:
    base = write_tiny(tmp_path / "tiny")
    with pytest.raises(BundleError, match=r"the model that is adapted lies there"):
        adapt_bundle(base, prior_of(base), tmp_path / "tiny")
    assert read_bundle(base.folder) == base


@pytest.mark.parametrize("name", ["Our line", "-line", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_heard(
    tiny_bundle: Bundle, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"cannot be called '.*'; use small letters, .* 64 at"):
        check_adaptable(tiny_bundle, tmp_path / "x", name=name)


def test_a_name_of_a_long_folder_fits_into_the_database(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """As calls keep it; PostgreSQL would refuse every call of a longer one."""
    folder = tmp_path / f"{'line' * 14}--{'x' * 40}"
    adapted = adapt_bundle(tiny_bundle, prior_of(tiny_bundle), folder)
    assert adapted.spec.name == f"tiny-{'line' * 14}-xx"
    assert isinstance(calls.c.model.type, String)
    assert len(adapted.spec.name) == calls.c.model.type.length
