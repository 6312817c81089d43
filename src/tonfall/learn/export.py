"""From a trained network to the ONNX graph of a bundle, checked for parity."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from tonfall.errors import BundleError
from tonfall.features.log_mel import BANDS
from tonfall.learn.half_precision import store_in_half
from tonfall.learn.networks import LoneNetwork, Network
from tonfall.learn.pretrained.front import PretrainedFront
from tonfall.ort import open_session

__all__ = ["export_graph", "head_nodes", "in_8_bits", "parity", "plain_graph"]

_OUTPUTS = ("encoded", "pooled", "logits", "dimensions")
_SMALLEST_COSINE = 0.995


def export_graph(network: Network | LoneNetwork, *, frames: int, int8: bool) -> bytes:
    """The network as ONNX.

    Args:
        network: in evaluation mode.
        frames: of a piece with its context.
        int8: store and run the front's matrices and LSTMs in 8 bits. 7 bits of the weights are
            used, so that processors without VNNI do not overflow. The head stays float32.

    Raises:
        BundleError: the graph does not give what the network gives.
    """
    graph = plain_graph(network, frames=frames)
    graph = store_in_half(in_8_bits(graph) if int8 else graph)
    found = parity(network, graph, frames=frames)
    if found < _SMALLEST_COSINE:
        raise BundleError(
            f"The exported graph agrees with the network only to a cosine of {found:.4f}, but "
            f"{_SMALLEST_COSINE} is needed; export without int8."
        )
    return graph


def plain_graph(network: Network | LoneNetwork, *, frames: int) -> bytes:
    """The network as ONNX in float32, as `export_graph` takes it; nothing is checked."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        _export(network, plain, frames=frames)
        return plain.read_bytes()


def in_8_bits(graph: bytes) -> bytes:
    """A float32 graph with the front's matrices and LSTMs in 8 bits; activations are scaled anew.

    Each column of a matrix has a scale of its own; each input is scaled by its own range.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        plain.write_bytes(graph)
        quantize_dynamic(
            plain,
            small,
            # Convolutions in 8 bits take six times as long in ONNX Runtime.
            op_types_to_quantize=["MatMul", "LSTM"],
            nodes_to_exclude=head_nodes(onnx.load_model_from_string(graph)),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()


def head_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that judge, which stay in float32."""
    head = [node.name for node in model.graph.node if "/judge/" in node.name]
    # The quantiser takes a Gemm apart before it looks at names.
    return head + [f"{name}_MatMul" for name in head]


def parity(network: Network | LoneNetwork, graph: bytes, *, frames: int) -> float:
    """Smallest cosine between encoded statistics of network and graph, over random pieces."""
    rng = np.random.default_rng(0)
    mean, deviation = (-3, 1.5) if network.front.width == BANDS else (0, 0.1)
    pieces = rng.normal(mean, deviation, (8, frames, network.front.width)).astype(np.float32)
    weights = np.ones((8, frames), np.float32)
    session = open_session(graph, inputs=_inputs(network), outputs=_OUTPUTS)
    pooled = len(network.judge.scale)
    nothing = {"statistics": np.zeros((0, pooled + 1), np.float32)}
    if isinstance(network, Network):
        nothing["baseline"] = np.zeros((0, pooled), np.float32)
    with torch.inference_mode():
        expected = network.front(torch.from_numpy(pieces), torch.from_numpy(weights)).numpy()
    cosines = []
    for piece, weight, truth in zip(pieces, weights, expected, strict=True):
        (row,) = session.run(
            ["encoded"], {"frames": piece[None], "weights": weight[None], **nothing}
        )
        norm = np.linalg.norm(row[0, :-1]) * np.linalg.norm(truth[:-1])
        cosines.append(float(row[0, :-1] @ truth[:-1] / norm))
    return min(cosines)


def _inputs(network: Network | LoneNetwork) -> tuple[str, ...]:
    """As a bundle's graph is asked for them: a baseline only where the model has one."""
    inputs = ("frames", "weights", "statistics")
    return (*inputs, "baseline") if isinstance(network, Network) else inputs


def _export(network: Network | LoneNetwork, path: Path, *, frames: int) -> None:
    pooled = len(network.judge.scale)
    example = (
        torch.zeros(2, frames, network.front.width),
        torch.ones(2, frames),
        torch.ones(3, pooled + 1),
        torch.zeros(3, pooled),
    )
    inputs = _inputs(network)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but writes the smaller, plainer graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            example[: len(inputs)],
            str(path),
            input_names=list(inputs),
            output_names=list(_OUTPUTS),
            dynamic_axes={name: _axes(name, network) for name in (*inputs, *_OUTPUTS)},
            opset_version=17,
            dynamo=False,
        )


def _axes(name: str, network: Network | LoneNetwork) -> dict[int, str]:
    """Which sizes of an input or output may be any; pretrained encoders take any context."""
    if name == "encoded":
        return {0: "pieces"}
    if name not in ("frames", "weights"):
        return {0: "windows"}
    length = {1: "frames"} if isinstance(network.front, PretrainedFront) else {}
    return {0: "pieces", **length}
