"""What one step of training does: pieces are encoded, pooled over clips, judged and compared."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import nn

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.learn.batches import Batch
from tonfall.learn.losses import categories_loss, dimensions_loss, mean_concordance, smoothed
from tonfall.learn.networks import AnyFront, Front, pool
from tonfall.learn.pretrained.front import PretrainedFront
from tonfall.learn.training import Training

__all__ = ["Judged", "Learner", "NetworkTask"]


@dataclass(frozen=True)
class Judged:
    """Development clips as the network's own head judges them.

    Attributes:
        loss: of the categories, without smoothing and adjustment.
        recall: mean over the labels that occur.
        concordance: mean over the dimensions that are known; NaN where none is.
    """

    loss: float
    recall: float
    concordance: float


class Learner(nn.Module):
    """The front and, while it is trained, a linear head on what it pools over a clip.

    Args:
        front: of an encoder.
        pooled: features that it pools.
        labels: of the training clips.
        dropout: of the pooled features.
    """

    def __init__(self, front: AnyFront, *, pooled: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.front = front
        self.norm = nn.BatchNorm1d(pooled, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.categories = nn.Linear(pooled, labels)
        self.dimensions = nn.Linear(pooled, 3)

    def pooled(self, batch: Batch) -> torch.Tensor:
        """(clips, pooled), normalised over the batch."""
        statistics = self.front(batch.frames, batch.weights)
        total = statistics.new_zeros(len(batch.clips), statistics.shape[1])
        return self.norm(pool(total.index_add(0, batch.owner, statistics)))

    def judge(self, pooled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(clips, labels) logits and (clips, 3) arousal, valence and dominance in [0, 1]."""
        kept = self.dropout(pooled)
        return self.categories(kept), torch.sigmoid(self.dimensions(kept))


