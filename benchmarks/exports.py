"""Models in other forms side by side: size, milliseconds a window, recall on left-out corpora.

    python -m benchmarks.exports medium small
    python -m benchmarks.exports runs/whole+runs/pruned

A bundled model is compared with its own forms, made by `tonfall export`: float32, 8 bits (dynamic
and static). Its network is put together from Whisper's published weights and the head in its graph,
so that nothing is trained. Bundles joined by + are compared with the first of them as they are.
Each clip is judged alone; models that are compared hear the same clips, and are timed in turn on
one core.
Needs the extras train and eval, and the corpora.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import torch
from onnx import numpy_helper

from benchmarks.machine import REPOSITORY, heading
from tonfall.bundle import Bundle, bundled_models, read_bundle, write_bundle
from tonfall.corpora.clips import Clip, clips_of, named_errors, read_clip
from tonfall.corpora.shares import in_shares
from tonfall.evaluation.additive import Additive, fold_mean, unweighted_recall
from tonfall.evaluation.comparison import compare_figures
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.protocols import Protocol
from tonfall.lab import Experiment, Wanted, export, find_places
from tonfall.lab.measuring import open_sounds
from tonfall.lab.predictions import onto_labels
from tonfall.lab.progress import no_progress
from tonfall.learn.answers import (
    Asking,
    Pieces,
    Run,
    onnx_run,
    random_pieces,
    statistics_width,
)
from tonfall.learn.encoders import WhisperEncoder
from tonfall.learn.networks import Judge
from tonfall.learn.quantise import form_of
from tonfall.learn.recipe import read_recipe
from tonfall.learn.saved import run_folder, save_network
from tonfall.runtime.clip import clip_pieces

CORPORA = "emodb+emovo+ravdess"
"""Acted, German, Italian and English; none of them taught `medium` or `small` anything."""

_ROUNDS = 40


@dataclass(frozen=True)
class Opened:
    """A model, ready to be asked."""

    run: Run
    asking: Asking


@lru_cache(maxsize=16)
def opened(folder: Path) -> Opened:
    """The bundle of a folder; kept for the process."""
    bundle = read_bundle(folder)
    graph, baseline = bundle.model.read_bytes(), bundle.spec.baseline is not None
    asking = Asking(bundle.spec, statistics_width(graph, baseline=baseline))
    return Opened(onnx_run(graph, baseline=baseline), asking)


def forms(name: str, folder: Path) -> Iterator[Path]:
    """A bundled model in float32 and in 8 bits; ranges are found on speakers of its corpora."""
    source = _with_network(name, folder / name)
    for form in ("none", "dynamic", "static"):
        target = folder / f"{name}-{form}"
        here = {"none": "float32"}.get(form, form)
        if form_of(source.model.read_bytes()) == here:
            yield source.folder
        elif form != "dynamic" or _has_matrices(source):
            export(source.folder, target, Wanted(int8=form))  # type: ignore[arg-type]
            yield target


def _has_matrices(bundle: Bundle) -> bool:
    """Whether anything stands before the head that dynamic 8 bits would store."""
    return any(
        node.op_type == "MatMul" and "judge" not in node.name
        for node in onnx.load(bundle.model).graph.node
    )


def _with_network(name: str, target: Path) -> Bundle:
    """A copy of a bundled model with what `tonfall train` would have left beside it."""
    bundle = read_bundle(name)
    recipe = read_recipe(REPOSITORY / bundle.spec.recipe)
    assert isinstance(recipe.encoder, WhisperEncoder), "only frozen fronts can be put together"
    weights = {
        tensor.name.removesuffix("_Transposed"): (
            numpy_helper.to_array(tensor).T
            if tensor.name.endswith("_Transposed")
            else numpy_helper.to_array(tensor)
        )
        for tensor in onnx.load(bundle.model).graph.initializer
        if tensor.name.startswith("judge.")
    }
    judge = Judge(pooled=recipe.encoder.pooled, labels=len(bundle.spec.labels), dimensions=3)
    state = {key.removeprefix("judge."): torch.tensor(value) for key, value in weights.items()}
    judge.load_state_dict({**judge.state_dict(), **state})
    save_network(run_folder(target), recipe, judge, recipe.encoder)
    model = bundle.model.read_bytes()
    return write_bundle(target, spec=bundle.spec, model=model, card=bundle.card)


def scores(folders: Sequence[Path], clips: Sequence[Clip], workers: int) -> list[list[list[float]]]:
    """(clips, models, labels): probabilities of every clip by every model."""
    shares = in_shares(clips, partial(_share, folders=tuple(folders)), workers=workers)
    return [row for share in shares for row in share]


def _share(clips: Sequence[Clip], folders: tuple[Path, ...]) -> list[list[list[float]]]:
    models = [opened(folder) for folder in folders]
    front_end = models[0].asking.spec.front_end
    rows = []
    for clip in clips:
        with named_errors(clip):
            cut = clip_pieces(read_clip(clip), sampling_rate=16_000, front_end=front_end)
        pieces = Pieces(cut[0], cut[1])
        answers = [model.asking.answers(model.run, [pieces])[0] for model in models]
        rows.append([answer.tolist() for answer in answers])
    return rows


def recalls(
    folders: Sequence[Path], protocol: Protocol, items: pd.DataFrame, workers: int
) -> list[Additive]:
    """Unweighted recall of each model, as a mean over corpora."""
    found = np.asarray(scores(folders, clips_of(items), workers))
    figures = []
    for place, folder in enumerate(folders):
        labels = opened(folder).asking.spec.labels
        table = pd.DataFrame(found[:, place, : len(labels)], columns=list(labels))
        table.insert(0, "item", items["item"].to_numpy())
        ours = onto_labels(table, protocol)[list(protocol.labels)]
        figure = unweighted_recall(
            items["label"].tolist(), ours.idxmax(axis=1).tolist(), labels=protocol.labels
        )
        corpora = items["corpus"].to_numpy()
        parts = [
            Additive(figure.terms * (corpora == name)[:, None], figure.value)
            for name in dict.fromkeys(corpora)
        ]
        figures.append(fold_mean(parts))
    return figures


def milliseconds(folders: Sequence[Path]) -> list[float]:
    """CPU time of one core for a whole window, encoded and judged: medians, models in turn."""
    taken: list[list[float]] = [[] for _ in folders]
    spec = opened(folders[0]).asking.spec
    (window,) = random_pieces(spec.front_end, clips=1, pieces=spec.windows.pieces)
    for _ in range(_ROUNDS):
        for folder, times in zip(folders, taken, strict=True):
            model = opened(folder)
            began = time.process_time()
            model.asking.answers(model.run, [window])
            times.append(1000 * (time.process_time() - began))
    return [float(np.median(times)) for times in taken]


def rows(
    folders: Sequence[Path], protocol: Protocol, items: pd.DataFrame, workers: int
) -> Iterator[str]:
    """A row a model, each against the first."""
    figures = recalls(folders, protocol, items, workers)
    times = milliseconds(folders)
    speakers, corpora = items["speaker"].tolist(), items["corpus"].tolist()
    for folder, figure, taken in zip(folders, figures, times, strict=True):
        rng = np.random.default_rng(0)
        found = compare_figures(figures[0], figure, speakers=speakers, strata=corpora, rng=rng)
        gap = found.difference
        change = f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
        bundle = read_bundle(folder)
        graph = bundle.model.read_bytes()
        yield (
            f"| {bundle.spec.name} | {form_of(graph)} | {len(graph) / 1e6:.2f} | {taken:.1f} | "
            f"{taken / times[0]:.2f} | {100 * found.second:.1f} | "
            f"{'' if folder == folders[0] else change} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="bundled models, or folders joined by +")
    parser.add_argument("--corpora", default=CORPORA)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    experiment = Experiment((), f"loco/{options.corpora}", find_places(None))
    sounds = open_sounds(experiment, no_progress)
    (protocol,) = sounds.protocols
    items = protocol_items(sounds.items, protocol.corpora).set_index("item", drop=False)
    tested = protocol.table.loc[protocol.table["part"] == "test", "item"]
    items = items.loc[list(dict.fromkeys(tested))]
    labels = [None if pd.isna(label) else label for label in items["label"]]
    items["label"] = protocol.label_map.apply(labels)
    print(heading("Exported models", settings={"corpora": options.corpora, "clips": len(items)}))
    print("\n| model | form | MB | ms a window | ratio | recall, % | points |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for model in options.models:
            if model in bundled_models():
                folders = list(forms(model, Path(place)))
            else:
                folders = [Path(part) for part in model.split("+")]
            for row in rows(folders, protocol, items, options.workers):
                print(row, flush=True)


if __name__ == "__main__":
    main()
