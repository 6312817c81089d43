"""A graph that takes data from another file is refused, wherever in it the reference stands."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import tiny_graph, tiny_spec, write_tiny

from tonfall.bundle import bundled_models, find_bundle, read_bundle, write_bundle
from tonfall.bundle.graph import check_self_contained
from tonfall.errors import BundleError

onnx = pytest.importorskip("onnx", reason="onnx builds the test graphs: extra train")

Model = Any


def outside(name: str = "weights") -> Any:
    """A tensor whose data lies in another file."""
    tensor = onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, [2], b"\0" * 8, raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../elsewhere.bin"
    return tensor


def in_an_initialiser(model: Model) -> None:
    model.graph.initializer.append(outside())


def in_a_sparse_initialiser(model: Model) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(outside())


def in_an_attribute(model: Model) -> None:
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=outside()))


def in_a_list_of_tensors(model: Model) -> None:
    node = model.graph.node.add(op_type="Odd", domain="made.up")
    node.attribute.add(name="all", type=onnx.AttributeProto.TENSORS).tensors.append(outside())


def in_a_branch_of_a_branch(model: Model) -> None:
    inner = onnx.helper.make_graph([], "inner", [], [], [outside()])
    middle = onnx.helper.make_graph(
        [onnx.helper.make_node("Loop", [], [], body=inner)], "middle", [], []
    )
    model.graph.node.append(
        onnx.helper.make_node("If", ["c"], [], then_branch=middle, else_branch=middle)
    )


def in_a_function(model: Model) -> None:
    node = onnx.helper.make_node("Constant", [], ["c"], value=outside())
    model.functions.append(
        onnx.helper.make_function(
            "made.up", "F", [], ["c"], [node], [onnx.helper.make_opsetid("", 17)]
        )
    )


def in_training_information(model: Model) -> None:
    model.training_info.add().initialization.initializer.append(outside())


def by_its_location_alone(model: Model) -> None:
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL


PLACES = [
    in_an_initialiser,
    in_a_sparse_initialiser,
    in_an_attribute,
    in_a_list_of_tensors,
    in_a_branch_of_a_branch,
    in_a_function,
    in_training_information,
    by_its_location_alone,
]


@pytest.fixture(scope="module")
def graph() -> bytes:
    return tiny_graph(tiny_spec())


@pytest.mark.parametrize("put", PLACES)
def test_data_in_another_file_is_refused(
    graph: bytes, tmp_path: Path, put: Callable[[Model], None]
) -> None:
    """Though every hash that the bundle names is right."""
    bundle = write_tiny(tmp_path / "model")
    model = onnx.load_from_string(graph)
    put(model)
    altered = model.SerializeToString()
    bundle.model.write_bytes(altered)
    described = json.loads((bundle.folder / "bundle.json").read_text())
    described["files"]["model.onnx"] = sha256(altered).hexdigest()
    (bundle.folder / "bundle.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match=r"model\.onnx: a tensor's data lies in another file"):
        read_bundle(bundle.folder)


def test_writing_such_a_graph_leaves_the_older_bundle(graph: bytes, tmp_path: Path) -> None:
    before = write_tiny(tmp_path / "model")
    model = onnx.load_from_string(graph)
    in_an_initialiser(model)
    with pytest.raises(BundleError, match="another file"):
        write_bundle(
            before.folder, spec=tiny_spec(), model=model.SerializeToString(), card="# New\n"
        )
    assert read_bundle(before.folder) == before


def test_the_shipped_graphs_are_whole() -> None:
    for name in bundled_models():
        check_self_contained((find_bundle(name) / "model.onnx").read_bytes(), name=name)


@pytest.mark.parametrize("content", [b"", b"a graph", b"ORTM" * 8, b"\x3a\x05ab", b"\x3a" * 40])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="it is no ONNX graph"):
        check_self_contained(content, name="model.onnx")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_graph_or_refused(content: bytes) -> None:
    with contextlib.suppress(BundleError):
        check_self_contained(content, name="model.onnx")
