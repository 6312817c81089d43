"""The first stage of training: a recipe whose encoder is a network gets one that is trained."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import yaml

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.corpora.clips import clips_of
from tonfall.corpora.contents import (
    cache_folder,
    clip_hash,
    code_hash,
    file_hash,
    joint_hash,
    library_versions,
)
from tonfall.emotion import DIMENSIONS, LabelSpace
from tonfall.errors import ConfigError
from tonfall.learn.batches import ClipSet
from tonfall.learn.blend import blend_weights
from tonfall.learn.clips import Progress, copy_key, item_names
from tonfall.learn.data import check_every_label, split_speakers
from tonfall.learn.encode import LIBRARIES, PRETRAINED
from tonfall.learn.encoders import (
    CnnEncoder,
    Encoder,
    TrainableEncoder,
    TrainedEncoder,
    TransformersEncoder,
    WhisperEncoder,
    is_trained,
)
from tonfall.learn.frames import CODE as FRAMES
from tonfall.learn.frames import clip_frames
from tonfall.learn.nets import save_weights
from tonfall.learn.pretrained.checkpoint import model_hash, read_checkpoint
from tonfall.learn.prune import heard_pieces, left, prune_cnn, prune_whisper
from tonfall.learn.recipe import Recipe
from tonfall.learn.targets import label_shares, row_weights

if TYPE_CHECKING:
    from tonfall.learn.loop import Epoch, Epochs

__all__ = ["Runs", "with_trained"]

_CODE = (
    *FRAMES,
    "learn/batches.py",
    "learn/encoders.py",
    "learn/frame_augment.py",
    "learn/loop.py",
    "learn/losses.py",
    "learn/nets",
    "learn/networks.py",
    "learn/sample_augment.py",
    "learn/stage.py",
    "learn/targets.py",
    "learn/task.py",
    "learn/training.py",
    "learn/whisper.py",
)
"""All of this package that has a part in the weights."""

_LIBRARIES = (*LIBRARIES, "pytorch-lightning")

_RESULT = "result.json"
_WEIGHTS = "weights.npz"
_PRUNED = "pruned.npz"
_EVERY, _FIRST = 8, 3
"""Where nobody is held out: every eighth speaker of each corpus, from the fourth."""


@dataclass(frozen=True)
class Runs:
    """Where networks are trained, and who is told of it.

    Attributes:
        folder: gets a folder a run, named by all that decides it; by default in the cache.
        epochs: called as batches are done.
    """

    folder: Path | None = None
    epochs: Epochs | None = None


def with_trained(
    recipe: Recipe,
    train: pd.DataFrame,
    development: pd.DataFrame,
    *,
    labels: LabelSpace,
    runs: Runs | None = None,
    progress: Progress | None = None,
) -> Recipe:
    """The recipe with its network trained on the train part; as it is where it has none to train.

    A run is known by its clips, settings, seed and code: one that was finished is not repeated,
    and one that was killed goes on after its last whole epoch.

    Args:
        recipe: how.
        train: as `tonfall.learn.fit.fit` takes it.
        development: other speakers, who say which epoch is the best and learn nothing; where there
            is none with a label, some of the train part are held out.
        labels: the label space.
        runs: where.
        progress: called while clips become frames.

    Raises:
        ConfigError: too few speakers, a label without clips, a checkpoint that cannot be used, or a
            loss that is not finite.
    """
    encoder = recipe.encoder
    if isinstance(encoder, TrainedEncoder) or not is_trained(encoder):
        return recipe
    if not development["label"].isin(labels).any():
        train, development = split_speakers(train, every=_EVERY, first=_FIRST)
    both = pd.concat([train, development])
    check_every_label(both, labels)
    development = development[_judged(development, recipe, labels)]
    runs = runs or Runs()
    parts = {"train": train, "development": development}
    data = pd.concat([_data(rows, labels).assign(part=part) for part, rows in parts.items()])
    key = _key(recipe, data, labels)
    folder = (runs.folder or cache_folder() / "networks") / key[:16]
    if not (folder / _RESULT).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_facts(folder, recipe, data)
        best = _run(recipe, parts, labels, folder, runs.epochs, progress)
        result = {"key": key, **best, "sha256": file_hash(folder / _WEIGHTS)}
        (folder / _RESULT).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    weights = _blended(encoder, recipe.front_end, folder)
    trained = TrainedEncoder(network=left(encoder), weights=weights, sha256=file_hash(weights))
    return recipe.model_copy(update={"encoder": trained})


def _blended(encoder: TrainableEncoder, front_end: FrontEnd, folder: Path) -> Path:
    """The file of the weights that are frozen: the trained ones, or some on the way to them."""
    trained = folder / _WEIGHTS
    if not isinstance(encoder, WhisperEncoder) or encoder.blend == 1:
        return trained
    target = folder / f"blend-{encoder.blend:g}.npz"
    if not target.exists():
        start = folder / _PRUNED if encoder.prune else None
        blend_weights(encoder, front_end, start=start, trained=trained, target=target)
    return target


def _run(
    recipe: Recipe,
    parts: Mapping[str, pd.DataFrame],
    labels: LabelSpace,
    folder: Path,
    epochs: Epochs | None,
    progress: Progress | None,
) -> dict[str, object]:
    """Prune and train, and leave the weights in the folder; what there is to say of the best epoch.

    What was published is pruned, then trained, if it is; a network of our own is trained, pruned,
    and trained again.
    """
    encoder, start = recipe.encoder, None
    assert not isinstance(encoder, TrainedEncoder)
    if isinstance(encoder, WhisperEncoder) and encoder.prune:
        start = folder / _PRUNED
        if not start.exists():
            pieces = heard_pieces(parts["train"], recipe, progress=progress)
            save_weights(prune_whisper(encoder, recipe.front_end, pieces), start)
        if encoder.trained == "nothing":
            shutil.copyfile(start, folder / _WEIGHTS)
            return {}
    learnt, judged = (
        _clip_set(parts[part], recipe, labels, progress, judged=part == "development")
        for part in ("train", "development")
    )
    if isinstance(encoder, CnnEncoder) and encoder.prune:
        start = folder / _PRUNED
        if not start.exists():
            whole = folder / "whole"
            whole.mkdir(exist_ok=True)
            _train(recipe, encoder, learnt, judged, whole, epochs=epochs)
            save_weights(prune_cnn(encoder, recipe.front_end, whole / _WEIGHTS), start)
    best = _train(recipe, left(encoder), learnt, judged, folder, start=start, epochs=epochs)
    return asdict(best)


def _judged(clips: pd.DataFrame, recipe: Recipe, labels: LabelSpace) -> pd.Series[bool]:
    """Which development clips say something of what chooses the epoch.

    Raises:
        ConfigError: none does.
    """
    if recipe.training.selection.metric != "concordance":
        return clips["label"].isin(labels)
    rated = pd.Series(~np.isnan(_dimensions(clips)).all(axis=1), index=clips.index)
    if rated.sum() < 2:
        raise ConfigError(
            "training.selection.metric is concordance, but of the held-out clips "
            f"{rated.sum()} have a dimension, and two are the least; write recall."
        )
    return rated


def _train(
    recipe: Recipe,
    encoder: TrainableEncoder,
    learnt: ClipSet,
    judged: ClipSet,
    folder: Path,
    *,
    start: Path | None = None,
    epochs: Epochs | None,
) -> Epoch:
    from tonfall.learn.loop import run_epochs  # Lightning takes seconds to import

    return run_epochs(
        encoder,
        recipe.training,
        recipe.front_end,
        learnt=learnt,
        judged=judged,
        seed=recipe.seed,
        folder=folder,
        start=start,
        progress=epochs,
    )


def _data(rows: pd.DataFrame, labels: LabelSpace) -> pd.DataFrame:
    """What the result depends on of each clip."""
    clips = clips_of(rows.assign(item=item_names(rows)))
    shares = label_shares(rows, labels)
    dimensions = _dimensions(rows)
    return pd.DataFrame(
        {
            "item": [clip.item for clip in clips],
            "corpus": rows["corpus"].to_numpy(),
            "speaker": rows["speaker"].to_numpy(),
            "label": rows["label"].fillna("").to_numpy(),
            "shares": [" ".join(f"{share:.4g}" for share in row) for row in shares],
            "dimensions": [" ".join(f"{place:.4g}" for place in row) for row in dimensions],
            "sha256": [clip_hash(clip) for clip in clips],
        }
    )


def _key(recipe: Recipe, data: pd.DataFrame, labels: LabelSpace) -> str:
    """Everything that decides the weights."""
    how = [
        code_hash(*_CODE),
        library_versions(*_LIBRARIES),
        *_begun(recipe.encoder),
        recipe.training.model_dump_json(),
        recipe.front_end.model_dump_json(),
        repr((recipe.seed, labels, recipe.head.label_weights, recipe.augmentation.clip_weight)),
    ]
    for copy in recipe.augmentation.copies:
        how += [copy, *copy_key(recipe, copy)]
    rows = data.drop(columns="speaker").astype(str).itertuples(index=False, name=None)
    return joint_hash([*how, *("\x1f".join(row) for row in rows)])


def _begun(encoder: Encoder) -> tuple[str, ...]:
    """What a network is before its training; a checkpoint by its content, wherever it lies."""
    if isinstance(encoder, WhisperEncoder):  # how much of it stays is decided after the training
        encoder = encoder.model_copy(update={"blend": 1.0})
    if not isinstance(encoder, TransformersEncoder):
        pruning = (code_hash("learn/prune.py"),) if getattr(encoder, "prune", 0) else ()
        return encoder.model_dump_json(), *pruning
    content = model_hash(*read_checkpoint(encoder))
    settings = encoder.model_copy(update={"model": content, "revision": None, "licence": None})
    versions = library_versions("peft", "transformers")
    return settings.model_dump_json(), code_hash(*PRETRAINED), versions


def _write_facts(folder: Path, recipe: Recipe, data: pd.DataFrame) -> None:
    """What a reader of the folder wants to know: the whole recipe, the clips, the environment."""
    resolved = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (folder / "resolved.yaml").write_text(resolved, encoding="utf-8")
    data.to_csv(folder / "data.csv", index=False)
    versions = library_versions("tonfall", *_LIBRARIES)
    about = f"python {platform.python_version()}\n{platform.platform()}\n{versions}\n"
    (folder / "environment.txt").write_text(about, encoding="utf-8")


def _clip_set(
    rows: pd.DataFrame,
    recipe: Recipe,
    labels: LabelSpace,
    progress: Progress | None,
    *,
    judged: bool,
) -> ClipSet:
    """Clips with their targets; those that are judged come as they are, and count alike."""
    copies = ("clip",) if judged else ("clip", *recipe.augmentation.copies)
    shares = label_shares(rows, labels)
    possible = pd.DataFrame(shares > 0).groupby(rows["corpus"].to_numpy()).transform("any")
    groups = rows["corpus"] + "/" + rows["label"].fillna("")
    return ClipSet(
        names=item_names(rows),
        copies=[clip_frames(rows, recipe=recipe, copy=copy, progress=progress) for copy in copies],
        copy_shares=_copy_shares(recipe, len(copies)),
        targets=shares,
        possible=np.array(possible, dtype=bool),
        dimensions=_dimensions(rows),
        groups=groups.factorize()[0].astype(np.int64),
        weights=_weights(rows, shares, labels, recipe, judged=judged),
    )


def _copy_shares(recipe: Recipe, copies: int) -> FloatArray:
    """How often a clip comes as it is, and by way of each copy."""
    shares = np.ones(copies)
    shares[0] = recipe.augmentation.clip_weight
    return shares / shares.sum()


def _weights(
    rows: pd.DataFrame, shares: FloatArray, labels: LabelSpace, recipe: Recipe, *, judged: bool
) -> FloatArray:
    """(clips,) with a mean of one."""
    if judged or recipe.training.loss.class_weights == "none":
        return np.ones(len(rows), np.float32)
    weights = row_weights(rows, shares, labels, recipe.head.label_weights)
    return (weights / weights.mean()).astype(np.float32)


def _dimensions(rows: pd.DataFrame) -> FloatArray:
    """(clips, 3) as the table has them, NaN where it does not."""
    return rows.reindex(columns=list(DIMENSIONS)).to_numpy(np.float32, na_value=np.nan)
