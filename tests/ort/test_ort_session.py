from pathlib import Path

import numpy as np
import pytest

import tonfall.vad
from tonfall.errors import BundleError
from tonfall.ort import Session, open_session

GRAPH = Path(tonfall.vad.__file__).with_name("silero.onnx")
INPUTS = ("magnitude", "state", "lengths")
OUTPUTS = ("probability", "state_after")


def opened(model: bytes | Path = GRAPH) -> Session:
    return open_session(model, inputs=INPUTS, outputs=OUTPUTS)


def feeds(*, values: int = 516) -> dict[str, np.ndarray]:
    return {
        "magnitude": np.zeros((3, 2, values), np.float32),
        "state": np.zeros((2, 2, 128), np.float32),
        "lengths": np.full(2, 3, np.int32),
    }


@pytest.mark.parametrize("model", [GRAPH, GRAPH.read_bytes()], ids=["file", "bytes"])
def test_a_graph_runs_and_gives_what_was_asked_for(model: bytes | Path) -> None:
    state, probability = opened(model).run(["state_after", "probability"], feeds())
    assert state.shape == (2, 2, 128)
    assert probability.shape == (3, 2)


def test_shapes_are_those_of_the_inputs() -> None:
    assert opened().shapes["magnitude"] == ["chunks", "streams", 516]


def test_one_thread_and_two_agree() -> None:
    inputs = feeds()
    [one] = opened().run(["probability"], inputs)
    two = open_session(GRAPH, inputs=INPUTS, outputs=OUTPUTS, threads=2)
    np.testing.assert_allclose(two.run(["probability"], inputs)[0], one, atol=1e-6)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(
        BundleError, match=r"silero\.onnx: the graph has the inputs magnitude, .* but frames are"
    ):
        open_session(GRAPH, inputs=("frames",), outputs=OUTPUTS)


def test_an_input_that_nobody_will_feed_is_refused() -> None:
    with pytest.raises(BundleError, match="but magnitude, state are expected"):
        open_session(GRAPH, inputs=INPUTS[:2], outputs=OUTPUTS)


def test_a_missing_output_is_named() -> None:
    with pytest.raises(BundleError, match="has the outputs probability, state_after, but logits"):
        open_session(GRAPH, inputs=INPUTS, outputs=("logits",))


def test_further_outputs_do_not_matter() -> None:
    open_session(GRAPH, inputs=INPUTS, outputs=OUTPUTS[:1])


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(BundleError, match="graph: ONNX Runtime cannot open it"):
        opened(b"no graph")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"gone\.onnx: ONNX Runtime cannot open it"):
        opened(tmp_path / "gone.onnx")


def test_a_failed_run_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        BundleError, match=r"silero\.onnx: the graph failed on magnitude \(3, 2, 515\)"
    ):
        opened().run(["probability"], feeds(values=515))
    assert capfd.readouterr().out == ""
