"""A bundle small enough for every test: random weights in a real graph, made without PyTorch.

It encodes a frame as 12 random projections of its log-mel, pools them by their weighted mean,
and judges that mean less its baseline. That of the kind waveform does so with a frame's samples,
and takes the projections without their sign, which no mean of a sound would have. It knows nothing
of emotion, but its labels vary with the sound, and every part of the runtime has its usual work to
do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.bundle import (
    BaselineSpec,
    Bundle,
    BundleSpec,
    Calibration,
    FrontEnd,
    Gate,
    Windows,
    write_bundle,
)

LABELS = ("neutral", "happiness", "sadness", "anger")
DIMENSIONS = ("arousal", "valence", "dominance")
POOLED = 12
FUNCTIONALS = 195
"""Numbers of the set mfcc."""
_OF_THE_EXAMPLE = (-0.4, 1, 0.42, 0.11, -0.98, -0.87, 0.87, 0.64, -1, -1, -0.67, -0.83)
"""Pooled functionals of the example call."""
_FLOAT = 1
"""ONNX's number for float32."""


def tiny_spec(
    *, name: str = "tiny", baseline: bool = True, seed: int = 6, **changes: object
) -> BundleSpec:
    """What the tiny bundle says of itself, with ``changes`` to its top level."""
    gate = Gate(held={"anger": 1.0, "happiness": 0.5}, floor=0.05)
    prior = BaselineSpec(prior_mean=_typical_mean(seed), prior_weight_s=4, gate=gate)
    values: dict[str, object] = {
        "schema_version": 1,
        "name": name,
        "version": "1",
        "description": "Random weights, for tests.",
        "labels": LABELS,
        "dimensions": DIMENSIONS,
        "front_end": FrontEnd(piece_frames=100, context_frames=40),
        "windows": Windows(pieces=3, minimum_speech_s=0.5),
        "baseline": prior if baseline else None,
        "calibration": Calibration(temperature=1.5, uncertain_below=0.4),
        "licence": "none needed",
        "corpora": (),
        "recipe": "tests/tiny_bundle.py",
        "files": {},
    }
    return BundleSpec.model_validate({**values, **changes})


def tiny_waveform_spec(*, seed: int = 6) -> BundleSpec:
    """The same for a graph that takes samples."""
    spec = tiny_spec(
        name="tiny-waveform",
        seed=seed,
        schema_version=4,
        front_end=FrontEnd(kind="waveform", piece_frames=100, context_frames=40),
    )
    assert spec.baseline is not None
    prior = spec.baseline.model_copy(update={"prior_mean": (0.3,) * POOLED})
    return spec.model_copy(update={"baseline": prior})


def tiny_functionals_spec(*, seed: int = 6) -> BundleSpec:
    """The same for a graph that takes functionals."""
    spec = tiny_spec(
        name="tiny-functionals",
        seed=seed,
        schema_version=4,
        front_end=FrontEnd(kind="functionals", feature_set="mfcc", piece_frames=100),
    )
    assert spec.baseline is not None
    prior = spec.baseline.model_copy(update={"prior_mean": _OF_THE_EXAMPLE})
    return spec.model_copy(update={"baseline": prior})


def write_tiny(folder: Path, *, seed: int = 6, spec: BundleSpec | None = None) -> Bundle:
    """Write the tiny bundle; another seed has other weights."""
    spec = spec or tiny_spec(seed=seed)
    return write_bundle(folder, spec=spec, model=tiny_graph(spec, seed=seed), card="# Tiny\n")


