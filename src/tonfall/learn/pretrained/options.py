"""What a recipe says of an encoder that begins with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tonfall.learn.schema import Part, Unit

__all__ = ["Lora", "TransformersEncoder"]

Matrix = Literal["q_proj", "k_proj", "v_proj", "out_proj", "intermediate_dense", "output_dense"]


class Lora(Part):
    """Low-rank matrices that are learnt beside those of the blocks (Hu et al. 2022).

    Attributes:
        rank: of each.
        alpha: their product is scaled by alpha / rank.
        dropout: share of their inputs that is left out at each step.
        matrices: beside which of every block's.
    """

    rank: int = Field(default=8, ge=1, le=512)
    alpha: float = Field(default=16, gt=0, le=1024)
    dropout: Unit = 0.05
    matrices: tuple[Matrix, ...] = Field(default=("q_proj", "v_proj"), min_length=1)


class TransformersEncoder(Part):
    """wav2vec 2.0, HuBERT or WavLM; see `tonfall.learn.pretrained.front`.

    Attributes:
        model: checkpoint: a folder, or its name on the hub, as in "microsoft/wavlm-base".
        revision: commit, tag or branch of the hub's.
        licence: of the checkpoint, for the card.
        blocks: how many of its blocks are used, from the first; None for all.
        layers: "sum" takes a learnt weighted mean of the outputs of all blocks (Yang et al. 2021,
            SUPERB), "last" those of the last.
        trained: what of it is trained further: "nothing"; the "top" blocks; "lora", matrices beside
            those of the blocks; all "blocks"; or "all", the convolutions before them, too.
        top: how many blocks that are.
        lora: which matrices those are.
        layer_decay: at which share of the learning rate of the block above it each block learns.
        width: outputs a step, of which mean and deviation over time are judged.
        attention: True to weigh the steps by a learnt score, beside how surely they are speech
            (attentive statistics pooling); False to weigh them alike.
        dropout: share of outputs that are left out at each step of training.
        int8: True to store and run the matrices in 8 bits.
    """

    kind: Literal["transformers"]
    model: str = Field(min_length=1)
    revision: str | None = None
    licence: str | None = None
    blocks: int | None = Field(default=None, ge=1, le=96)
    layers: Literal["sum", "last"] = "sum"
    trained: Literal["nothing", "top", "lora", "blocks", "all"] = "nothing"
    top: int = Field(default=2, ge=1, le=96)
    lora: Lora = Lora()
    layer_decay: float = Field(default=1, gt=0, le=1)
    width: Annotated[int, Field(ge=1, le=1024)] = 256
    attention: bool = True
    dropout: Unit = 0.2
    int8: bool = False

    @property
    def checkpoint(self) -> str:
        """What the checkpoint is called where its place does not matter."""
        place = Path(self.model)
        return place.name if place.is_absolute() else self.model

    @property
    def stride(self) -> int:
        """Frames a step."""
        return 2

    @property
    def pooled(self) -> int:
        """Pooled features: mean and deviation over time of every output."""
        return 2 * self.width

    @property
    def statistics(self) -> int:
        """What adds up over pieces: sums of outputs and of their squares, and the weight."""
        return self.pooled + 1
