"""The loop around a network in training: epochs, checkpoints, curves, and when to stop."""

from __future__ import annotations

import csv
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from tonfall.bundle import FrontEnd
from tonfall.learn.batches import Batch, ClipSet, Fixed, TrainingBatches
from tonfall.learn.encoders import TrainableEncoder
from tonfall.learn.nets import save_weights
from tonfall.learn.networks import start_front
from tonfall.learn.pretrained.front import PretrainedFront
from tonfall.learn.task import Judged, Learner, NetworkTask
from tonfall.learn.training import Selection, Training

__all__ = ["Epoch", "Epochs", "run_epochs"]

CHECKPOINT = "last.ckpt"
CURVES = "curves.csv"
WEIGHTS = "weights.npz"

_JUDGED_AT_ONCE = 64


@dataclass(frozen=True)
class Epoch:
    """A row of the curves.

    Attributes:
        epoch: from 1.
        loss: mean over the training batches.
        development_loss: of the categories on development speakers; recall there is the mean over
            the labels, concordance that over the dimensions.
        best: True where these weights are the ones to keep so far.
    """

    epoch: int
    loss: float
    development_loss: float
    development_recall: float
    development_concordance: float
    best: bool


Epochs = Callable[[float, int, Epoch | None], object]
"""Called with epochs done, most of them, and the last one that was judged."""


def run_epochs(
    encoder: TrainableEncoder,
    training: Training,
    front_end: FrontEnd,
    *,
    learnt: ClipSet,
    judged: ClipSet,
    seed: int,
    folder: Path,
    start: Path | None = None,
    progress: Epochs | None = None,
) -> Epoch:
    """Train a network, or go on where a killed run of the same folder was.

    Args:
        encoder: which network.
        training: how.
        front_end: how clips are cut.
        learnt: training clips.
        judged: development clips of other speakers.
        seed: of weights, order, augmentation and dropout.
        folder: gets ``weights.npz`` of the best epoch, ``curves.csv`` and ``last.ckpt``.
        start: weights to begin with, such as those that pruning left.
        progress: called as batches are done.

    Returns:
        The best epoch.

    Raises:
        ConfigError: the loss is not a finite number.
    """
    watch = _Watch(folder, training.selection, progress)
    with _quiet(), _numerics(training.threads):
        task = _task(encoder, training, front_end, learnt, seed=seed, start=start)
        trainer = _trainer(training, folder, watch)
        last = folder / CHECKPOINT
        trainer.fit(
            task,
            datamodule=_Data(training, front_end, learnt=learnt, judged=judged, seed=seed),
            ckpt_path=str(last) if last.exists() else None,
            weights_only=True,
        )
    return next(epoch for epoch in reversed(watch.epochs) if epoch.best)


def _task(
    encoder: TrainableEncoder,
    training: Training,
    front_end: FrontEnd,
    learnt: ClipSet,
    *,
    seed: int,
    start: Path | None,
) -> NetworkTask:
    batches = TrainingBatches(learnt, training, front_end, seed=seed, epoch=0)
    steps = training.epochs * -(-len(batches) // training.optimiser.accumulate)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learner = Learner(
            start_front(encoder, front_end, start=start),
            pooled=encoder.pooled,
            labels=learnt.targets.shape[1],
            dropout=encoder.dropout,
        )
    shares = learnt.targets.sum(axis=0)
    return NetworkTask(
        learner,
        training,
        seed=seed,
        steps=steps,
        label_shares=(shares / shares.sum()).astype(np.float32),
        clip_names=np.array(learnt.names),
    )


class _Data(lightning.LightningDataModule):
    """The batches of whichever epoch it is."""

    def __init__(
        self,
        training: Training,
        front_end: FrontEnd,
        *,
        learnt: ClipSet,
        judged: ClipSet,
        seed: int,
    ) -> None:
        super().__init__()
        self._training, self._front_end, self._seed = training, front_end, seed
        self._learnt, self._judged = learnt, judged

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        epoch = self.trainer.current_epoch
        batches = TrainingBatches(
            self._learnt, self._training, self._front_end, seed=self._seed, epoch=epoch
        )
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Batch]:
        fixed = Fixed(self._judged, self._front_end, batch_clips=_JUDGED_AT_ONCE)
        return DataLoader(fixed, batch_size=None)  # type: ignore[arg-type]


