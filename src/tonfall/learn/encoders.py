"""The encoders that a recipe may name: what turns log-mel frames into statistics that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from tonfall.learn.pretrained.options import TransformersEncoder
from tonfall.learn.schema import Part, Unit

__all__ = [
    "ENCODERS",
    "WHISPER_HEADS",
    "WHISPER_WIDTH",
    "CnnEncoder",
    "CnnTransformerEncoder",
    "Encoder",
    "NetworkEncoder",
    "RecurrentEncoder",
    "TrainableEncoder",
    "TrainedEncoder",
    "TransformersEncoder",
    "WhisperEncoder",
    "is_trained",
    "left_of",
]

WHISPER_WIDTH = 384
"""Outputs a step of Whisper tiny.en."""

WHISPER_HEADS = 6
"""Attention heads of its blocks."""

Width = Annotated[int, Field(ge=1, le=1024)]

Pruned = Annotated[float, Field(ge=0, le=0.9)]


def left_of(units: int, share: float) -> int:
    """How many units pruning leaves: a multiple of 8, as processors like it, where there are more.

    >>> left_of(384, 0.25), left_of(16, 0.3), left_of(5, 0.5)
    (288, 11, 3)
    """
    left = units * (1 - share)
    return round(left / 8) * 8 if left >= 64 else max(round(left + 0.01), 1)


class WhisperEncoder(Part):
    """Whisper tiny.en's convolutions and first blocks, frozen or trained further.

    Attributes:
        taps: after which blocks outputs are taken; 0 is after the convolutions, 4 is the last.
        trained: what of it is trained further before the head is fitted: "nothing", its "blocks",
            or "all", the convolutions too.
        dropout: share of pooled features that are left out at each step of that training.
        blend: how much of that training stays: 1 for the trained weights, less for weights on the
            way to them from the published ones, which may carry over better to other recordings.
        prune: share of the first convolution's channels, of the attention heads and of the
            feed-forward units that are taken out, before anything is trained.
        int8: True to store and run the blocks' matrices in 8 bits.
    """

    kind: Literal["whisper-tiny.en"] = "whisper-tiny.en"
    taps: tuple[Annotated[int, Field(ge=0, le=4)], ...] = Field(min_length=1)
    trained: Literal["nothing", "blocks", "all"] = "nothing"
    dropout: Unit = 0.2
    blend: Annotated[float, Field(gt=0, le=1)] = 1
    prune: Pruned = 0
    int8: bool = False

    @model_validator(mode="after")
    def _check_trained(self) -> WhisperEncoder:
        if self.trained == "blocks" and not self.blocks:
            raise ValueError(
                'trained is "blocks", but taps names no block after the convolutions; '
                'add 1, or write "all"'
            )
        if self.blend < 1 and self.trained == "nothing":
            raise ValueError(
                f"blend is {self.blend:g}, but nothing is trained that it could be a part of; "
                'leave it out, or add trained: "blocks"'
            )
        return self

    @property
    def stride(self) -> int:
        """Frames a step."""
        return 2

    @property
    def blocks(self) -> int:
        """Transformer blocks that are needed."""
        return max(self.taps)

    @property
    def channels(self) -> int:
        """Channels of the first convolution."""
        return left_of(WHISPER_WIDTH, self.prune)

    @property
    def heads(self) -> int:
        """Attention heads of a block."""
        return WHISPER_HEADS - int(WHISPER_HEADS * self.prune)

    @property
    def hidden(self) -> int:
        """Feed-forward units of a block."""
        return left_of(4 * WHISPER_WIDTH, self.prune)

    @property
    def pooled(self) -> int:
        """Pooled features: mean and deviation over time of every tapped output."""
        return 2 * WHISPER_WIDTH * len(self.taps)

    @property
    def statistics(self) -> int:
        """What adds up over pieces: sums of outputs and of their squares, and the weight."""
        return self.pooled + 1


class _Network(Part):
    """What every network of our own has; it is trained from nothing, then frozen.

    Attributes:
        width: outputs a step, of which mean and deviation over time are judged.
        attention: True to weigh the steps by a learnt score, beside how surely they are speech
            (attentive statistics pooling); False to weigh them alike.
        dropout: share of outputs that are left out at each step of training.
        level: "loudest" counts every frame from its piece's loudest band, so that gain has no
            effect; "absolute" takes the level as it was recorded, which tells something of
            emotion where all were recorded alike, and misleads where they were not.
        int8: True to store and run the matrices in 8 bits.
    """

    width: Width = 128
    attention: bool = True
    dropout: Unit = 0.2
    level: Literal["loudest", "absolute"] = "loudest"
    int8: bool = False

    @property
    def pooled(self) -> int:
        """Pooled features: mean and deviation over time of every output."""
        return 2 * self.width

    @property
    def statistics(self) -> int:
        """What adds up over pieces: sums of outputs and of their squares, and the weight."""
        return self.pooled + 1


class CnnEncoder(_Network):
    """Convolutions over time and bands; see `tonfall.learn.nets.cnn`.

    Attributes:
        channels: of each layer. The first two halve time and bands, the others the bands.
        prune: share of each layer's channels that are taken out after training; what is left is
            then trained again.
    """

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Width, ...] = Field(default=(16, 32, 48, 64), min_length=2, max_length=6)
    prune: Pruned = 0

    @property
    def stride(self) -> int:
        """Frames a step."""
        return 4


class RecurrentEncoder(_Network):
    """A recurrent network; see `tonfall.learn.nets.recurrent`.

    Attributes:
        kind: "bilstm" reads each piece both ways, "gru" forwards.
        hidden: units of each layer and direction.
        layers: how many.
    """

    kind: Literal["bilstm", "gru"]
    hidden: Width = 96
    layers: int = Field(default=2, ge=1, le=6)

    @property
    def stride(self) -> int:
        """Frames a step."""
        return 4


class CnnTransformerEncoder(_Network):
    """Convolutions, then transformer blocks; see `tonfall.learn.nets.cnn_transformer`.

    Attributes:
        channels: of the convolutions, as in `CnnEncoder`.
        blocks: transformer blocks.
        heads: of their attention; ``width`` is a multiple of it.
    """

    kind: Literal["cnn-transformer"] = "cnn-transformer"
    channels: tuple[Width, ...] = Field(default=(16, 32, 48), min_length=2, max_length=6)
    blocks: int = Field(default=2, ge=1, le=12)
    heads: int = Field(default=4, ge=1, le=16)

    @model_validator(mode="after")
    def _check_heads(self) -> CnnTransformerEncoder:
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width}, but has to be a multiple of heads, {self.heads}"
            )
        return self

    @property
    def stride(self) -> int:
        """Frames a step."""
        return 4


NetworkEncoder = CnnEncoder | RecurrentEncoder | CnnTransformerEncoder
"""Those that are trained from nothing."""

TrainableEncoder = NetworkEncoder | WhisperEncoder | TransformersEncoder
"""Those that training may change."""


class TrainedEncoder(Part):
    """A network after its training; no recipe file can name one.

    Attributes:
        network: what was trained.
        weights: file of `tonfall.learn.nets.save_weights`.
        sha256: of the file.
    """

    network: TrainableEncoder
    weights: Path
    sha256: str

    @property
    def int8(self) -> bool:
        """True where matrices are stored in 8 bits."""
        return self.network.int8

    @property
    def pooled(self) -> int:
        """Pooled features."""
        return self.network.pooled

    @property
    def statistics(self) -> int:
        """What adds up over pieces."""
        return self.network.statistics


def is_trained(encoder: Encoder) -> bool:
    """Whether a recipe with this encoder trains or prunes it before the head is fitted."""
    if isinstance(encoder, WhisperEncoder):
        return encoder.trained != "nothing" or encoder.prune > 0
    return not isinstance(encoder, TrainedEncoder)


ENCODERS = ("whisper-tiny.en", "cnn", "bilstm", "gru", "cnn-transformer", "transformers")
"""Every kind that a recipe can name."""


def _tag(value: object) -> str | None:
    """Which model reads the value; recipes of old name no kind."""
    if isinstance(value, TrainedEncoder):
        return "<trained>"
    kind = value.get("kind", ENCODERS[0]) if isinstance(value, dict) else getattr(value, "kind", "")
    if kind in ("bilstm", "gru"):
        return "<recurrent>"
    return f"<{kind}>" if kind in ENCODERS else None


Encoder = Annotated[
    Annotated[WhisperEncoder, Tag("<whisper-tiny.en>")]
    | Annotated[CnnEncoder, Tag("<cnn>")]
    | Annotated[RecurrentEncoder, Tag("<recurrent>")]
    | Annotated[CnnTransformerEncoder, Tag("<cnn-transformer>")]
    | Annotated[TransformersEncoder, Tag("<transformers>")]
    | Annotated[TrainedEncoder, Tag("<trained>")],
    Discriminator(
        _tag,
        custom_error_type="encoder_kind",
        custom_error_message=f"kind has to be one of {', '.join(ENCODERS)}",
    ),
]
"""What turns frames into statistics."""
