"""Encoders from checkpoints: tiny random ones, saved and loaded as real ones are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_clips import made_corpus
from tiny_encoders import KINDS, save_tiny

from tonfall.corpora import Manifest

pytest.importorskip("torch", reason="training needs PyTorch: extra train")
pytest.importorskip("pytorch_lightning", reason="training needs Lightning: extra train")
pytest.importorskip("transformers", reason="these encoders need transformers: extra train")

import soundfile
import torch

from tonfall import Stream, analyze
from tonfall.bundle import CorpusUse, FrontEnd
from tonfall.learn.card import licence_of, unstated_checkpoint
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.export import export_graph
from tonfall.learn.networks import Judge, Network, build_front, start_front
from tonfall.learn.pretrained.checkpoint import blank_model, model_hash, read_checkpoint
from tonfall.learn.pretrained.options import Lora, TransformersEncoder
from tonfall.learn.recipe import Recipe, read_recipe
from tonfall.learn.stage import Runs, with_trained
from tonfall.learn.task import Learner, NetworkTask
from tonfall.learn.train import train
from tonfall.learn.training import Optimiser, Training
from tonfall.ort import open_session
from tonfall.runtime import Predictor, clip_pieces
from tonfall.streaming import WindowScored

RECIPE = """
name: tiny
seed: 3
corpora: {one: one.parquet}
labels: [sadness, neutral, anger]
encoder: {kind: transformers, model: wavlm, width: 8, trained: lora, licence: MIT, int8: true}
front_end: {kind: waveform, piece_frames: 100, context_frames: 40}
training:
  epochs: 1
  batch_clips: 4
  optimiser: {learning_rate: 0.01, pretrained_learning_rate: 0.001, average: 0.5}
  threads: 1
"""
CLIP = Path(__file__).resolve().parents[1] / "golden" / "clip.flac"
FRONT_END = FrontEnd(kind="waveform", piece_frames=100, context_frames=40)
INPUTS = ("frames", "weights", "statistics", "baseline")
OUTPUTS = ("encoded", "pooled", "logits", "dimensions")


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each kind; the last one with norms before its blocks, as large ones have."""
    folder = tmp_path_factory.mktemp("encoders")
    large = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}
    found = {kind: save_tiny(folder / kind, kind) for kind in KINDS}
    return found | {"large": save_tiny(folder / "large", "wavlm", **large)}


