"""Speech encoders of random weights, small enough for every test, saved by transformers."""

from __future__ import annotations

from pathlib import Path

KINDS = ("wav2vec2", "hubert", "wavlm")


def save_tiny(folder: Path, kind: str, *, normalise: bool = True, **settings: object) -> Path:
    """Two blocks of 16 outputs under convolutions of the usual strides; returns the folder."""
    import torch
    from transformers import AutoConfig, AutoModel, Wav2Vec2FeatureExtractor

    config = AutoConfig.for_model(
        kind,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        **settings,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        AutoModel.from_config(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder
