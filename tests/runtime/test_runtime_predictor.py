"""A loaded model: clips alone, clips in a row, and what does not fit."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import LABELS, POOLED, tiny_graph, tiny_spec, tiny_weights, write_tiny

from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.bundle import BaselineSpec, BundleSpec, FrontEnd, Gate, bundled_models, write_bundle
from tonfall.errors import AudioError, BundleError
from tonfall.runtime import Baseline, Predictor, clip_pieces, gate_weight, load
from tonfall.streaming import Stream

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000
SHORT_PRIOR = BaselineSpec(prior_mean=(0.0,), prior_weight_s=4, gate=Gate(held={}, floor=0))


@pytest.fixture(scope="module")
def clips() -> list[FloatArray]:
    """Three seconds of the customer each: calm, doubted, angry."""
    waveform, _ = read(EXAMPLE)
    return [waveform[0, start * RATE : (start + 3) * RATE] for start in (5, 29, 54)]


def test_a_clip_is_judged(tiny: Predictor, clips: list[FloatArray]) -> None:
    affect = tiny.predict(clips[0], sampling_rate=RATE)
    assert affect.labels == LABELS
    assert sum(affect.probabilities) == pytest.approx(1)
    assert affect.confidence == max(affect.probabilities)
    assert affect.label == LABELS[int(np.argmax(affect.probabilities))]
    assert affect.unclear == (affect.confidence < 0.4)
    for value in (affect.arousal, affect.valence, affect.dominance):
        assert value is not None
        assert 0 <= value <= 1


def test_a_model_and_what_it_says_can_be_read(tiny: Predictor, clips: list[FloatArray]) -> None:
    assert repr(tiny) == f"<Predictor {tiny.name}: {', '.join(LABELS)}>"
    affect = tiny.predict(clips[0], sampling_rate=RATE)
    clear, unclear = replace(affect, unclear=False), replace(affect, unclear=True)
    sure = f"confidence {affect.confidence:.2f}"
    assert str(clear) == f"{affect.guess}, {sure}"
    assert str(unclear) == f"unclear ({affect.guess}?), {sure}"
    stream = Stream(tiny, sampling_rate=RATE, channels=2)
    assert repr(stream) == f"<Stream: model {tiny.name}, 8000 Hz, channels: 2>"


def test_the_answer_is_the_same_each_time(tiny: Predictor, clips: list[FloatArray]) -> None:
    first = tiny.predict(clips[0], sampling_rate=RATE)
    tiny.predict(clips[1], sampling_rate=RATE)
    assert tiny.predict(clips[0], sampling_rate=RATE) == first


def test_integers_and_channels_are_taken(tiny: Predictor, clips: list[FloatArray]) -> None:
    integers = np.round(clips[0] * 32767).astype(np.int16)
    floats = integers.astype(np.float32) / 32768
    expected = tiny.predict(floats, sampling_rate=RATE)
    assert tiny.predict(integers, sampling_rate=RATE) == expected
    assert tiny.predict(np.stack([integers, integers]), sampling_rate=RATE) == expected


def test_a_clip_in_blocks_is_judged_as_in_one_piece(tiny: Predictor) -> None:
    rng = np.random.default_rng(0)
    # Clipped, so that it overshoots once it is resampled.
    loud = np.clip(rng.normal(0, 1, (3, 44_100)), -1, 1).astype(np.float32)
    blocks = np.split(loud, [1, 500, 30_000], axis=1)
    whole = tiny.predict(loud, sampling_rate=44_100)
    assert tiny.predict_blocks(blocks, sampling_rate=44_100) == whole


def test_a_clip_of_many_channels_at_a_high_rate_takes_little_memory(tiny: Predictor) -> None:
    rate, channels, seconds = 384_000, 8, 20

    def blocks() -> Iterator[FloatArray]:
        rng = np.random.default_rng(0)
        for _ in range(10 * seconds):
            yield rng.uniform(-1, 1, (channels, rate // 10)).astype(np.float32)

    tracemalloc.start()
    try:
        tiny.predict_blocks(blocks(), sampling_rate=rate)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Whole, it has 245 MB; the frames of 20 s and what the models make of them have 25.
    assert peak < 60_000_000


def test_the_first_judgement_is_that_of_the_clip_alone(
    tiny: Predictor, clips: list[FloatArray]
) -> None:
    affect, _ = tiny.judge(clips[0], sampling_rate=RATE, baseline=tiny.baseline())
    assert affect == tiny.predict(clips[0], sampling_rate=RATE)


def test_a_sequence_is_judged_as_by_hand(tiny: Predictor, clips: list[FloatArray]) -> None:
    """The graph's arithmetic written out: pooled less the shrunk mean of what came before."""
    spec = tiny.spec.baseline
    assert spec is not None
    constants = tiny_weights(tiny.spec)
    total, weight = np.array(spec.prior_mean) * spec.prior_weight_s, spec.prior_weight_s
    baseline = tiny.baseline()
    for clip in clips:
        affect, baseline = tiny.judge(clip, sampling_rate=RATE, baseline=baseline)
        frames, weights, seconds = clip_pieces(
            clip, sampling_rate=RATE, front_end=tiny.spec.front_end
        )
        outputs = np.tanh(frames @ constants["project"])
        pooled = (outputs * weights[..., None]).sum((0, 1)) / weights.sum()
        logits = (pooled - total / weight) @ constants["categories"] / 1.5
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        # Sums of float32 in another order.
        assert affect.probabilities == pytest.approx(probabilities, abs=1e-4)
        gate = gate_weight(spec.gate, LABELS, affect.probabilities)
        total, weight = total + gate * seconds * pooled, weight + gate * seconds
        assert baseline.mean == pytest.approx(total / weight, abs=1e-4)
    assert baseline.heard > 5


