"""A trained model in another form: in 8 bits, pruned, as TorchScript; checked, then written."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tonfall.bundle import Bundle, BundleSpec, check_target, read_bundle, write_bundle
from tonfall.corpora import read_places
from tonfall.errors import BundleError, ConfigError
from tonfall.evaluation.reports import compare_reports
from tonfall.lab.evaluating import evaluate
from tonfall.lab.experiment import Data, given_corpora
from tonfall.lab.export_forms import Made, Origin, Wanted, likeness, made, sides
from tonfall.lab.export_report import Accuracy, ExportReport
from tonfall.lab.progress import Progress, no_progress, stage

__all__ = ["Exported", "Wanted", "export"]

REPORT = "export.json"
TORCHSCRIPT = "model.torchscript.pt"
"""Files of a bundle beside the graph."""

_ALLOWED_POINTS = 1.0
"""Of recall that may be lost where no recipe says so."""


@dataclass(frozen=True)
class Exported:
    """What came out.

    Attributes:
        bundle: as it was written.
        report: which it holds as export.json, too.
    """

    bundle: Bundle
    report: ExportReport


def export(
    model: str | Path,
    output: str | Path,
    wanted: Wanted,
    *,
    data: Data | None = None,
    progress: Progress = no_progress,
) -> Exported:
    """Write a model in another form, as ``tonfall export`` does; nothing is written if it fails.

    TorchScript, pruning and float32 need what `tonfall train` leaves beside a bundle,
    FOLDER.training: there is no PyTorch in a bundle. 8 bits are made of any graph in float32.

    Args:
        model: a bundle's name or folder.
        output: folder of the new bundle.
        wanted: what is asked for.
        data: corpora that a protocol needs, as `tonfall.lab.evaluate` takes them.
        progress: called with a `Step` again and again.

    Raises:
        BundleError: no such model, one that has such a form already or never can, a form whose
            answers differ, or more recall lost than is allowed.
        ConfigError: nothing is asked for, or what is needed for it is not there.
        TonfallError: as `tonfall.lab.evaluate` and training do.
    """
    target = Path(output)
    source = read_bundle(model)
    _check(source, wanted, target)
    with tempfile.TemporaryDirectory(prefix="tonfall-export-") as place:
        origin = _origin(source, wanted, target, Path(place) / "pruned", progress)
        with stage(f"{source.spec.name}: forms", progress):
            parts = made(origin, wanted)
            alike = tuple(likeness(origin, parts))
        with stage(f"{source.spec.name}: time", progress):
            before, after = sides(source, parts)
        spec = _spec(source, origin, wanted)
        accuracy = None
        if wanted.check is not None:
            staged = write_bundle(Path(place) / spec.name, spec=spec, model=parts.graph, card="")
            accuracy = _accuracy(source, staged, wanted.check, data, progress)
        report = ExportReport(
            command=wanted.command(model, target),
            date=datetime.now(UTC).date().isoformat(),
            changes=parts.changes,
            before=before,
            after=after.model_copy(update={"name": spec.name}),
            window_s=spec.windows.pieces * spec.front_end.piece_frames / 100,
            likeness=alike,
            accuracy=accuracy,
            allowed_points=_allowed(origin, wanted),
        )
        _check_loss(report)
        return Exported(_write(target, spec, parts, report, origin.bundle.card), report)


def _check(source: Bundle, wanted: Wanted, target: Path) -> None:
    """Refuse what can be seen to be wrong before anything is computed."""
    if wanted.int8 is None and not wanted.torchscript and wanted.prune is None:
        raise ConfigError(
            "There is nothing to do: ask for --int8 dynamic or static, --torchscript, or --prune "
            "with a share such as 0.25."
        )
    if source.spec.front_end.kind == "functionals":
        raise BundleError(
            f"{source.spec.name} judges functionals by a classifier: it has no network that could "
            "be pruned, traced or stored in 8 bits."
        )
    if target.resolve() == source.folder.resolve():
        raise ConfigError(f"{target}: this is the model itself; name another folder with -o.")
    check_target(target)
    if wanted.prune is not None and not 0 < wanted.prune <= 0.9:
        raise ConfigError(f"--prune {wanted.prune:g}: expected a share above 0, and 0.9 at most.")


def _origin(
    source: Bundle, wanted: Wanted, target: Path, place: Path, progress: Progress
) -> Origin:
    """The model with its network where there is one, pruned if that is wanted."""
    from tonfall.learn.saved import read_network, run_folder

    folder = run_folder(source.folder)
    saved = read_network(folder) if (folder / "network.json").exists() else None
    origin = Origin(source, saved)
    if wanted.prune is None:
        return origin
    return _pruned(origin, wanted, run_folder(target), place, progress)


def _pruned(
    origin: Origin, wanted: Wanted, folder: Path, place: Path, progress: Progress
) -> Origin:
    """The recipe of the run, fitted anew with less of its encoder."""
    from tonfall.learn.saved import read_network
    from tonfall.learn.stage import Runs
    from tonfall.learn.train import train

    recipe = origin.network("--prune").recipe
    encoder = recipe.encoder
    if not hasattr(encoder, "prune"):
        raise ConfigError(
            f"--prune: an encoder of the kind {getattr(encoder, 'kind', '')} is made smaller by "
            "its own settings; whisper-tiny.en and cnn can be pruned."
        )
    update: dict[str, object] = {"prune": wanted.prune}
    if wanted.int8 is not None:
        update["int8"] = wanted.int8 == "dynamic"
    recipe = recipe.model_copy(update={"encoder": encoder.model_copy(update=update)})
    with stage(f"{recipe.name}: pruned", progress) as steps:
        bundle = train(
            recipe,
            place,
            named=origin.bundle.spec.recipe,
            runs=Runs(folder, steps.epochs),
            progress=steps.clips,
        )
    said = f"{wanted.prune:.0%} of the encoder's units were taken out, and the head was fitted anew"
    return Origin(bundle, read_network(folder), (said,))


def _spec(source: Bundle, origin: Origin, wanted: Wanted) -> BundleSpec:
    """That of the model that was exported, under a name that says what was done."""
    parts = [source.spec.name]
    parts += [] if wanted.prune is None else [f"pruned-{100 * wanted.prune:.0f}"]
    form = {"none": "float32", "dynamic": "int8", "static": "int8-static"}.get(wanted.int8 or "")
    parts += [form] if form else []
    # Figures were measured of another graph; export.json has those of this one.
    return origin.bundle.spec.model_copy(update={"name": "-".join(parts), "figures": {}})


def _accuracy(
    source: Bundle, staged: Bundle, check: str, data: Data | None, progress: Progress
) -> Accuracy:
    """Both models on the same items, each clip alone."""
    protocol, places = _protocol(check, data)
    reports = [
        evaluate(str(bundle.folder), protocol, data=places, progress=progress)
        for bundle in (source, staged)
    ]
    compared = compare_reports(*reports)
    found = compared.figures[compared.headline]
    gap = found.difference
    heard = {corpus.name for corpus in source.spec.corpora}
    if source.spec.calibration.offsets:  # its labels, too, were chosen on these
        heard |= {corpus.name for corpus in source.spec.calibration.corpora}
    return Accuracy(
        protocol=protocol,
        before=100 * found.first,
        after=100 * found.second,
        difference=100 * gap.value,
        low=None if gap.low != gap.low else 100 * gap.low,
        high=None if gap.high != gap.high else 100 * gap.high,
        p=found.p,
        learnt=tuple(sorted(heard & set(reports[0].protocol.corpora))),
    )


def _protocol(check: str, data: Data | None) -> tuple[str, Data | None]:
    """A protocol's name, or labelled clips of one's own as a protocol that tests all of them."""
    path = Path(check.rpartition("=")[2]).expanduser()
    if not path.exists() or path.suffix in (".yaml", ".yml"):
        return check, data
    places = read_places([check], prepared=Path())
    name = next(iter(places))  # what is given comes first
    return f"all/{name}", [*given_corpora(data), check]


def _allowed(origin: Origin, wanted: Wanted) -> float:
    if wanted.allow_points is not None:
        return wanted.allow_points
    return origin.saved.recipe.export.allow_points if origin.saved else _ALLOWED_POINTS


def _check_loss(report: ExportReport) -> None:
    found = report.accuracy
    if found is not None and -found.difference > report.allowed_points:
        raise BundleError(
            f"{report.after.name} finds {found.after:.1f} % under {found.protocol} where "
            f"{report.before.name} finds {found.before:.1f} %: {-found.difference:.1f} points "
            f"less, but {report.allowed_points:g} are allowed (--allow, or the recipe's "
            "export.allow_points), so nothing was written."
        )


def _write(target: Path, spec: BundleSpec, parts: Made, report: ExportReport, card: str) -> Bundle:
    files = {REPORT: (report.model_dump_json(indent=1) + "\n").encode()}
    if parts.torchscript is not None:
        files[TORCHSCRIPT] = parts.torchscript
    try:
        return write_bundle(
            target, spec=spec, model=parts.graph, card=f"{card}\n{_card(report)}", files=files
        )
    except OSError as error:
        raise ConfigError(
            f"{target}: the bundle cannot be written there ({error.strerror or error}); make room, "
            "or name another folder."
        ) from None


def _card(report: ExportReport) -> str:
    """The section on what was done."""
    changes = "; ".join(report.changes)
    sentences = "\n".join(f"- {sentence}" for sentence in report.sentences())
    return (
        f"## What was done to it\n`{report.command}` ({report.date}) made this of "
        f"{report.before.name}: {changes}. What is said above of how good it is is of "
        f"{report.before.name}.\n\n{report.table()}\n\n{sentences}\n"
    )
