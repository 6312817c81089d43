"""A trained model in another form: what comes out is the same model, smaller, and says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from made_clips import made_corpus
from tiny_bundle import write_tiny
from tiny_encoders import KINDS, save_tiny

from tonfall.bundle import Bundle, FrontEnd, read_bundle
from tonfall.corpora import Manifest
from tonfall.errors import BundleError, ConfigError
from tonfall.runtime import Predictor

torch = pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")

from tonfall.lab import Wanted, export  # noqa: E402
from tonfall.learn.answers import Asking, onnx_run, random_pieces, torch_run  # noqa: E402
from tonfall.learn.encoders import (  # noqa: E402
    CnnEncoder,
    CnnTransformerEncoder,
    RecurrentEncoder,
)
from tonfall.learn.export import plain_graph  # noqa: E402
from tonfall.learn.nets import NetworkFront  # noqa: E402
from tonfall.learn.networks import Judge, LoneNetwork, Network  # noqa: E402
from tonfall.learn.quantise import form_of, in_float32, in_static_8_bits  # noqa: E402
from tonfall.learn.recipe import read_recipe  # noqa: E402
from tonfall.learn.saved import run_folder  # noqa: E402
from tonfall.learn.stage import Runs  # noqa: E402
from tonfall.learn.torchscript import as_torchscript, open_torchscript  # noqa: E402
from tonfall.learn.train import train  # noqa: E402

CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
FRONT_END = FrontEnd(piece_frames=100, context_frames=40)

RECIPE = """
name: tiny
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {taps: [0]}
front_end: {piece_frames: 100, context_frames: 40}
baseline: {prior_weight_s: 4, gate: {held: {anger: 1}, floor: 0.05}, histories: [0, 1], draws: 1}
"""


@pytest.fixture
def model(tmp_path: Path, tiny_front: None) -> Bundle:
    """Convolutions of random weights under a head that tells four voices' pitches apart."""
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    target = tmp_path / "model"
    return train(read_recipe(tmp_path / "tiny.yaml"), target, runs=Runs(run_folder(target)))


def test_static_8_bits_are_a_bundle_of_a_third_that_says_what_was_done(
    model: Bundle, tmp_path: Path
) -> None:
    check = str(tmp_path / "one.parquet")
    wanted = Wanted(int8="static", torchscript=True, check=check, allow_points=100)
    exported = export(model.folder, tmp_path / "small", wanted)
    report = exported.report
    assert exported.bundle.spec.name == "tiny-int8-static"
    assert form_of(exported.bundle.model.read_bytes()) == report.after.form == "static"
    assert report.after.bytes < 0.4 * report.before.bytes
    assert report.accuracy is not None
    assert report.accuracy.before > 90
    assert report.accuracy.learnt == ("one",)
    integer, script = report.likeness
    assert (integer.of, script.of) == ("recordings", "recordings")
    assert script.form == "TorchScript"
    assert script.largest <= 1e-4 < integer.largest
    assert "## What was done to it" in exported.bundle.card
    assert "It learnt from one, so these figures are higher" in exported.bundle.card
    kept = json.loads((exported.bundle.folder / "export.json").read_text())
    assert kept == json.loads(report.model_dump_json())
    assert set(exported.bundle.spec.files) >= {"export.json", "model.torchscript.pt"}
    Predictor(exported.bundle).predict(CLIP)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated")