def tiny_graph(spec: BundleSpec, *, seed: int = 6) -> bytes:
    """The graph of a bundle with this spec, serialised."""
    onnx = pytest.importorskip("onnx", reason="onnx builds the test model: extra train")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    frames = spec.front_end.context_frames + spec.front_end.piece_frames
    baseline = ["baseline"] if spec.baseline else []
    encodes = spec.front_end.kind != "functionals"
    shapes = {
        "frames": ["pieces", frames, spec.front_end.width],
        "weights": ["pieces", frames],
        "statistics": ["windows", POOLED + 1 if encodes else FUNCTIONALS],
        **{name: ["windows", POOLED] for name in baseline},
    }
    outputs = {
        "encoded": ["pieces", POOLED + 1],
        "pooled": ["windows", POOLED],
        "logits": ["windows", len(spec.labels)],
        "dimensions": ["windows", len(spec.dimensions)],
    }
    if not encodes:
        del shapes["frames"], shapes["weights"], outputs["encoded"]
    nodes = [
        helper.make_node(kind, inputs, [output], **attributes)
        for kind, inputs, output, attributes in _nodes(
            with_baseline=bool(baseline), kind=spec.front_end.kind
        )
    ]
    weights = tiny_weights(spec, seed=seed)
    graph = helper.make_graph(
        nodes,
        spec.name,
        [helper.make_tensor_value_info(name, _FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info(name, _FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


Node = tuple[str, list[str], str, dict[str, object]]


def _nodes(*, with_baseline: bool, kind: str) -> list[Node]:
    """Kind, inputs, output and attributes of each node: encode, pool, judge."""
    centred = ["pooled", "baseline"] if with_baseline else ["pooled"]
    return [
        *(_of_functionals() if kind == "functionals" else _of_pieces(signed=kind == "log_mel_80")),
        ("Sub" if with_baseline else "Identity", centred, "centred", {}),
        ("MatMul", ["centred", "categories"], "logits", {}),
        ("MatMul", ["centred", "places"], "raw", {}),
        ("Sigmoid", ["raw"], "dimensions", {}),
    ]


def _of_functionals() -> list[Node]:
    """What is not defined counts as nothing."""
    return [
        ("IsNaN", ["statistics"], "missing", {}),
        ("Where", ["missing", "nothing", "statistics"], "known", {}),
        ("MatMul", ["known", "project"], "projected", {}),
        ("Tanh", ["projected"], "pooled", {}),
    ]


def _of_pieces(*, signed: bool) -> list[Node]:
    return [
        ("MatMul", ["frames", "project"], "projected", {}),
        ("Tanh", ["projected"], "signed", {}),
        ("Identity" if signed else "Abs", ["signed"], "outputs", {}),
        ("Unsqueeze", ["weights", "last_axis"], "column", {}),
        ("Mul", ["outputs", "column"], "weighted", {}),
        ("ReduceSum", ["weighted", "time_axis"], "sums", {"keepdims": 0}),
        ("ReduceSum", ["column", "time_axis"], "counts", {"keepdims": 0}),
        ("Concat", ["sums", "counts"], "encoded", {"axis": 1}),
        ("Slice", ["statistics", "first", "pooled_end", "time_axis"], "total", {}),
        ("Slice", ["statistics", "pooled_end", "all_end", "time_axis"], "count", {}),
        ("Max", ["count", "least"], "positive", {}),
        ("Div", ["total", "positive"], "pooled", {}),
    ]


def tiny_weights(spec: BundleSpec, *, seed: int = 6) -> dict[str, np.ndarray]:
    """Every constant of the graph, by the name that it has there."""
    rng = np.random.default_rng(seed + 1)
    return {
        "project": _projections_of(spec.front_end.kind, seed),
        "nothing": np.zeros(1, np.float32),
        "categories": _normal(rng, POOLED, len(spec.labels), scale=4),
        "places": _normal(rng, POOLED, len(spec.dimensions), scale=2),
        "least": np.array([1e-6], np.float32),
        "time_axis": np.array([1]),
        "last_axis": np.array([2]),
        "first": np.array([0]),
        "pooled_end": np.array([POOLED]),
        "all_end": np.array([POOLED + 1]),
    }


def _projections(seed: int) -> FloatArray:
    """(80, pooled); blind to level, which would drown the shape of the spectrum."""
    project = _normal(np.random.default_rng(seed), 80, POOLED, scale=0.1)
    return project - project.mean(axis=0)


def _projections_of(kind: str, seed: int) -> FloatArray:
    """(values, pooled) for frames of log-mel or of samples, or for functionals."""
    if kind == "log_mel_80":
        return _projections(seed)
    rng = np.random.default_rng(seed)
    if kind == "waveform":
        return _normal(rng, 160, POOLED, scale=0.5)
    return _normal(rng, FUNCTIONALS, POOLED, scale=0.002)


def _typical_mean(seed: int) -> tuple[float, ...]:
    """Pooled features of a spectrum that falls off above 3.4 kHz, as that of telephones does."""
    bands = np.where(np.arange(80) < 62, 1.5, -5.0)
    return tuple(np.tanh(bands @ _projections(seed)).tolist())


def _normal(rng: np.random.Generator, *shape: int, scale: float) -> FloatArray:
    return rng.normal(0, scale, shape).astype(np.float32)