class NetworkTask(lightning.LightningModule):
    """A network in training.

    What is random in a step is seeded by seed, epoch and step, so that a run that goes on from a
    checkpoint takes the same steps as one that was never stopped.

    Args:
        learner: with fresh weights.
        training: of the recipe.
        seed: of the recipe.
        steps: of the optimiser over all epochs.
        label_shares: (labels,) of the training clips.
        clip_names: of the training clips, for messages.
    """

    log_shares: torch.Tensor

    def __init__(
        self,
        learner: Learner,
        training: Training,
        *,
        seed: int,
        steps: int,
        label_shares: FloatArray,
        clip_names: npt.NDArray[np.str_],
    ) -> None:
        super().__init__()
        self.learner = learner
        # What does not learn is shared: of a large checkpoint, no second copy is held.
        kept = {id(each): each for each in learner.parameters() if not each.requires_grad}
        self._shared = frozenset(
            name for name, each in learner.named_parameters() if id(each) in kept
        )
        self.average = copy.deepcopy(learner, kept).requires_grad_(False)
        self.strict_loading = False
        self._training, self._seed, self._steps, self._names = training, seed, steps, clip_names
        tau = training.loss.logit_adjustment
        shares = torch.from_numpy(label_shares).clamp_min(1e-8)
        self.register_buffer("log_shares", tau * shares.log(), persistent=False)
        self.losses: list[float] = []
        self.judged: Judged | None = None
        self._heard: list[tuple[torch.Tensor, torch.Tensor, Batch]] = []

    @property
    def shipped(self) -> Learner:
        """Whose weights are judged and kept: the running mean's, if there is one."""
        return self.average if self._training.optimiser.average else self.learner

    def training_step(self, batch: Batch, place: int) -> torch.Tensor:
        """The loss of a batch.

        Raises:
            ConfigError: it is not a finite number.
        """
        rng = np.random.default_rng([self._seed, self.current_epoch, place, 1])
        torch.manual_seed(int(rng.integers(2**63)))
        pooled, batch = self._mixed(self.learner.pooled(batch), batch, rng)
        logits, dimensions = self.learner.judge(pooled)
        how = self._training.loss
        loss = how.categories * categories_loss(
            logits,
            smoothed(batch.targets, batch.possible, share=how.smoothing),
            batch.possible,
            weights=batch.clip_weights,
            log_shares=self.log_shares if how.logit_adjustment else None,
            focus=how.focus if how.kind == "focal" else 0.0,
        )
        if how.dimensions:
            loss = loss + how.dimensions * dimensions_loss(
                dimensions,
                batch.dimensions,
                concordance=how.concordance,
                weights=batch.clip_weights,
            )
        if not torch.isfinite(loss):
            names = ", ".join(self._names[batch.clips[:3].cpu().numpy()])
            raise self._not_finite(loss, f"batch {place + 1} ({names} and others)")
        self.losses.append(float(loss.detach()))
        return loss

    def _mixed(
        self, pooled: torch.Tensor, batch: Batch, rng: np.random.Generator
    ) -> tuple[torch.Tensor, Batch]:
        """Pooled features and targets, mixed with those of another clip of the batch."""
        alpha = self._training.frames.mixup
        if not alpha:
            return pooled, batch
        share = float(rng.beta(alpha, alpha))
        other = torch.from_numpy(rng.permutation(len(batch.clips))).to(pooled.device)

        def mixed(values: torch.Tensor) -> torch.Tensor:
            return share * values + (1 - share) * values[other]

        parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
        parts["possible"] = batch.possible | batch.possible[other]
        for name in ("targets", "dimensions", "clip_weights"):
            parts[name] = mixed(parts[name])
        return mixed(pooled), Batch(**parts)

    def _not_finite(self, loss: torch.Tensor, where: str) -> ConfigError:
        return ConfigError(
            f"The loss is {float(loss.detach())} in epoch {self.current_epoch + 1}, {where}, so "
            "training stopped; the last good checkpoint is kept. Lower "
            "training.optimiser.learning_rate, or look at these clips."
        )

    def optimizer_step(self, *args: object, **how: object) -> None:
        """A step of the optimiser, then one of the running mean of weights."""
        super().optimizer_step(*args, **how)  # type: ignore[arg-type]
        keep = self._training.optimiser.average
        if not keep:
            return
        # At first the mean is short, so that it does not remember how the weights were drawn.
        keep = min(keep, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.learner.parameters(), strict=True)
            for mean, now in pairs:
                if mean is not now:
                    mean.lerp_(now, 1 - keep)
            for kept, new in zip(self.average.buffers(), self.learner.buffers(), strict=True):
                kept.copy_(new)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn: it is there when training begins anew."""
        for part in ("learner", "average"):
            for name in self._shared:
                checkpoint["state_dict"].pop(f"{part}.{name}")

    def validation_step(self, batch: Batch, _place: int) -> None:
        """Judge development clips."""
        logits, dimensions = self.shipped.judge(self.shipped.pooled(batch))
        self._heard.append((logits, dimensions, batch))

    def on_validation_epoch_end(self) -> None:
        """Sum up what was judged.

        Raises:
            ConfigError: the loss is not a finite number.
        """
        judged, placed, batches = zip(*self._heard, strict=True)
        logits = torch.cat(judged)
        targets = torch.cat([batch.targets for batch in batches])
        possible = torch.cat([batch.possible for batch in batches])
        meant = torch.cat([batch.dimensions for batch in batches])
        loss = categories_loss(logits, targets, possible)
        if not torch.isfinite(loss):
            raise self._not_finite(loss, "on the development clips")
        guess = logits.masked_fill(~possible, -torch.inf).argmax(1)
        found = targets.gather(1, guess[:, None])[:, 0]
        totals = targets.sum(0)
        right = torch.zeros_like(totals).index_add(0, guess, found)
        recall = (right[totals > 0] / totals[totals > 0]).mean()
        concordance = mean_concordance(torch.cat(placed), meant)
        self.judged = Judged(float(loss), float(recall), concordance)
        self._heard = []

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW, and its rate at each step."""
        how = self._training.optimiser
        optimiser = torch.optim.AdamW(
            self._parameters_by_rate(), lr=how.learning_rate, weight_decay=how.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _parameters_by_rate(self) -> list[dict[str, Any]]:
        """What was trained before, and what was not; without what stays as it is."""
        how = self._training.optimiser
        front = self.learner.front
        rate = how.pretrained_learning_rate or how.learning_rate
        groups: list[dict[str, Any]] = []
        if isinstance(front, Front):
            before = [each for each in front.parameters() if each.requires_grad]
            groups.append({"params": before, "lr": rate})
        elif isinstance(front, PretrainedFront):
            for before, share in front.parameters_by_share():
                groups.append({"params": before, "lr": rate * share})
        grouped = {each for group in groups for each in group["params"]}
        learnt = [each for each in self.learner.parameters() if each.requires_grad]
        return [{"params": [each for each in learnt if each not in grouped]}, *groups]

    def _rate(self, step: int) -> float:
        """Share of the highest learning rate at a step."""
        how = self._training.optimiser
        rising = round(how.warmup * self._steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        if how.schedule == "constant":
            return 1.0
        done = (step - rising) / max(self._steps - rising, 1)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, _dataloader: int
    ) -> Batch:
        """The batch where the weights are."""
        moved = {field.name: getattr(batch, field.name).to(device) for field in fields(batch)}
        return Batch(**moved)