def test_windows_of_many_voices_are_judged_as_each_alone(
    tiny: Predictor, clips: list[FloatArray]
) -> None:
    rng = np.random.default_rng(0)
    statistics = rng.normal(0, 1, (5, POOLED + 1)).astype(np.float32)
    statistics[:, -1] = 100
    baselines = [None, tiny.baseline(), *(_heard(tiny, clip) for clip in clips)]
    together = tiny.judge_windows(statistics, baselines)
    alone = [
        tiny.judge_windows(row[None], [baseline])[0]
        for row, baseline in zip(statistics, baselines, strict=True)
    ]
    for one, other in zip(together, alone, strict=True):
        assert one.affect.probabilities == pytest.approx(other.affect.probabilities, abs=1e-6)
        assert one.pooled.tolist() == other.pooled.tolist()
    assert together[0].affect.labels == LABELS


def _heard(model: Predictor, clip: FloatArray) -> Baseline:
    return model.judge(clip, sampling_rate=RATE, baseline=model.baseline())[1]


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.zeros(8000, np.float32), "digital silence"),
        (np.full(8000, 0.3, np.float32), "digital silence or a constant"),
        (np.full((2, 8000), -9830, np.int16), "digital silence or a constant"),
        (np.outer([1, -1], np.sin(np.arange(8000))), "its channels cancel each other out"),
        (np.full(8000, np.nan, np.float32), "NaN or infinite"),
        (np.full(8000, 1000.0), "divide them by their full scale"),
        (np.zeros((9, 8000), np.float32), "9 channels"),
        (np.ones(50, np.float32), "at least 201"),
        (np.array(["speech"] * 9000), "its type is"),
    ],
)
def test_what_is_no_clip_is_refused(tiny: Predictor, waveform: FloatArray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        tiny.predict(waveform, sampling_rate=RATE)


@pytest.mark.parametrize("rate", [0, -8000, 5_000_000])
def test_a_rate_that_cannot_be_is_refused(tiny: Predictor, rate: int) -> None:
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        tiny.predict(np.ones(8000, np.float32), sampling_rate=rate)


def test_a_clip_without_voice_is_judged_by_its_louder_frames(tiny: Predictor) -> None:
    """Whoever asks about one clip says that it is speech; voice activity may fail on it."""
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    assert tiny.predict(noise, sampling_rate=16_000).labels == LABELS


def test_a_model_without_a_baseline_judges_every_clip_alone(
    tmp_path: Path, clips: list[FloatArray]
) -> None:
    model = Predictor(write_tiny(tmp_path / "plain", spec=tiny_spec(baseline=False)))
    assert model.predict(clips[0], sampling_rate=RATE).labels == LABELS
    with pytest.raises(BundleError, match=r"tiny has no baseline; .* call predict instead"):
        model.baseline()
    statistics = np.ones((1, POOLED + 1), np.float32)
    (judgement,) = model.judge_windows(statistics, [None])
    assert judgement.gate == 0


def test_a_baseline_of_another_model_is_refused(
    tiny: Predictor, tmp_path: Path, clips: list[FloatArray]
) -> None:
    other = Predictor(write_tiny(tmp_path / "other", seed=3))
    with pytest.raises(BundleError, match=r"belongs to another model .* start from"):
        tiny.judge(clips[0], sampling_rate=RATE, baseline=other.baseline())


def test_scores_that_are_not_finite_are_an_error(tiny: Predictor) -> None:
    statistics = np.full((1, POOLED + 1), np.inf, np.float32)
    with pytest.raises(BundleError, match="scores that are not finite; nothing was judged"):
        tiny.judge_windows(statistics, [None])


def test_dimensions_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    spec = tiny_spec()
    model = Predictor(write_bundle(tmp_path / "m", spec=spec, model=_nan_dimensions(spec), card=""))
    with pytest.raises(BundleError, match="not finite"):
        model.judge_windows(np.ones((1, POOLED + 1), np.float32), [None])


def _nan_dimensions(spec: BundleSpec) -> bytes:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(tiny_graph(spec))
    for constant in model.graph.initializer:
        if constant.name == "places":
            bad = np.full((POOLED, 3), np.nan, np.float32)
            constant.CopyFrom(onnx.numpy_helper.from_array(bad, "places"))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("claimed", "message"),
    [
        ({"labels": ("neutral", "happiness", "sadness", "anger", "fear")}, "bundle names 5 of"),
        ({"dimensions": ("arousal",)}, "bundle names 1 of"),
        ({"front_end": FrontEnd(piece_frames=50, context_frames=40)}, "takes frames of shape"),
        ({"baseline": SHORT_PRIOR}, "has 1 values, but its graph takes 12"),
        ({"baseline": None}, "graph has the inputs frames, weights, statistics, baseline, but"),
    ],
)
def test_a_graph_that_is_not_what_the_bundle_says_is_refused_on_loading(
    tmp_path: Path, claimed: dict[str, object], message: str
) -> None:
    graph = tiny_graph(tiny_spec())
    spec = tiny_spec().model_copy(update=claimed)
    bundle = write_bundle(tmp_path / "m", spec=spec, model=graph, card="")
    with pytest.raises(BundleError, match=message):
        Predictor(bundle)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    empty = b"\x3a\x00"  # a model with an empty graph
    bundle = write_bundle(tmp_path / "m", spec=tiny_spec(), model=empty, card="")
    with pytest.raises(BundleError, match=r"cannot open it|the graph has the inputs"):
        Predictor(bundle)
    with pytest.raises(BundleError, match="it is no ONNX graph"):
        write_bundle(tmp_path / "m", spec=tiny_spec(), model=b"no graph", card="")