@pytest.fixture
def recipe(tmp_path: Path, saved: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A corpus of four voices, three labels and twelve clips, and a checkpoint beside it."""
    monkeypatch.setenv("TONFALL_CACHE", str(tmp_path / "cache"))
    rows = made_corpus(tmp_path, "one", speakers=4, takes=1)
    Manifest.from_frame(rows, root=tmp_path).write(tmp_path / "one.parquet")
    (tmp_path / "wavlm").symlink_to(saved["wavlm"])
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return read_recipe(tmp_path / "tiny.yaml")


def encoder(folder: Path, **settings: object) -> TransformersEncoder:
    values = {"kind": "transformers", "model": str(folder), "width": 8, **settings}
    return TransformersEncoder.model_validate(values)


def clip() -> tuple[np.ndarray, np.ndarray]:
    """Pieces of a real recording, and their weights."""
    samples, rate = soundfile.read(CLIP, dtype="float32")
    frames, weights, _ = clip_pieces(samples, sampling_rate=rate, front_end=FRONT_END)
    return frames, weights


@pytest.mark.parametrize("kind", [*KINDS, "large"])
@pytest.mark.parametrize("trained", ["nothing", "lora"])
def test_the_graph_gives_what_the_front_gives_for_any_batch_and_length(
    saved: dict[str, Path], kind: str, trained: str
) -> None:
    """On a real clip, within 1e-4 of float32; low-rank matrices are added to those beside them."""
    front = start_front(encoder(saved[kind], trained=trained), FRONT_END).eval()
    drawn = torch.Generator().manual_seed(1)
    for name, parameter in front.named_parameters():
        if "lora_B" in name:  # as if it had been trained
            parameter.data.normal_(0, 0.3, generator=drawn)
    judge = Judge(pooled=16, labels=3, dimensions=3)
    graph = export_graph(Network(front.shipped(), judge).eval(), frames=140, int8=False)
    session = open_session(graph, inputs=INPUTS, outputs=OUTPUTS)
    frames, weights = clip()
    nothing = {
        "statistics": np.zeros((0, 17), np.float32),
        "baseline": np.zeros((0, 16), np.float32),
    }
    longer = np.pad(frames, ((0, 0), (60, 0), (0, 0))), np.pad(weights, ((0, 0), (60, 0)))
    for some in ((frames, weights), (frames[:1], weights[:1]), longer):
        with torch.inference_mode():
            expected = front(*map(torch.from_numpy, some)).numpy()
        found = session.run(["encoded"], dict(zip(INPUTS, some, strict=False)) | nothing)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    none = {"frames": frames[:0], "weights": weights[:0]}
    assert session.run(["encoded"], none | nothing)[0].shape == (0, 17)
    judged = {"statistics": np.ones((2, 17), np.float32), "baseline": np.ones((2, 16), np.float32)}
    assert session.run(["logits"], none | judged)[0].shape == (2, 3)


@pytest.mark.parametrize("kind", ["wavlm", "large"])
def test_wavlm_in_plain_steps_gives_what_transformers_gives(
    saved: dict[str, Path], kind: str
) -> None:
    from transformers import AutoModel

    _, ours = read_checkpoint(encoder(saved[kind]))
    theirs = AutoModel.from_pretrained(saved[kind]).eval()
    samples = torch.from_numpy(clip()[0]).flatten(1)
    with torch.inference_mode():
        found, expected = (model(samples).last_hidden_state for model in (ours.eval(), theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_is_centred_on_its_two_frames(saved: dict[str, Path], kind: str) -> None:
    """The convolutions of step k answer to what happens in frames 2 k and 2 k + 1 above all."""
    facts, model = read_checkpoint(encoder(saved[kind]))
    before, after = facts.margins
    assert (before, after) == (40, 40)
    samples = torch.zeros(1, 320 * 9 + 80)
    with torch.inference_mode():
        still = model.feature_extractor(samples)
        samples[0, before + 320 * 4 + 160] = 1
        moved = (model.feature_extractor(samples) - still).abs().sum(1)[0]
    assert len(moved) == 9
    assert moved.argmax() == 4


def test_samples_are_normalised_as_the_checkpoint_says(tmp_path: Path) -> None:
    """By the piece: then gain changes nothing; else it does."""
    frames, weights = map(torch.from_numpy, clip())
    for normalise in (True, False):
        folder = save_tiny(tmp_path / str(normalise), "wav2vec2", normalise=normalise)
        front = start_front(encoder(folder), FRONT_END).eval()
        with torch.inference_mode():
            plain, louder = front(frames, weights), front(3 * frames, weights)
        assert torch.allclose(plain, louder, atol=1e-4) == normalise


LEARNT = {
    "nothing": 0,
    "top": 1,
    "blocks": 2,
    "lora": 2,
    "all": 3,
}
"""How many groups of the checkpoint's weights learn: blocks, and what comes before them."""


@pytest.mark.parametrize("trained", LEARNT)
def test_what_is_trained_learns_and_the_rest_stays(saved: dict[str, Path], trained: str) -> None:
    settings = encoder(saved["wavlm"], trained=trained, top=1, layer_decay=0.5)
    front = start_front(settings, FRONT_END)
    groups = list(front.parameters_by_share())
    assert len(groups) == LEARNT[trained]
    assert [share for _, share in groups] == [0.25, 0.5, 1.0][3 - len(groups) :]
    frames, weights = map(torch.from_numpy, clip())
    front.train()(frames, weights).sum().backward()
    learning = [name for name, each in front.named_parameters() if each.requires_grad]
    without = [name for name in learning if front.get_parameter(name).grad is None]
    assert without == []
    assert {"layers", "out.1.weight", "score.weight"} <= set(learning)


def test_matrices_beside_wavlms_attention_learn_too(saved: dict[str, Path]) -> None:
    """Its attention in transformers goes past them: neither gradient nor effect."""
    every = ("q_proj", "k_proj", "v_proj", "out_proj", "intermediate_dense", "output_dense")
    settings = encoder(saved["wavlm"], trained="lora", lora=Lora(matrices=every))
    front = start_front(settings, FRONT_END).eval()
    frames, weights = map(torch.from_numpy, clip())
    front(frames, weights).sum().backward()
    beside = [(name, each) for name, each in front.named_parameters() if "lora_B" in name]
    assert len(beside) == 2 * len(every)
    # A bias of the keys moves all scores of a step alike, but the keys' matrix does not.
    assert [name for name, each in beside if not each.grad.abs().max() > 0] == []


def test_the_rate_of_each_block_falls_towards_the_input(saved: dict[str, Path]) -> None:
    front = start_front(encoder(saved["hubert"], trained="all", layer_decay=0.5), FRONT_END)
    learner = Learner(front, pooled=16, labels=3, dropout=0.0)
    how = Optimiser(
        learning_rate=0.01, pretrained_learning_rate=0.001, schedule="constant", warmup=0
    )
    task = task_of(learner, how)
    optimiser = task.configure_optimizers()["optimizer"]
    rates = [group["lr"] for group in optimiser.param_groups]
    np.testing.assert_allclose(rates, [0.01, 0.00025, 0.0005, 0.001])
    grouped = [each for group in optimiser.param_groups for each in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(learner.parameters()))


def task_of(learner: Learner, how: Optimiser) -> NetworkTask:
    return NetworkTask(
        learner,
        Training(optimiser=how),
        seed=1,
        steps=10,
        label_shares=np.full(3, 1 / 3, np.float32),
        clip_names=np.array(["a", "b"]),
    )


def test_what_does_not_learn_is_held_once_and_left_out_of_checkpoints(
    saved: dict[str, Path],
) -> None:
    learner = Learner(
        start_front(encoder(saved["wavlm"], trained="lora"), FRONT_END),
        pooled=16,
        labels=3,
        dropout=0.0,
    )
    task = task_of(learner, Optimiser())
    frozen = learner.front.model.encoder.layer_norm.weight
    assert task.average.front.model.encoder.layer_norm.weight is frozen
    content = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(content)
    names = set(content["state_dict"])
    assert not any("layer_norm.weight" in name for name in names)
    assert {"learner.front.layers", "average.front.layers", "learner.categories.weight"} <= names
    assert any("lora_A" in name for name in names)


def test_a_checkpoint_becomes_a_bundle_of_which_a_file_equals_a_stream(
    recipe: Recipe, tmp_path: Path
) -> None:
    """From a recipe by one command's function: trained, exported, analysed and streamed."""
    said: list[str] = []
    bundle = train(recipe, tmp_path / "model", runs=Runs(tmp_path / "runs"), say=said.append)
    assert "The front is the checkpoint wavlm, trained further by low-rank" in bundle.card
    assert "every corpus and the checkpoint allow" not in bundle.spec.licence  # one's is not stated
    assert "then stored in 8 bits" in bundle.card
    assert bundle.spec.schema_version == 4
    assert not any("checkpoint" in sentence for sentence in said)
    model = Predictor(bundle)
    timeline = analyze(CLIP, model=model).timeline
    assert timeline.windows
    samples, rate = soundfile.read(CLIP, dtype="float32")
    stream = Stream(sampling_rate=rate, model=model)
    events = [*stream.push(samples[: rate // 3]), *stream.push(samples[rate // 3 :])]
    events += stream.close()
    heard = [event.window.probabilities for event in events if isinstance(event, WindowScored)]
    said_of = [window.probabilities for window in timeline.windows]
    np.testing.assert_allclose(heard, said_of, atol=1e-6)


def test_a_run_that_broke_off_ends_as_if_it_had_not(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its checkpoint holds nothing of what does not learn."""
    twice = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 2})})
    parts = split_speakers(recipe_clips(recipe), every=8, first=3)

    def run(name: str) -> Path:
        with_trained(twice, *parts, labels=recipe.labels, runs=Runs(tmp_path / name))
        (folder,) = (tmp_path / name).iterdir()
        return folder

    real = NetworkTask.training_step

    def broken(task: NetworkTask, batch: object, place: int) -> torch.Tensor:
        if (task.current_epoch, place) == (1, 1):
            raise OSError("the power went")
        return real(task, batch, place)

    whole = run("whole")
    monkeypatch.setattr(NetworkTask, "training_step", broken)
    with pytest.raises(OSError, match="the power went"):
        run("broken")
    monkeypatch.setattr(NetworkTask, "training_step", real)
    again = run("broken")
    for name in ("curves.csv", "weights.npz"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


def test_weights_of_a_run_do_without_the_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    """Whatever the run learnt on top of it stands in its file: the folder may go."""
    parts = split_speakers(recipe_clips(recipe), every=8, first=3)
    trained = with_trained(recipe, *parts, labels=recipe.labels, runs=Runs(tmp_path / "runs"))
    (tmp_path / "wavlm").unlink()
    front = build_front(trained.encoder, recipe.front_end)
    assert not any("lora" in name for name in front.state_dict())


def test_a_checkpoint_is_known_by_its_content(saved: dict[str, Path], tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", "wavlm", normalise=False)
    hashes = [
        model_hash(*read_checkpoint(encoder(folder, **settings)))
        for folder, settings in (
            (saved["wavlm"], {}),
            (saved["wavlm"], {"trained": "all"}),
            (saved["wavlm"], {"blocks": 1}),
            (other, {}),
            (saved["hubert"], {}),
        )
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


def test_a_blank_model_has_the_places_of_a_checkpoints_weights(saved: dict[str, Path]) -> None:
    for folder in saved.values():
        facts, model = read_checkpoint(encoder(folder))
        state = torch.random.get_rng_state()
        blank = blank_model(facts)
        assert torch.equal(torch.random.get_rng_state(), state)
        shapes = [
            {name: each.shape for name, each in one.state_dict().items()} for one in (model, blank)
        ]
        assert shapes[0] == shapes[1]


def test_the_licence_of_a_checkpoint_counts_like_that_of_a_corpus(tmp_path: Path) -> None:
    """By its name, and not by where it lies."""
    uses = (CorpusUse(name="one", licence="ODbL", clips=1, speakers=1, language="de"),)
    known, unknown = (encoder(tmp_path / "wavlm", **how) for how in ({"licence": "MIT"}, {}))
    allowed = "only what every corpus and the checkpoint allow (one: ODbL; wavlm: MIT)."
    assert licence_of(uses, known) == f"Model and card: {allowed}"
    assert licence_of(uses, unknown) == "Not stated, because that of wavlm is not."
    assert list(unstated_checkpoint(known)) == []
    (sentence,) = unstated_checkpoint(unknown)
    assert sentence.startswith("wavlm: no licence of the checkpoint is stated")
