"""What training leaves beside a bundle, so that its network can be had in PyTorch again.

The folder of a run, OUTPUT.training, gets ``resolved.yaml`` (the whole recipe), ``head.npz`` (the
weights of the head) and ``network.json`` (which front is below it).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tonfall.errors import ConfigError
from tonfall.learn.encoders import Encoder, TrainedEncoder
from tonfall.learn.nets import load_weights, save_weights
from tonfall.learn.networks import Judge, LoneNetwork, Network, build_front
from tonfall.learn.recipe import Recipe

__all__ = ["SavedNetwork", "read_network", "run_folder", "save_network"]

_RECIPE, _HEAD, _NETWORK = "resolved.yaml", "head.npz", "network.json"


class _Front(BaseModel):
    """The content of network.json.

    Attributes:
        labels: of the head.
        network: as its recipe describes it.
        weights: file of the front where it was trained; relative to the run's folder if inside.
        sha256: of that file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: int
    network: dict[str, object]
    weights: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class SavedNetwork:
    """A network as it was trained.

    Attributes:
        recipe: how, as it was resolved, with paths that can be opened.
        network: in float32 and evaluation mode.
    """

    recipe: Recipe
    network: Network | LoneNetwork

    @property
    def frames(self) -> int:
        """Of a piece with its context."""
        return self.recipe.front_end.context_frames + self.recipe.front_end.piece_frames


def run_folder(bundle: Path) -> Path:
    """Where `tonfall train` leaves what belongs to a bundle of this folder."""
    bundle = bundle.resolve()
    return bundle.with_name(f"{bundle.name}.training")


def save_network(folder: Path, recipe: Recipe, judge: Judge, encoder: Encoder) -> None:
    """Write what `read_network` needs; the network itself stays where its training left it.

    Args:
        folder: of the run.
        recipe: with which `tonfall train` began.
        judge: the head.
        encoder: below the head, as it came out of training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resolved = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (folder / _RECIPE).write_text(resolved, encoding="utf-8")
    save_weights(judge, folder / _HEAD)
    front = _Front(labels=judge.categories.out_features, network=encoder.model_dump(mode="json"))
    if isinstance(encoder, TrainedEncoder):
        inside = encoder.weights.resolve().is_relative_to(folder.resolve())
        place = encoder.weights.resolve()
        front = _Front(
            labels=front.labels,
            network=encoder.network.model_dump(mode="json"),
            weights=str(place.relative_to(folder.resolve()) if inside else place),
            sha256=encoder.sha256,
        )
    (folder / _NETWORK).write_text(front.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_network(folder: Path) -> SavedNetwork:
    """The network of a run.

    Raises:
        ConfigError: a file of the run is missing, altered or from another version of Tonfall.
    """
    try:
        content = yaml.safe_load((folder / _RECIPE).read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(content)
        front = _Front.model_validate(json.loads((folder / _NETWORK).read_text(encoding="utf-8")))
        encoder = _encoder(front, folder)
    except (OSError, ValueError, ValidationError) as error:
        problem = "is missing" if isinstance(error, FileNotFoundError) else "cannot be used"
        raise ConfigError(
            f"{folder}: a file of the training run {problem} ({type(error).__name__}); train the "
            "recipe again."
        ) from None
    judge = Judge(
        pooled=encoder.pooled,
        labels=front.labels,
        dimensions=3,
        hears_baseline=recipe.baseline is not None and recipe.head.hears_baseline > 0,
    )
    load_weights(judge, folder / _HEAD)
    kind = Network if recipe.baseline else LoneNetwork
    network = kind(build_front(encoder, recipe.front_end), judge)
    return SavedNetwork(recipe, network.eval().requires_grad_(False))


def _encoder(front: _Front, folder: Path) -> Encoder:
    network: Encoder = TypeAdapter(Encoder).validate_python(front.network)
    if front.weights is None:
        return network
    assert not isinstance(network, TrainedEncoder)
    return TrainedEncoder(
        network=network, weights=folder / front.weights, sha256=front.sha256 or ""
    )