def test_a_graph_whose_widths_may_vary_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(tiny_graph(tiny_spec()))
    for given in model.graph.input:
        if given.name == "baseline":
            given.type.tensor_type.shape.dim[1].dim_param = "width"
    graph = bytes(model.SerializeToString())
    bundle = write_bundle(tmp_path / "m", spec=tiny_spec(), model=graph, card="")
    with pytest.raises(BundleError, match="with a fixed width is expected"):
        Predictor(bundle)


@pytest.mark.parametrize("name", ["small", "medium", "small-research", "medium-research"])
def test_the_shipped_models_load_and_judge(name: str, clips: list[FloatArray]) -> None:
    assert name in bundled_models()
    model = load(name)
    angry, baseline = model.judge(clips[2], sampling_rate=RATE, baseline=model.baseline())
    assert angry.labels == model.labels
    assert baseline.heard > 1


def test_a_clip_may_be_a_file(tiny: Predictor) -> None:
    waveform, rate = read(EXAMPLE)
    expected = tiny.predict(waveform, sampling_rate=rate)
    assert tiny.predict(EXAMPLE) == tiny.predict(str(EXAMPLE)) == expected


@pytest.mark.parametrize(
    ("clip", "rate", "message"),
    [
        (np.zeros(800), None, "An array came without its sampling rate"),
        ([EXAMPLE, EXAMPLE], None, "Several recordings came"),
        (EXAMPLE, RATE, "sampling rate of its own"),
        (b"\0\0" * 800, RATE, "bytes came, but samples are expected"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_sentence(
    tiny: Predictor, clip: object, rate: int, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        tiny.predict(clip, sampling_rate=rate)  # type: ignore[arg-type]


def test_a_pickled_model_judges_the_same_in_another_process(
    tiny: Predictor, clips: list[FloatArray]
) -> None:
    program = (
        "import pickle, sys; model, clip = pickle.load(sys.stdin.buffer); "
        f"print(model.predict(clip, sampling_rate={RATE}).probabilities)"
    )
    sent = pickle.dumps((tiny, clips[0]))
    done = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    expected = tiny.predict(clips[0], sampling_rate=RATE).probabilities
    assert done.stdout.decode().strip() == str(expected)


def test_a_pickled_model_of_the_package_travels_by_its_name() -> None:
    assert str(Path(bundled_models()[0]).parent.resolve()).encode() not in pickle.dumps(
        load("small-research")
    )
    assert len(pickle.dumps(load("small-research"))) < 500


def test_a_model_that_changed_since_it_was_pickled_is_refused(tmp_path: Path) -> None:
    pickled = pickle.dumps(Predictor(write_tiny(tmp_path / "model")))
    write_tiny(tmp_path / "model", seed=7)
    with pytest.raises(BundleError, match="another one than that which was pickled"):
        pickle.loads(pickled)


@pytest.mark.parametrize("name", [None, 3, "no-such-model"])
def test_what_names_no_model_is_one_sentence(name: str) -> None:
    with pytest.raises(BundleError, match=r"is neither a bundled model \(.*\) nor a folder"):
        load(name)