def _trainer(training: Training, folder: Path, watch: _Watch) -> lightning.Trainer:
    last = ModelCheckpoint(
        folder,
        filename=CHECKPOINT.removesuffix(".ckpt"),
        save_top_k=1,
        monitor=None,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return lightning.Trainer(
        accelerator=training.accelerator,
        devices=1,
        precision="bf16-mixed" if training.precision == "bf16" else "32-true",
        max_epochs=training.epochs,
        accumulate_grad_batches=training.optimiser.accumulate,
        gradient_clip_val=training.optimiser.clip_gradient,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[watch, last],
        plugins=[_WholeFiles()],
    )


class _WholeFiles(TorchCheckpointIO):
    """Checkpoints that are written whole or not at all: a run may be killed at any time."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        unfinished = Path(f"{path}.part")
        super().save_checkpoint(checkpoint, unfinished, storage_options)
        unfinished.replace(path)


class _Watch(Callback):
    """Curves, the best weights, and the end of what no longer improves."""

    def __init__(self, folder: Path, selection: Selection, progress: Epochs | None) -> None:
        self._folder, self._selection, self._progress = folder, selection, progress
        self.epochs: list[Epoch] = []

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": [asdict(epoch) for epoch in self.epochs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = [Epoch(**row) for row in state_dict["epochs"]]

    def on_train_start(self, trainer: lightning.Trainer, _task: lightning.LightningModule) -> None:
        trainer.should_stop = self._enough()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        _task: lightning.LightningModule,
        _outputs: object,
        _batch: object,
        batch_idx: int,
    ) -> None:
        if self._progress:
            done = trainer.current_epoch + (batch_idx + 1) / max(
                float(trainer.num_training_batches), 1
            )
            self._progress(done, trainer.max_epochs or 0, self.epochs[-1] if self.epochs else None)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, task: lightning.LightningModule
    ) -> None:
        assert isinstance(task, NetworkTask)
        assert task.judged is not None
        judged = task.judged
        best = self._better(judged)
        self.epochs.append(
            Epoch(
                epoch=trainer.current_epoch + 1,
                loss=float(np.mean(task.losses)),
                development_loss=judged.loss,
                development_recall=judged.recall,
                development_concordance=judged.concordance,
                best=best,
            )
        )
        task.losses = []
        if best:
            front = task.shipped.front
            whole = front.shipped() if isinstance(front, PretrainedFront) else front
            save_weights(whole, self._folder / WEIGHTS)
        _write_curves(self._folder / CURVES, self.epochs)
        trainer.should_stop = self._enough()

    def _better(self, judged: Judged) -> bool:
        kept = [epoch for epoch in self.epochs if epoch.best]
        if not kept:
            return True
        if self._selection.metric == "loss":
            return judged.loss < kept[-1].development_loss
        if self._selection.metric == "concordance":
            return judged.concordance > kept[-1].development_concordance
        # Few speakers have few recalls to tell epochs apart by; among equals the surer one.
        return (judged.recall, -judged.loss) > (
            kept[-1].development_recall,
            -kept[-1].development_loss,
        )

    def _enough(self) -> bool:
        best = max((epoch.epoch for epoch in self.epochs if epoch.best), default=0)
        return len(self.epochs) - best >= self._selection.patience


def _write_curves(path: Path, epochs: list[Epoch]) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        rows = [asdict(epoch) for epoch in epochs]
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    unfinished.replace(path)
    if find_spec("tensorboard"):
        _write_tensorboard(path.parent / "tensorboard", epochs[-1])


def _write_tensorboard(folder: Path, epoch: Epoch) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for name in ("loss", "development_loss", "development_recall", "development_concordance"):
            writer.add_scalar(name, getattr(epoch, name), epoch.epoch)


@contextmanager
def _numerics(threads: int) -> Iterator[None]:
    """Threads as the recipe has them, and no denormal numbers, which are ten times as slow.

    The caller's random numbers go on as if nothing had been drawn.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's tips and advertisements."""
    logger = logging.getLogger("pytorch_lightning")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
