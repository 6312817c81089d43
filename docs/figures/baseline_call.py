"""Make docs/figures/baseline-call.png: one call that turns angry, judged with and without baseline.

    python docs/figures/baseline_call.py

Twelve neutral and eight angry clips of the first actor of nEMO in a row; the model is the medium
recipe fitted without nEMO, so that language, room and voice are new to it. Needs the extra train
and the corpora where the recipe says. With --keep FOLDER the call, page and picture are kept too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure

import tonfall
from tonfall.analysis.outputs import write_outputs
from tonfall.bundle import BaselineSpec, BundleSpec, write_bundle
from tonfall.corpora.clips import clips_of, read_clip
from tonfall.learn.data import recipe_clips, split_speakers
from tonfall.learn.export import export_graph
from tonfall.learn.fit import fit_calibrated
from tonfall.learn.networks import Network, build_front
from tonfall.learn.recipe import Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[2]
CORPUS = "nemo"
PAUSE_S = 0.6
ORANGE, BLUE, GREY = "#d55e00", "#0072b2", "#8a8a8a"


def left_out_model(recipe: Recipe, folder: Path) -> tonfall.Predictor:
    """The recipe fitted without the corpus."""
    clips = recipe_clips(recipe)
    train, development = split_speakers(clips[clips["corpus"] != CORPUS], every=8, first=3)
    fitted = fit_calibrated(recipe, train, development, labels=recipe.labels)
    network = Network(build_front(recipe.encoder, recipe.front_end), fitted.judge).eval()
    frames = recipe.front_end.context_frames + recipe.front_end.piece_frames
    assert recipe.baseline is not None
    spec = BundleSpec(
        schema_version=1,
        name="medium-without-nemo",
        version=recipe.version,
        description="For one figure.",
        labels=recipe.labels,
        dimensions=("arousal", "valence", "dominance"),
        dimensions_weak=True,
        front_end=recipe.front_end,
        windows=recipe.windows,
        baseline=BaselineSpec(
            prior_mean=tuple(map(float, fitted.prior)),
            prior_weight_s=recipe.baseline.prior_weight_s,
            gate=recipe.baseline.gate,
        ),
        calibration=fitted.calibration,
        licence="research only",
        corpora=(),
        recipe="recipes/experiments/six-corpora.yaml",
        files={},
    )
    graph = export_graph(network, frames=frames, int8=recipe.encoder.int8)
    write_bundle(folder / "model", spec=spec, model=graph, card="For one figure.\n")
    return tonfall.load(folder / "model")


def compose(recipe: Recipe, target: Path) -> float:
    """Write the call; return the second in which the anger begins."""
    clips = recipe_clips(recipe)
    own = clips[clips["corpus"] == CORPUS]
    own = own[own["speaker"] == min(own["speaker"])]
    rng = np.random.default_rng(1)
    pause = np.zeros(round(PAUSE_S * 16_000), np.float32)
    parts, turn = [], 0.0
    for label, count in (("neutral", 12), ("anger", 8)):
        found = clips_of(own[own["label"] == label])
        chosen = [found[place] for place in rng.permutation(len(found))]
        turn = sum(map(len, parts)) / 16_000 if label == "anger" else turn
        for clip in (chosen * 3)[:count]:
            parts += [read_clip(clip), pause]
    soundfile.write(target, np.concatenate(parts), 16_000)
    return turn


def draw(analyses: dict[str, tonfall.Analysis], turn: float) -> Figure:
    """Probability of anger over the call, one line a way of judging."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for (name, analysis), colour, style in zip(
        analyses.items(), (GREY, ORANGE), ("--", "-"), strict=True
    ):
        place = analysis.timeline.labels.index("anger")
        ends = [window.segment.end / 16_000 for window in analysis.timeline.windows]
        anger = [window.probabilities[place] for window in analysis.timeline.windows]
        axes.plot(ends, anger, style, color=colour, label=name, linewidth=1.6)
    axes.axvline(turn, color=BLUE, linewidth=1)
    axes.text(turn + 0.4, 1.01, "the voice turns angry", color=BLUE, va="bottom", fontsize=9)
    axes.set(xlabel="seconds", ylabel="probability of anger", ylim=(0, 1), xlim=(0, None))
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    recipe = read_recipe(ROOT / "recipes" / "experiments" / "six-corpora.yaml")
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        model = left_out_model(recipe, folder)
        turn = compose(recipe, folder / "turns-angry.wav")
        analyses = {
            "each window alone": tonfall.analyze(
                folder / "turns-angry.wav", model=model, baseline=False
            ),
            "against the baseline": tonfall.analyze(folder / "turns-angry.wav", model=model),
        }
        write_outputs(analyses["against the baseline"], folder, plots=("png", "html"))
    draw(analyses, turn).savefig(ROOT / "docs" / "figures" / "baseline-call.png", dpi=150)


if __name__ == "__main__":
    main()
