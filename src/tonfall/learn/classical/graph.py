"""A fitted classical model as an ONNX graph, written by hand: exact, and free of scikit-learn.

Everything after the standardised features is float64, as in scikit-learn: where two classes of a
support vector machine are all but tied, a vote would else fall the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.evaluation.extras import load
from tonfall.learn.classical.discriminant import LinearDiscriminant
from tonfall.learn.classical.fit import LEAST_PROBABILITY, TIE_LEAD, Fitted
from tonfall.learn.classical.kernel_svm import RbfSvm
from tonfall.learn.classical.mixture import ClassMixtures
from tonfall.ort import open_session

__all__ = ["classical_graph"]

_PARITY = 1e-4
"""By how much a logit may differ from scikit-learn's, or of one above 1 as a share.

Mixtures are computed in float32 there, and what is far from all of them has scores of hundreds."""

_FLOAT, _DOUBLE = 1, 11
"""ONNX's numbers for float32 and float64."""


def classical_graph(
    fitted: Fitted,
    *,
    labels: Sequence[str],
    baseline: bool,
    name: str,
    tried: FloatArray,
) -> bytes:
    """The part of a bundle that judges, and no other.

    It takes ``statistics`` (windows, features), NaN where one is not defined, and ``baseline``
    (windows, features) where asked for; it gives ``pooled`` (the features, imputed and
    standardised), ``logits`` (of pooled less the baseline) and ``dimensions``, of which there are
    none.

    Args:
        fitted: what was learnt.
        labels: the order of the logits; those that were learnt.
        baseline: True where a baseline is subtracted.
        name: of the graph.
        tried: (rows, features) real ones, on which graph and scikit-learn must agree.

    Raises:
        BundleError: they differ.
    """
    build = _Builder()
    build.add("Identity", [_standardised(build, fitted)], output="pooled")
    centred = build.add("Sub", ["pooled", "baseline"]) if baseline else "pooled"
    scores = _scores(build, fitted, build.cast(centred, _DOUBLE))
    order = np.array([fitted.labels.index(label) for label in labels])
    ordered = build.add("Gather", [scores, build.constant(order)], axis=1)
    build.add("Cast", [ordered], output="logits", to=_FLOAT)
    nothing = [build.constant(np.array([each])) for each in (0, 0, 1)]
    build.add("Slice", ["pooled", *nothing], output="dimensions")
    width = len(fitted.imputed)
    inputs = {"statistics": width, **({"baseline": width} if baseline else {})}
    outputs = {"pooled": width, "logits": len(labels), "dimensions": 0}
    graph = build.serialised(name, inputs, outputs)
    _check_parity(graph, fitted, order, tried, baseline=baseline)
    return graph


