"""The forms of a model that is exported: made, compared with its network, and timed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tonfall.bundle import Bundle
from tonfall.corpora import open_corpora, read_places
from tonfall.errors import BundleError, ConfigError
from tonfall.evaluation.items import mark_silent, pool, without_silent
from tonfall.lab.export_report import Likeness, Side

if TYPE_CHECKING:
    import pandas as pd

    from tonfall.arrays import FloatArray
    from tonfall.learn.answers import Asking, Pieces
    from tonfall.learn.quantise import Form
    from tonfall.learn.saved import SavedNetwork

__all__ = ["Made", "Origin", "Wanted", "likeness", "made", "sides"]

_CLIPS = 160
"""Recordings that ranges are found on, and that forms are compared on, together."""

_LARGEST = 1e-4
"""By which probabilities and dimensions of what claims to be equal may differ."""

_STRANGE = 0.3
"""From which on a graph is not that of the network beside it: one in 8 bits differs by less."""

_ROUNDS = 25
"""Times that a window is judged by both models in turn."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        int8: "dynamic" or "static" for 8 bits, "none" for float32; None leaves it as it is.
        torchscript: adds the network as TorchScript.
        prune: share of units that are taken out of the encoder before the head is fitted anew.
        check: protocol, or path of labelled clips (or CORPUS=PATH), that accuracy is measured on.
        clips: recordings that 8 bits are calibrated and forms compared on, as a path or
            CORPUS=PATH; by default speakers that were held out of training.
        allow_points: of unweighted recall that may be lost; as the recipe says by default.
    """

    int8: Literal["none", "dynamic", "static"] | None = None
    torchscript: bool = False
    prune: float | None = None
    check: str | None = None
    clips: str | None = None
    allow_points: float | None = None

    @property
    def form(self) -> Form | None:
        """Of the new graph; None for that of the old one."""
        return "float32" if self.int8 == "none" else self.int8

    def command(self, model: str | Path, target: Path) -> str:
        """What does it again."""
        words = ["tonfall", "export", str(model), "-o", str(target)]
        for name in ("int8", "prune", "check", "clips"):
            value = getattr(self, name)
            words += [] if value is None else [f"--{name}", str(value)]
        words += ["--allow", f"{self.allow_points:g}"] if self.allow_points is not None else []
        return shlex.join([*words, *(["--torchscript"] if self.torchscript else [])])


@dataclass(frozen=True)
class Origin:
    """What is exported.

    Attributes:
        bundle: of it.
        saved: its network in PyTorch; None where there is only the bundle.
        changes: what was done to it already, in words.
    """

    bundle: Bundle
    saved: SavedNetwork | None
    changes: tuple[str, ...] = ()

    @property
    def graph(self) -> bytes:
        """ONNX."""
        return self.bundle.model.read_bytes()

    def network(self, what: str) -> SavedNetwork:
        """The network in PyTorch, which ``what`` needs.

        Raises:
            BundleError: only the bundle is there.
        """
        if self.saved is None:
            folder = self.bundle.folder
            raise BundleError(
                f"{what} needs the network in PyTorch, which tonfall train leaves in "
                f"{folder.name}.training, but there is only the bundle {folder}; train "
                f"{self.bundle.spec.recipe} with -o, and export what comes out."
            )
        return self.saved


@dataclass(frozen=True, eq=False)
class Made:
    """The parts of the new bundle.

    Attributes:
        form: of the graph.
        graph: ONNX.
        torchscript: or None.
        clips: on which forms are compared.
        heard: whether these are of recordings, or of noise.
        labels: how many the model has.
        changes: what was done, in words.
    """

    form: Form
    graph: bytes
    torchscript: bytes | None
    clips: list[Pieces]
    heard: Literal["recordings", "noise"]
    labels: int
    changes: tuple[str, ...]


def made(origin: Origin, wanted: Wanted) -> Made:
    """The forms that are wanted.

    Raises:
        BundleError: the model has such a form already, never can, or needs what is not there.
        ConfigError: ranges are to be found, and no recordings are at hand.
    """
    from tonfall.learn.answers import random_pieces
    from tonfall.learn.quantise import form_of
    from tonfall.learn.torchscript import as_torchscript

    saved = origin.network("--torchscript") if wanted.torchscript else origin.saved
    before = form_of(origin.graph)
    form = wanted.form or before
    _check_form(origin, wanted, before)
    heard = _recordings(origin, wanted)
    if form == "static" and before != "static" and not heard:
        raise ConfigError(
            "--int8 static finds the range of each input on recordings, but the training "
            "recordings are not at hand; name some, without labels if need be, with --clips."
        )
    # A quarter is kept for the comparison; of two or three one, of one none.
    tested = max(min(max(len(heard) // 4, 1), len(heard) - 1), 0)
    graph = origin.graph if form == before else _graph(origin, form, heard[tested:])
    script = None
    if wanted.torchscript and saved:
        script = as_torchscript(saved.network, frames=saved.frames)
    return Made(
        form,
        graph,
        script,
        heard[:tested] or random_pieces(origin.bundle.spec.front_end),
        "recordings" if tested else "noise",
        len(origin.bundle.spec.labels),
        tuple(_in_words(origin, wanted, len(heard) - tested)),
    )


def _check_form(origin: Origin, wanted: Wanted, before: Form) -> None:
    """Refuse what is there already, and what a bundle alone cannot become."""
    name = origin.bundle.spec.name
    after = wanted.form
    if after is None or (after == before and origin.changes):
        return
    if after == before and not wanted.torchscript:
        words = "is in float32" if before == "float32" else f"is in 8 bits ({before})"
        raise BundleError(f"{name} {words} already; there is nothing to do.")
    if after != before != "float32":
        origin.network(f"{name} is in 8 bits ({before}) already, and --int8 {wanted.int8}")


def _graph(origin: Origin, form: Form, calibration: list[Pieces]) -> bytes:
    """ONNX in a form that the model has not."""
    from tonfall.learn.export import in_8_bits, plain_graph
    from tonfall.learn.half_precision import store_in_half
    from tonfall.learn.quantise import form_of, in_float32, in_static_8_bits, quiet_quantiser

    saved = origin.saved
    plain = plain_graph(saved.network, frames=saved.frames) if saved else in_float32(origin.graph)
    if form == "static":
        asking = _asking(origin.bundle, plain)
        one = np.ones((1, asking.width), np.float32)
        feeds = [
            asking.feeds(clip.part(place, place + 1), one)
            for clip in calibration
            for place in range(len(clip.frames))
        ]
        plain = in_static_8_bits(plain, feeds)
    elif form == "dynamic":
        with quiet_quantiser():
            plain = in_8_bits(plain)
    if form_of(plain) != form:
        raise BundleError(
            f"{origin.bundle.spec.name} has no matrices before its head, which is all that "
            "--int8 dynamic stores in 8 bits; take --int8 static, which stores convolutions, too."
        )
    return store_in_half(plain)


def _in_words(origin: Origin, wanted: Wanted, calibrated: int) -> Iterator[str]:
    yield from origin.changes
    if wanted.int8 == "static":
        yield (
            "matrices and convolutions are in 8 bits, the range of each input found on "
            f"{calibrated} clips"
        )
    elif wanted.int8 == "dynamic":
        yield "matrices are in 8 bits, the range of each input found anew for each piece"
    elif wanted.int8 == "none":
        yield "the graph is in float32"
    if wanted.torchscript:
        yield "the network in float32, head inside, was added as TorchScript"


def _recordings(origin: Origin, wanted: Wanted) -> list[Pieces]:
    """Recordings at hand, drawn alike each time; none where there are none."""
    from tonfall.learn.answers import pieces_of

    rows = _rows(origin, wanted)
    if rows is None:
        return []
    order = np.random.default_rng(0).permutation(len(rows))[:_CLIPS]
    return pieces_of(rows.iloc[order], origin.bundle.spec.front_end)


def _rows(origin: Origin, wanted: Wanted) -> pd.DataFrame | None:
    """Those that were named, or else of speakers who were held out of training."""
    from tonfall.learn.data import recipe_clips
    from tonfall.learn.train import held_out

    if wanted.clips is not None:
        places = read_places([wanted.clips], prepared=Path())
        name = next(iter(places))  # what is given comes first
        rows, _ = without_silent(mark_silent(pool(open_corpora([name], places))))
        return rows
    if origin.saved is None:
        return None
    recipe = origin.saved.recipe
    if not all(place.exists() for place in recipe.places.values()):
        return None
    return held_out(recipe_clips(recipe))[1]


def _asking(bundle: Bundle, graph: bytes) -> Asking:
    from tonfall.learn.answers import Asking, statistics_width

    baseline = bundle.spec.baseline is not None
    return Asking(bundle.spec, statistics_width(graph, baseline=baseline))


def likeness(origin: Origin, made: Made) -> Iterator[Likeness]:
    """How near each form comes to the network; to the graph that was exported where there is none.

    Raises:
        BundleError: what claims to be equal is not.
        ConfigError: the network is of another model.
    """
    from tonfall.learn.answers import onnx_run, torch_run
    from tonfall.learn.torchscript import open_torchscript

    asking = _asking(origin.bundle, made.graph)
    with_baseline = origin.bundle.spec.baseline is not None
    runs = {_TITLES[made.form]: onnx_run(made.graph, baseline=with_baseline)}
    if made.torchscript is not None:
        runs["TorchScript"] = torch_run(open_torchscript(made.torchscript))
    truth = (
        torch_run(origin.saved.network)
        if origin.saved
        else onnx_run(origin.graph, baseline=with_baseline)
    )
    meant = asking.answers(truth, made.clips)
    _check_origin(origin, np.abs(meant - _own(origin, made)).max())
    for form, run in runs.items():
        found = _compared(form, made, meant, asking.answers(run, made.clips))
        if form == "TorchScript":
            # Batches of any size have to come out alike.
            batched = asking.answers(run, made.clips, at_once=1000)
            found = max(found, _compared(form, made, meant, batched), key=lambda each: each.largest)
        if origin.saved is None:
            found = found.model_copy(update={"to": "the graph that was exported"})
        _check_likeness(origin, form, found.largest)
        yield found


_TITLES = {
    "float32": "ONNX in float32",
    "dynamic": "ONNX in 8 bits (dynamic)",
    "static": "ONNX in 8 bits (static)",
}


def _compared(form: str, made: Made, meant: FloatArray, found: FloatArray) -> Likeness:
    labels = made.labels
    same = meant[:, :labels].argmax(1) == found[:, :labels].argmax(1)
    return Likeness(
        form=form,
        to="the network in PyTorch",
        largest=float(np.abs(meant - found).max()),
        same_label=float(same.mean()),
        clips=len(meant),
        of=made.heard,
    )


def _check_likeness(origin: Origin, form: str, largest: float) -> None:
    name = origin.bundle.spec.name
    if form in ("TorchScript", _TITLES["float32"]) and largest > _LARGEST:
        raise BundleError(
            f"{form} of {name} differs from its network by {largest:.2g} in a probability or "
            f"dimension, but {_LARGEST:g} is the most that may be; nothing was written."
        )


def _own(origin: Origin, made: Made) -> FloatArray:
    """What the graph that is exported answers."""
    from tonfall.learn.answers import onnx_run

    run = onnx_run(origin.graph, baseline=origin.bundle.spec.baseline is not None)
    return _asking(origin.bundle, origin.graph).answers(run, made.clips)


def _check_origin(origin: Origin, largest: float) -> None:
    if largest > _STRANGE:
        raise ConfigError(
            f"The network in {origin.bundle.folder.name}.training is not that of the bundle beside "
            f"it: their answers differ by {largest:.2g}. Train the recipe again."
        )


def sides(source: Bundle, made: Made) -> tuple[Side, Side]:
    """Size and time of the model that was exported and of what came out, measured in turn."""
    from tonfall.learn.answers import onnx_run, random_pieces
    from tonfall.learn.quantise import form_of

    graphs = (source.model.read_bytes(), made.graph)
    (window,) = random_pieces(source.spec.front_end, clips=1, pieces=source.spec.windows.pieces)
    runs = [onnx_run(graph, baseline=source.spec.baseline is not None) for graph in graphs]
    taken: list[list[float]] = [[], []]
    askings = [_asking(source, graph) for graph in graphs]
    for _ in range(_ROUNDS):
        for asking, run, times in zip(askings, runs, taken, strict=True):
            began = time.process_time()
            asking.answers(run, [window])
            times.append(1000 * (time.process_time() - began))
    first, second = (
        Side(
            name=source.spec.name,
            form=form_of(graph),
            bytes=len(graph),
            milliseconds=float(np.median(times)),
        )
        for graph, times in zip(graphs, taken, strict=True)
    )
    return first, second