def test_the_example_of_the_page_runs(
    model: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "export.md"
    export(model.folder, tmp_path / "my-small-model", Wanted(torchscript=True))
    monkeypatch.chdir(tmp_path)
    code = page.read_text().split("```python\n")[1].split("```")[0]
    exec(compile(code, str(page), "exec"), {})
    assert capsys.readouterr().out.count("tensor([[") == 2


def test_an_exported_file_that_was_altered_is_refused(model: Bundle, tmp_path: Path) -> None:
    exported = export(model.folder, tmp_path / "new", Wanted(torchscript=True))
    (exported.bundle.folder / "model.torchscript.pt").write_bytes(b"other")
    with pytest.raises(BundleError, match="the file was altered"):
        read_bundle(exported.bundle.folder)


def test_a_pruned_model_is_fitted_anew_and_can_be_exported_further(
    model: Bundle, tmp_path: Path
) -> None:
    pruned = export(model.folder, tmp_path / "pruned", Wanted(prune=0.5))
    assert pruned.bundle.spec.name == "tiny-pruned-50"
    assert pruned.report.after.bytes < 0.7 * pruned.report.before.bytes
    assert "192 of 384 channels" in pruned.bundle.card
    again = export(tmp_path / "pruned", tmp_path / "script", Wanted(torchscript=True))
    assert again.report.likeness[0].to == "the network in PyTorch"


def test_what_loses_more_than_is_allowed_is_not_written(
    model: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    from onnx import numpy_helper

    from tonfall.lab import export_forms

    def spoilt(origin: object, form: object, calibration: object) -> bytes:
        graph = onnx.load_from_string(real(origin, form, calibration))
        (head,) = (each for each in graph.graph.initializer if "categories.weight" in each.name)
        head.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(head), head.name))
        return graph.SerializeToString()

    real = export_forms._graph
    monkeypatch.setattr(export_forms, "_graph", spoilt)
    wanted = Wanted(int8="static", check=str(tmp_path / "one.parquet"))
    with pytest.raises(BundleError, match=r"points less, but 1 are allowed \(--allow"):
        export(model.folder, tmp_path / "worse", wanted)
    assert not (tmp_path / "worse").exists()


def test_a_graph_of_another_model_than_the_network_is_noticed(
    model: Bundle, tmp_path: Path
) -> None:
    head = run_folder(model.folder) / "head.npz"
    with np.load(head) as content:
        weights = {name: -3 * content[name] for name in content.files}
    np.savez(head, **weights)
    with pytest.raises(ConfigError, match=r"model\.training is not that of the bundle beside it"):
        export(model.folder, tmp_path / "new", Wanted(int8="static"))


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        (Wanted(), ConfigError, "nothing to do: ask for --int8"),
        (Wanted(torchscript=True), BundleError, "--torchscript needs the network in PyTorch"),
        (Wanted(prune=0.5), BundleError, "--prune needs the network in PyTorch"),
        (Wanted(prune=1.5), ConfigError, r"--prune 1\.5: expected a share"),
        (Wanted(int8="none"), BundleError, "tiny is in float32 already"),
        (Wanted(int8="static"), ConfigError, "name some, without labels if need be, with --clips"),
    ],
)
def test_what_cannot_be_had_from_a_bundle_alone_is_said(
    tiny_bundle: Bundle, tmp_path: Path, wanted: Wanted, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        export(tiny_bundle.folder, tmp_path / "new", wanted)
    assert not (tmp_path / "new").exists()


def test_recordings_of_ones_own_stand_in_for_held_out_speakers(
    model: Bundle, tmp_path: Path
) -> None:
    run_folder(model.folder).rename(tmp_path / "elsewhere")
    wanted = Wanted(int8="static", clips=str(tmp_path / "one.parquet"))
    exported = export(model.folder, tmp_path / "new", wanted)
    (found,) = exported.report.likeness
    assert (found.of, found.to) == ("recordings", "the graph that was exported")


def test_a_bundle_in_8_bits_is_not_stored_in_8_bits_again(tmp_path: Path) -> None:
    tiny = write_tiny(tmp_path / "tiny")
    small = export(tiny.folder, tmp_path / "small", Wanted(int8="dynamic"))
    assert small.report.likeness[0].to == "the graph that was exported"
    with pytest.raises(BundleError, match=r"is in 8 bits \(dynamic\) already; there is nothing"):
        export(small.bundle.folder, tmp_path / "new", Wanted(int8="dynamic"))
    with pytest.raises(BundleError, match="already, and --int8 static needs the network"):
        export(small.bundle.folder, tmp_path / "new", Wanted(int8="static"))


def test_places_that_hold_something_else_are_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="it holds files and no bundle"):
        export(tiny_bundle.folder, tmp_path, Wanted(int8="dynamic"))
    with pytest.raises(ConfigError, match="this is the model itself"):
        export(tiny_bundle.folder, tiny_bundle.folder, Wanted(int8="dynamic"))


