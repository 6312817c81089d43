"""Checkpoints of speech encoders, from a folder or the hub; others are refused in one sentence."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from tonfall.errors import ConfigError
from tonfall.features.log_mel import HOP, SAMPLING_RATE
from tonfall.learn.pretrained.options import TransformersEncoder

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["KINDS", "Facts", "blank_model", "model_hash", "read_checkpoint"]

KINDS = ("wav2vec2", "hubert", "wavlm")
"""Architectures that are known to train, export and run."""

_WITHOUT = {
    # What is drawn past the seeds of the steps, or belongs to other tasks.
    "add_adapter": False,
    "apply_spec_augment": False,
    "layerdrop": 0.0,
    "mask_feature_prob": 0.0,
    "mask_time_prob": 0.0,
}


@dataclass(frozen=True)
class Facts:
    """What is known of a checkpoint besides its weights.

    Attributes:
        config: as transformers writes it.
        normalise: whether samples are brought to a mean of 0 and a variance of 1 first.
    """

    config: dict[str, Any]
    normalise: bool

    @property
    def margins(self) -> tuple[int, int]:
        """Zeros before and after the samples that centre each step on its two frames."""
        seen = 1
        for kernel, stride in zip(
            reversed(self.config["conv_kernel"]), reversed(self.config["conv_stride"]), strict=True
        ):
            seen = (seen - 1) * stride + kernel
        missing = seen - 2 * HOP
        return missing // 2, missing - missing // 2

    def as_tensor(self) -> torch.Tensor:
        """As bytes, to be kept among the weights."""
        text = json.dumps({"config": self.config, "normalise": self.normalise}, sort_keys=True)
        return torch.from_numpy(np.frombuffer(text.encode(), np.uint8).copy())

    @classmethod
    def of_bytes(cls, content: bytes) -> Facts:
        """Out of what `as_tensor` made."""
        return cls(**json.loads(content))


def read_checkpoint(encoder: TransformersEncoder) -> tuple[Facts, nn.Module]:
    """The encoder's checkpoint, as far as its blocks are used.

    What the hub's cache holds is taken from there; only what it lacks is asked of the hub.

    Raises:
        ConfigError: transformers is not installed; or the checkpoint is not there, not whole, or
            of another kind.
    """
    with _quiet(_transformers()):
        config = _config(encoder)
        facts = Facts(config.to_dict(), _normalise(encoder, config))
        return facts, _plain(_model(encoder, config))


def blank_model(facts: Facts) -> nn.Module:
    """The same encoder with weights that are still to be filled in."""
    transformers = _transformers()
    config = dict(facts.config)
    config = transformers.AutoConfig.for_model(config.pop("model_type"), **config)
    with torch.random.fork_rng(devices=[]), _quiet(transformers):
        model = transformers.AutoModel.from_config(config, attn_implementation="eager")
    return _plain(model.float())


def model_hash(facts: Facts, model: nn.Module) -> str:
    """SHA-256 of everything that a checkpoint gives, hexadecimal."""
    digest = hashlib.sha256(facts.as_tensor().numpy().tobytes())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _model(encoder: TransformersEncoder, config: PretrainedConfig) -> nn.Module:
    """The checkpoint's weights.

    Raises:
        ConfigError: they are not there, or not whole.
    """
    from safetensors import SafetensorError

    load = partial(
        _transformers().AutoModel.from_pretrained,
        encoder.model,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        output_loading_info=True,
    )
    try:
        model, found = _had(encoder, load)
    except (EOFError, RuntimeError, ValueError, UnpicklingError, SafetensorError) as error:
        raise ConfigError(
            f"{encoder.model}: the weights of the checkpoint cannot be read "
            f"({type(error).__name__}); download it again."
        ) from None
    missing = sorted(found["missing_keys"])
    if missing:
        raise ConfigError(
            f"{encoder.model}: {len(missing)} weights of a {config.model_type} encoder are not in "
            f"the checkpoint, {missing[0]} among them; download it again."
        )
    return model


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            "An encoder of kind transformers needs transformers, which is not installed; run: "
            'pip install "tonfall[train]"'
        ) from None
    return transformers


def _had(encoder: TransformersEncoder, load: Callable[..., Any]) -> Any:
    """What is loaded from the folder or the cache, or else from the hub.

    Raises:
        ConfigError: it is in neither.
    """
    folder = Path(encoder.model).is_dir()
    try:
        try:
            if folder and not (Path(encoder.model) / "config.json").is_file():
                raise FileNotFoundError
            return load(revision=encoder.revision or "main", local_files_only=True)
        except OSError:
            if folder:
                raise
            return load(revision=encoder.revision or "main")
    except OSError:
        raise ConfigError(_absent(encoder, folder=folder)) from None


def _absent(encoder: TransformersEncoder, *, folder: bool) -> str:
    if folder:
        return (
            f"{encoder.model}: there is no checkpoint in this folder, or no whole one; it has to "
            "hold config.json and model.safetensors or pytorch_model.bin, as save_pretrained "
            "writes them."
        )
    return (
        f"{encoder.model}: there is no such folder, and the Hugging Face hub cannot be reached or "
        "has no such model for everyone; download it where there is a network, and name its "
        "folder as encoder.model or by --encoder."
    )


def _config(encoder: TransformersEncoder) -> PretrainedConfig:
    """The checkpoint's settings, for the blocks that are used.

    Raises:
        ConfigError: it is of another kind, or has fewer blocks.
    """
    auto = _transformers().AutoConfig
    try:
        config = _had(encoder, lambda **how: auto.from_pretrained(encoder.model, **how))
    except ValueError:
        raise ConfigError(_other_kind(encoder, "an unknown kind")) from None
    if config.model_type not in KINDS:
        raise ConfigError(_other_kind(encoder, f"kind {config.model_type}"))
    if math.prod(config.conv_stride) != 2 * HOP:
        raise ConfigError(
            f"{encoder.model}: its steps are {math.prod(config.conv_stride)} samples apart, but "
            f"{2 * HOP} are expected (20 ms at 16 kHz); take another checkpoint."
        )
    blocks = _blocks(encoder, config.num_hidden_layers)
    config.update({**_WITHOUT, "num_hidden_layers": blocks})
    return config


def _blocks(encoder: TransformersEncoder, there: int) -> int:
    """How many are used.

    Raises:
        ConfigError: more are named than there are.
    """
    used = encoder.blocks or there
    wanted = {"blocks": (used, there)}
    if encoder.trained == "top":
        wanted["top"] = (encoder.top, used)
    for name, (number, most) in wanted.items():
        if number > most:
            raise ConfigError(
                f"encoder.{name} is {number}, but of {encoder.model} there are {most}; name fewer."
            )
    return used


def _other_kind(encoder: TransformersEncoder, kind: str) -> str:
    return (
        f"{encoder.model}: this is a checkpoint of {kind}, but {', '.join(KINDS[:-1])} or "
        f"{KINDS[-1]} is expected; take one of these."
    )


def _normalise(encoder: TransformersEncoder, config: PretrainedConfig) -> bool:
    """What the checkpoint's feature extractor does; without one, what its kind of norm goes with.

    Raises:
        ConfigError: it takes another sampling rate.
    """
    extractor = _transformers().Wav2Vec2FeatureExtractor
    try:
        found = _had(encoder, lambda **how: extractor.from_pretrained(encoder.model, **how))
    except ConfigError:
        return bool(config.feat_extract_norm == "layer")
    if found.sampling_rate != SAMPLING_RATE:
        raise ConfigError(
            f"{encoder.model}: it takes samples at {found.sampling_rate} Hz, but "
            f"{SAMPLING_RATE} are expected; take another checkpoint."
        )
    return bool(found.do_normalize)


def _plain(model: Any) -> nn.Module:
    """Without what neither LoRA nor ONNX can see through."""
    convolution = model.encoder.pos_conv_embed.conv
    if nn.utils.parametrize.is_parametrized(convolution):
        nn.utils.parametrize.remove_parametrizations(convolution, "weight")
    if model.config.model_type == "wavlm":
        from tonfall.learn.pretrained.attention import with_plain_attention

        with_plain_attention(model)
    return model


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the bars and remarks of transformers on loading."""
    logging = transformers.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
