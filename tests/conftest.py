"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_clips import random_weights
from tiny_bundle import tiny_functionals_spec, tiny_waveform_spec, write_tiny

from tonfall.bundle import Bundle
from tonfall.runtime import Predictor

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and calls beside the checkout; skips where it is absent."""
    folder = Path(os.environ.get("TONFALL_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the corpora and calls in {folder.name}/ beside the checkout")
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with random weights, for tests that need a model but no knowledge."""
    return write_tiny(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test encodes is left in the user's cache, or found there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONFALL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny(tiny_bundle: Bundle) -> Predictor:
    """The model of that bundle."""
    return Predictor(tiny_bundle)


@pytest.fixture(scope="session")
def tiny_waveform(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A model of the same kind that takes samples in place of log-mel."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny-waveform"
    return Predictor(write_tiny(folder, spec=tiny_waveform_spec()))


@pytest.fixture(scope="session")
def tiny_functionals(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A model that takes functionals of the set mfcc."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny-functionals"
    return Predictor(write_tiny(folder, spec=tiny_functionals_spec()))


@pytest.fixture
def tiny_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Training on convolutions of random weights, with a cache of its own: no weights needed."""
    pytest.importorskip("torch", reason="training needs PyTorch: extra train")
    from tonfall.learn import encode, networks
    from tonfall.learn.shelves import open_shelves

    weights = random_weights()
    monkeypatch.setattr(networks, "find_container", lambda: Path("made-up"))
    monkeypatch.setattr(networks, "read_container", lambda _path: weights)
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    caches = (encode.front_graph, encode._acoustics, open_shelves)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()