def test_a_full_disk_is_said_in_a_sentence(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_how: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tonfall.lab.exporting.write_bundle", full)
    with pytest.raises(ConfigError, match=r"written there \(No space left on device\)"):
        export(tiny_bundle.folder, tmp_path / "new", Wanted(int8="dynamic"))


def test_functionals_have_no_network(tiny_functionals: Predictor, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="by a classifier: it has no network"):
        export(tiny_functionals._folder, tmp_path / "new", Wanted(int8="dynamic"))


@pytest.mark.parametrize(
    "encoder",
    [
        CnnEncoder(channels=(4, 6), width=8),
        RecurrentEncoder(kind="bilstm", hidden=8, layers=1, width=8),
        RecurrentEncoder(kind="gru", hidden=8, layers=1, width=8),
        CnnTransformerEncoder(channels=(4, 6), width=8, blocks=1, heads=2),
    ],
)
@pytest.mark.parametrize("kind", [Network, LoneNetwork])
def test_torchscript_answers_as_the_network_for_any_number_of_pieces(
    tiny_bundle: Bundle, encoder: CnnEncoder, kind: type[Network]
) -> None:
    torch.manual_seed(0)
    judge = Judge(pooled=encoder.pooled, labels=4, dimensions=3)
    network = kind(NetworkFront(encoder, FRONT_END), judge).eval().requires_grad_(False)
    script = torch_run(open_torchscript(as_torchscript(network, frames=140)))
    prior = tiny_bundle.spec.baseline.model_copy(update={"prior_mean": (0.0,) * encoder.pooled})
    baseline = prior if kind is Network else None
    asking = Asking(tiny_bundle.spec.model_copy(update={"baseline": baseline}), encoder.statistics)
    clips = random_pieces(FRONT_END, clips=3, pieces=5)
    meant = asking.answers(torch_run(network), clips)
    for at_once in (1, 3, 5):
        found = asking.answers(script, clips, at_once=at_once)
        np.testing.assert_allclose(found, meant, atol=1e-4)
    graph = onnx_run(plain_graph(network, frames=140), baseline=kind is Network)
    np.testing.assert_allclose(asking.answers(graph, clips), meant, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_torchscript_of_pretrained_encoders_takes_any_number_of_pieces(
    tiny_bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    pytest.importorskip("transformers", reason="needs transformers: extra train")
    from tonfall.learn.networks import start_front
    from tonfall.learn.pretrained.options import TransformersEncoder

    front_end = FrontEnd(kind="waveform", piece_frames=100, context_frames=40)
    encoder = TransformersEncoder(
        kind="transformers", model=str(save_tiny(tmp_path / kind, kind)), width=8
    )
    judge = Judge(pooled=encoder.pooled, labels=4, dimensions=3)
    network = LoneNetwork(start_front(encoder, front_end), judge).eval().requires_grad_(False)
    script = torch_run(open_torchscript(as_torchscript(network, frames=140)))
    spec = tiny_bundle.spec.model_copy(update={"baseline": None})
    asking = Asking(spec, encoder.statistics)
    clips = random_pieces(front_end, clips=2, pieces=3)
    meant = asking.answers(torch_run(network), clips)
    for at_once in (1, 3):
        found = asking.answers(script, clips, at_once=at_once)
        np.testing.assert_allclose(found, meant, atol=1e-4)


def test_static_8_bits_leave_the_head_alone(model: Bundle) -> None:
    import onnx

    graph = in_float32(model.model.read_bytes())
    asking = Asking(model.spec, 769)
    feeds = [
        asking.feeds(each.part(0, 1), np.ones((1, 769), np.float32))
        for each in random_pieces(FRONT_END)
    ]
    small = onnx.load_from_string(in_static_8_bits(graph, feeds))
    quantised = {
        weight.name: weight
        for weight in small.graph.initializer
        if re.search(r"judge", weight.name) and weight.data_type == onnx.TensorProto.INT8
    }
    assert not quantised
    convolutions = [node for node in small.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 2
    made_by = {output: node for node in small.graph.node for output in node.output}
    assert all(made_by[node.input[1]].op_type == "DequantizeLinear" for node in convolutions)
