"""What a recipe says of training a network: the first of two stages; a head follows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tonfall.learn.schema import Part, Unit

__all__ = ["FrameAugmentation", "Loss", "Optimiser", "Selection", "Training"]

Positive = Annotated[float, Field(gt=0)]


class Loss(Part):
    """What is made small.

    Attributes:
        kind: "cross-entropy", or "focal", which counts clips that are judged rightly less (Lin et
            al. 2017).
        focus: exponent of the focal loss.
        smoothing: share of a clip's target that is spread over all labels that its corpus has.
        logit_adjustment: how far a label's share of the training clips moves its logit while
            learning (Menon et al. 2021): 1 learns for equal shares; 0 not at all.
        class_weights: "balanced" has corpora and the labels in them count alike; "none" has clips
            count alike.
        categories: weight of the categories; 0 for none.
        dimensions: weight of arousal, valence and dominance against them; 0 for none.
        concordance: share of 1 - CCC in their loss; the rest is the squared error.
    """

    kind: Literal["cross-entropy", "focal"] = "cross-entropy"
    focus: float = Field(default=2, ge=0, le=10)
    smoothing: Unit = 0.1
    logit_adjustment: float = Field(default=0, ge=0, le=5)
    class_weights: Literal["balanced", "none"] = "none"
    categories: float = Field(default=1, ge=0, le=100)
    dimensions: float = Field(default=0.2, ge=0, le=100)
    concordance: Unit = 0.5

    @model_validator(mode="after")
    def _check_weights(self) -> Loss:
        if not self.categories and not self.dimensions:
            raise ValueError("categories and dimensions are both 0; give one of them a weight")
        return self


class FrameAugmentation(Part):
    """How a clip's frames differ each time they are learnt; 0 switches a change off.

    Attributes:
        crop_s: least and most seconds that are learnt of a clip; shorter ones are taken whole.
        shift: True to let the first piece begin anywhere.
        speed: by how much faster or slower at most, as a share.
        vocal_tract: by how much the bands are stretched at most, as a share: a longer or shorter
            vocal tract (Jaitly and Hinton 2013).
        equaliser_db: how far a smooth curve colours the spectrum at most.
        gain_db: how much louder or softer at most.
        band_masks: stretches of bands that are hidden, and the widest of them in bands
            (SpecAugment, Park et al. 2019).
        frame_masks: the same of frames, for each piece.
        mixup: alpha of the Beta distribution from which the share of another clip's pooled
            features is drawn (Zhang et al. 2018; Verma et al. 2019).
    """

    crop_s: tuple[Positive, Positive] = (1.5, 6.0)
    shift: bool = True
    speed: float = Field(default=0.1, ge=0, le=0.5)
    vocal_tract: float = Field(default=0.08, ge=0, le=0.3)
    equaliser_db: float = Field(default=3, ge=0, le=30)
    gain_db: float = Field(default=3, ge=0, le=30)
    band_masks: tuple[Annotated[int, Field(ge=0, le=10)], Annotated[int, Field(ge=0, le=40)]] = (
        2,
        10,
    )
    frame_masks: tuple[Annotated[int, Field(ge=0, le=10)], Annotated[int, Field(ge=0, le=100)]] = (
        1,
        20,
    )
    mixup: float = Field(default=0.2, ge=0, le=10)

    @model_validator(mode="after")
    def _check_crop(self) -> FrameAugmentation:
        if self.crop_s[0] > self.crop_s[1]:
            raise ValueError(
                f"crop_s goes from {self.crop_s[0]} to {self.crop_s[1]}; give the least first"
            )
        return self


class Optimiser(Part):
    """AdamW and its schedule.

    Attributes:
        learning_rate: the highest.
        pretrained_learning_rate: the highest for weights that were trained before, as Whisper's;
            None for that of the others.
        weight_decay: of AdamW.
        schedule: "cosine" falls to nothing in the last epoch after ``warmup`` of the steps, in
            which it rises; "constant" stays after it.
        warmup: share of all steps.
        clip_gradient: largest norm of the gradient; larger ones are scaled down.
        accumulate: batches whose gradients are added up before a step.
        average: share of the old weights in the running mean of weights that is judged and
            shipped; 0 takes the last weights.
    """

    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    pretrained_learning_rate: float | None = Field(default=None, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0, le=10)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Unit = 0.1
    clip_gradient: float = Field(default=1, gt=0)
    accumulate: int = Field(default=1, ge=1, le=1000)
    average: float = Field(default=0.99, ge=0, lt=1)


class Selection(Part):
    """Which epoch's weights are kept, judged on development speakers.

    Attributes:
        metric: "recall", mean over the labels; "loss", of the categories; or
            "concordance", the mean over the dimensions.
        patience: epochs without a better one after which training ends.
    """

    metric: Literal["recall", "loss", "concordance"] = "recall"
    patience: int = Field(default=15, ge=1)


class Training(Part):
    """How a network is trained.

    Attributes:
        epochs: most passes over the training clips.
        batch_clips: clips a step.
        sampling: "balanced" draws corpora, and labels in them, equally often; "natural" takes
            each clip once an epoch.
        accelerator: as Lightning names it; "auto" takes a GPU where there is one. Only on "cpu"
            does the same seed give the same weights to the bit.
        precision: "bf16" computes in bfloat16 where that is safe; meant for GPUs.
        threads: of PyTorch; another number gives other last digits.
    """

    epochs: int = Field(default=60, ge=1, le=10_000)
    batch_clips: int = Field(default=32, ge=2, le=4096)
    sampling: Literal["natural", "balanced"] = "natural"
    loss: Loss = Loss()
    frames: FrameAugmentation = FrameAugmentation()
    optimiser: Optimiser = Optimiser()
    selection: Selection = Selection()
    accelerator: Literal["auto", "cpu", "gpu"] = "cpu"
    precision: Literal["float32", "bf16"] = "float32"
    threads: int = Field(default=2, ge=1, le=256)

    @model_validator(mode="after")
    def _check_metric(self) -> Training:
        target = "dimensions" if self.selection.metric == "concordance" else "categories"
        if not getattr(self.loss, target):
            raise ValueError(
                f"selection.metric is {self.selection.metric}, which is of the {target}, but "
                f"loss.{target} is 0"
            )
        return self