class _Builder:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self._onnx = load("onnx", extra="train")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: npt.NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(
            self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        )
        return name

    def doubles(self, values: npt.ArrayLike) -> str:
        return self.constant(np.asarray(values, np.float64))

    def add(
        self, kind: str, inputs: Sequence[str], *, output: str = "", domain: str = "", **how: object
    ) -> str:
        output = output or f"{kind.lower()}_{len(self._nodes)}"
        make = self._onnx.helper.make_node
        self._nodes.append(make(kind, list(inputs), [output], domain=domain, **how))
        return output

    def cast(self, value: str, to: int) -> str:
        return self.add("Cast", [value], to=to)

    def serialised(self, name: str, inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
        helper = self._onnx.helper
        told = [
            [helper.make_tensor_value_info(each, _FLOAT, ["windows", width]) for each, width in of]
            for of in (inputs.items(), outputs.items())
        ]
        graph = helper.make_graph(self._nodes, name, *told, self._constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return bytes(model.SerializeToString())


def _standardised(build: _Builder, fitted: Fitted) -> str:
    """(windows, features) float32."""
    missing = build.add("IsNaN", ["statistics"])
    known = build.add("Where", [missing, build.constant(fitted.imputed), "statistics"])
    centred = build.add("Sub", [known, build.constant(fitted.mean)])
    return build.add("Div", [centred, build.constant(fitted.scale)])


def _scores(build: _Builder, fitted: Fitted, features: str) -> str:
    """(windows, classes) float64 of standardised features, in the classifier's own order."""
    model, classes = fitted.classifier, len(fitted.labels)
    if fitted.components is not None:
        turn, mean = (
            np.asarray(each, np.float64)
            for each in (fitted.components.components_, fitted.components.mean_)
        )
        turned = build.add("MatMul", [features, build.doubles(turn.T)])
        centre = build.doubles(turn @ mean)
        features = build.add("Sub", [turned, centre])
    kind = type(model).__name__
    if isinstance(model, ClassMixtures):
        return _mixtures(build, model, features)
    if kind == "RandomForestClassifier":
        return _forest(build, model, features)
    if isinstance(model, LinearDiscriminant):
        return _linear(build, model, features)
    decision = (_rbf if isinstance(model, RbfSvm) else _linear)(build, model, features)
    if classes == 2:
        # One value for two classes: half of it for the second, and half against the first.
        return build.add("Mul", [decision, build.doubles([[-0.5, 0.5]])])
    return decision if kind == "LogisticRegression" else _voted(build, decision, classes)


def _linear(build: _Builder, model: Any, features: str) -> str:
    product = build.add("MatMul", [features, build.doubles(model.coef_.T)])
    return build.add("Add", [product, build.doubles(model.intercept_)])


def _rbf(build: _Builder, model: RbfSvm, features: str) -> str:
    """(windows, pairs): exp(-gamma d2) to the support vectors, times their coefficients."""
    known = model.support_vectors
    own = build.add("Mul", [features, features])
    own = build.add("ReduceSum", [own, build.constant(np.array([1]))], keepdims=1)
    cross = build.add("MatMul", [features, build.doubles(2 * known.T)])
    squares = build.doubles((known**2).sum(axis=1))
    distance = build.add("Add", [build.add("Sub", [own, cross]), squares])
    exponent = build.add("Mul", [distance, build.doubles([-model.gamma])])
    kernel = build.add("Exp", [exponent])
    product = build.add("MatMul", [kernel, build.doubles(model.pairwise.T)])
    return build.add("Add", [product, build.doubles(model.intercepts)])


def _voted(build: _Builder, decision: str, classes: int) -> str:
    """(windows, pairs) to (windows, classes): a vote a pair, and by how much, as scikit-learn does.

    The label with the most votes, the first of those with as many, leads.
    """
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    first, second = (np.eye(classes)[[pair[side] for pair in pairs]] for side in (0, 1))
    against = build.add("Less", [decision, build.doubles([0.0])])
    against = build.cast(against, _DOUBLE)
    gained = build.add("MatMul", [against, build.doubles(second - first)])
    votes = build.add("Add", [gained, build.doubles(first.sum(axis=0))])
    margins = build.add("MatMul", [decision, build.doubles(first - second)])
    size = build.add("Add", [build.add("Abs", [margins]), build.doubles([1.0])])
    share = build.add("Div", [margins, build.add("Mul", [size, build.doubles([3.0])])])
    scores = build.add("Add", [votes, share])
    decided = build.add("ArgMax", [votes], axis=1, keepdims=1)
    leads = build.add("Equal", [decided, build.constant(np.arange(classes)[None])])
    top = build.add("ReduceMax", [scores], axes=[1], keepdims=1)
    behind = build.add("And", [leads, build.add("Less", [scores, top])])
    return build.add("Where", [behind, build.add("Add", [top, build.doubles([TIE_LEAD])]), scores])


def _mixtures(build: _Builder, model: ClassMixtures, features: str) -> str:
    """Log-likelihood a dimension: log-sum-exp of the quadratic forms of a class's components."""
    squares = build.add("Mul", [features, features])
    classes = []
    for constant, linear, quadratic in model.forms():
        parts = [
            build.add("MatMul", [features, build.doubles(linear.T)]),
            build.add("MatMul", [squares, build.doubles(quadratic.T)]),
        ]
        form = build.add("Add", [build.add("Add", parts), build.doubles(constant)])
        classes.append(build.add("ReduceLogSumExp", [form], axes=[1], keepdims=1))
    joined = build.add("Concat", classes, axis=1)
    return build.add("Div", [joined, build.doubles([float(model.dimensions)])])


def _forest(build: _Builder, model: Any, features: str) -> str:
    """Log of the trees' mean probabilities."""
    trees = build.add(
        "TreeEnsembleRegressor",
        [build.cast(features, _FLOAT)],
        domain="ai.onnx.ml",
        n_targets=len(model.classes_),
        aggregate_function="SUM",
        post_transform="NONE",
        **_trees(model),
    )
    least = build.doubles([LEAST_PROBABILITY])
    return build.add("Log", [build.add("Max", [build.cast(trees, _DOUBLE), least])])


def _trees(model: Any) -> dict[str, Any]:
    """The attributes that hold nodes and leaves of all trees."""
    nodes = [_nodes(number, tree.tree_) for number, tree in enumerate(model.estimators_)]
    joined = {name: np.concatenate([each[name] for each in nodes]) for name in nodes[0]}
    leaves = joined["nodes_modes"] == "LEAF"
    classes = len(model.classes_)
    values = np.concatenate([tree.tree_.value[:, 0, :] for tree in model.estimators_])[leaves]
    shares = values / values.sum(axis=1, keepdims=True) / len(nodes)
    found = {name: each.tolist() for name, each in joined.items()}
    return found | {
        "target_treeids": np.repeat(joined["nodes_treeids"][leaves], classes).tolist(),
        "target_nodeids": np.repeat(joined["nodes_nodeids"][leaves], classes).tolist(),
        "target_ids": np.tile(np.arange(classes), len(shares)).tolist(),
        "target_weights": shares.ravel().tolist(),
    }


def _nodes(number: int, tree: Any) -> dict[str, npt.NDArray[Any]]:
    """One tree. Its thresholds are rounded down: a float32 is below both or above both."""
    leaf = tree.children_left < 0
    threshold = tree.threshold.astype(np.float32)
    lower = np.nextafter(threshold, np.float32(-np.inf))
    return {
        "nodes_treeids": np.full(tree.node_count, number),
        "nodes_nodeids": np.arange(tree.node_count),
        "nodes_featureids": np.where(leaf, 0, tree.feature),
        "nodes_values": np.where(leaf, 0, np.where(threshold > tree.threshold, lower, threshold)),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "nodes_truenodeids": np.where(leaf, 0, tree.children_left),
        "nodes_falsenodeids": np.where(leaf, 0, tree.children_right),
    }


def _check_parity(
    graph: bytes,
    fitted: Fitted,
    order: npt.NDArray[np.intp],
    tried: FloatArray,
    *,
    baseline: bool,
) -> None:
    nothing = {"baseline": np.zeros_like(tried)} if baseline else {}
    inputs = ("statistics", *nothing)
    session = open_session(graph, inputs=inputs, outputs=("pooled", "logits", "dimensions"))
    (found,) = session.run(["logits"], {"statistics": tried, **nothing})
    expected = fitted.scores(tried)[:, order]
    gap = float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max())
    if not gap <= _PARITY:
        raise BundleError(
            f"The graph's logits differ by {gap:.2g} from scikit-learn's, but {_PARITY:g} is the "
            "most; nothing was written. Please report this recipe."
        )
