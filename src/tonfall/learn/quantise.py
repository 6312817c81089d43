"""A graph's weights in 8 bits: what form a graph has, and static quantisation with calibration.

Dynamic quantisation, which finds each input's range anew, is `tonfall.learn.export.in_8_bits`.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tonfall.arrays import FloatArray
from tonfall.learn.export import head_nodes

__all__ = ["Form", "form_of", "in_float32", "in_static_8_bits", "quiet_quantiser"]

Form = Literal["float32", "dynamic", "static"]
"""Weights as they were trained; in 8 bits, with each input's range found anew or known before."""

_DYNAMIC = {"DynamicQuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul"}

Feeds = Mapping[str, FloatArray]


def form_of(graph: bytes) -> Form:
    """Which of the forms a graph has."""
    kinds = {node.op_type for node in onnx.load_from_string(graph).graph.node}
    if kinds & _DYNAMIC:
        return "dynamic"
    return "static" if kinds & {"QuantizeLinear", "QLinearMatMul", "QLinearConv"} else "float32"


def in_float32(graph: bytes) -> bytes:
    """The graph with weights that were stored in half precision as float32 again.

    See `tonfall.learn.half_precision.store_in_half`; quantisers look for weights in float32.
    """
    model = onnx.load_from_string(graph)
    weights = {weight.name: weight for weight in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        half = weights.get(node.input[0]) if node.op_type == "Cast" else None
        if half is None or half.data_type != TensorProto.FLOAT16:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(half).astype(np.float32)
        half.CopyFrom(numpy_helper.from_array(values, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def in_static_8_bits(graph: bytes, feeds: Sequence[Feeds]) -> bytes:
    """A float32 graph with the front's matrices and convolutions in 8 bits, by column or channel.

    The range of each input is the widest that was seen while calibrating. As in dynamic
    quantisation 7 bits of the weights are used and the head stays float32.

    Args:
        graph: with all weights in float32.
        feeds: inputs by name, of one piece each, from clips that are not tested.
    """
    model = onnx.load_from_string(graph)
    with tempfile.TemporaryDirectory() as folder, quiet_quantiser():
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        plain.write_bytes(graph)
        quantize_static(
            plain,
            small,
            _Reader(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul", "Conv"],
            nodes_to_exclude=head_nodes(model),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return small.read_bytes()


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds, one after the other."""

    def __init__(self, feeds: Sequence[Feeds]) -> None:
        self._waiting: Iterator[Feeds] = iter(feeds)

    def get_next(self) -> Feeds | None:
        """The next, or None after the last."""
        return next(self._waiting, None)


@contextmanager
def quiet_quantiser() -> Iterator[None]:
    """Without the quantiser's advice to preprocess, which changes nothing here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
