"""A report as one page that needs nothing else: styles, pictures and short clips are inside."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from tonfall.evaluation.reports.pictures import PICTURES, as_png
from tonfall.evaluation.reports.schema import Figure, Group, Mistake, Report
from tonfall.evaluation.reports.wording import NAMES, NOT_RECORDED, PER_CENT, reading

__all__ = ["report_page"]

_LARGEST_CLIP = 300_000  # bytes; 24 of them still make a page that opens at once
_MEDIA = {".wav": "audio/wav", ".flac": "audio/flac", ".opus": "audio/ogg", ".ogg": "audio/ogg"}
_MEDIA |= {".mp3": "audio/mpeg"}
_HEADLINES = ("accuracy", "f1_macro", "calibration_error")
_MOST_GROUPS = 40


def report_page(report: Report, *, audio: bool = True) -> str:
    """The page's HTML.

    Args:
        report: what to show.
        audio: puts clips of the worst mistakes into the page. Leave it out where the page goes to
            people who have no licence for the corpus.
    """
    folder = files("tonfall.evaluation.reports")
    template = Template((folder / "page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"{report.model.title} under {report.protocol.name}"),
        style=(folder / "page.css").read_text("utf-8"),
        facts=escape(_facts(report)),
        warnings="".join(_paragraph("warning", text, role="alert") for text in report.warnings),
        headline=_headline(report),
        notes="".join(_paragraph("note", text) for text in report.notes),
        figures=_figures(report),
        confusion=_confusion(report),
        classes=_classes(report),
        groups="".join(_groups(name, entries) for name, entries in report.groups.items()),
        pictures="".join(_picture(report, name) for name in ("reliability", "risk-coverage")),
        alarms=_alarms(report),
        folds=_folds(report),
        mistakes=_mistakes(report, audio=audio),
        provenance=_provenance(report),
    )


def _facts(report: Report) -> str:
    hours = "" if report.data.hours is None else f", {report.data.hours:.2f} hours"
    return (
        f"{report.condition}: {report.data.items} items of {report.data.speakers} speakers{hours}; "
        f"{len(report.protocol.labels)} classes: {', '.join(report.protocol.labels)}"
    )


def _paragraph(kind: str, text: str, *, role: str = "note") -> str:
    return f'<p class="{kind}" role="{role}">{escape(text)}</p>'


def _headline(report: Report) -> str:
    names = [report.headline, *(name for name in _HEADLINES if name in report.figures)]
    return "".join(_tile(name, report.figures[name]) for name in names)


def _tile(name: str, figure: Figure) -> str:
    value, _, interval = reading(figure, per_cent=name in PER_CENT).partition(" ")
    unit = " %" if name in PER_CENT else ""
    return (
        f"<div>{escape(NAMES[name])}<b>{value}{unit}</b><span class='soft'>{interval}</span></div>"
    )


def _figures(report: Report) -> str:
    rows = [
        (escape(NAMES[name]), reading(figure, per_cent=name in PER_CENT))
        for name, figure in report.figures.items()
    ]
    return _table(("figure", "value [95 % interval]"), rows)


def _confusion(report: Report) -> str:
    labels = [escape(label) for label in report.protocol.labels]
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row">{label}</th>{_confusion_row(row)}</tr>'
        for label, row in zip(labels, report.confusion, strict=True)
    )
    return (
        '<div class="wide"><table class="confusion"><caption>Rows are true, columns are given; '
        "per cent of the row, and items.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _confusion_row(counts: Sequence[int]) -> str:
    total = max(sum(counts), 1)
    return "".join(_confusion_cell(count / total, count) for count in counts)


def _confusion_cell(share: float, count: int) -> str:
    ink = "#fff" if share > 0.55 else "inherit"
    style = f"background: rgb(var(--blue) / {share:.2f}); color: {ink}"
    return f'<td style="{style}">{100 * share:.0f}<small>{count}</small></td>'


def _classes(report: Report) -> str:
    rows = [
        (
            escape(entry.label),
            _bar(entry.recall),
            reading(entry.recall),
            reading(Figure(value=entry.precision)),
            reading(Figure(value=entry.f1)),
            str(entry.support),
        )
        for entry in report.classes
    ]
    return _table(("class", "recall", "per cent", "precision", "F1", "items"), rows)


def _groups(name: str, entries: Sequence[Group]) -> str:
    shown = entries
    if len(entries) > _MOST_GROUPS:
        shown = sorted(entries, key=_worst_first)[:_MOST_GROUPS]
    rows = [_group_row(entry) for entry in shown]
    left = len(entries) - len(rows)
    more = (
        f'<p class="soft">The worst {len(rows)}; {left} more are in the JSON.</p>' if left else ""
    )
    heads = (name, "unweighted recall", "per cent", "anger found", "items", "speakers")
    return f"<h3>By {escape(name)}</h3>{_table(heads, rows)}{more}"


def _group_row(entry: Group) -> tuple[str, ...]:
    return (
        escape(entry.name),
        _bar(entry.ua),
        reading(entry.ua),
        "" if entry.anger.value is None else reading(entry.anger),
        str(entry.items),
        str(entry.speakers),
    )


def _worst_first(entry: Group) -> float:
    return 2.0 if entry.ua.value is None else entry.ua.value


def _picture(report: Report, name: str) -> str:
    data = base64.b64encode(as_png(PICTURES[name](report))).decode()
    captions = {
        "reliability": "Share correct against confidence; size is the number of items.",
        "risk-coverage": "Wrong labels among those that are judged, the surest first.",
    }
    text = captions[name]
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _alarms(report: Report) -> str:
    if not report.alarms:
        return ""
    rows = [
        (f"{alarm.per_hour:g}", reading(alarm.recall), _plain(alarm.false_alarms_per_hour))
        for alarm in report.alarms
    ]
    heads = ("false alarms an hour, at most", "anger found, per cent", "false alarms an hour")
    return f"<h3>Anger alarms</h3>{_table(heads, rows)}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _folds(report: Report) -> str:
    rows = [
        (escape(fold.fold), _bar(fold.ua), reading(fold.ua), str(fold.items), str(fold.speakers))
        for fold in report.folds
    ]
    return _table(("fold", "unweighted recall", "per cent", "items", "speakers"), rows)


def _mistakes(report: Report, *, audio: bool) -> str:
    rows = [
        (
            escape(mistake.item),
            escape(mistake.truth),
            escape(mistake.prediction),
            f"{100 * mistake.confidence:.0f} %",
            _clip(mistake, audio=audio),
        )
        for mistake in report.mistakes
    ]
    return _table(("item", "true", "given", "confidence", "audio"), rows)


def _clip(mistake: Mistake, *, audio: bool) -> str:
    """A player where the clip is a short file of its own, else where to find it."""
    if mistake.file is None:
        return ""
    path = Path(mistake.file)
    media = _MEDIA.get(path.suffix.lower())
    part = bool(mistake.start) or mistake.end is not None
    if not audio or part or media is None or not _small(path):
        return f"<code>{escape(_place(mistake, path))}</code>"
    data = base64.b64encode(path.read_bytes()).decode()
    name = escape(mistake.item, quote=True)
    return (
        f'<audio controls preload="none" aria-label="{name}" src="data:{media};base64,{data}">'
        "</audio>"
    )


def _small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _LARGEST_CLIP


def _place(mistake: Mistake, path: Path) -> str:
    if not mistake.start and mistake.end is None:
        return path.name
    end = "" if mistake.end is None else f"{mistake.end:g} s"
    return f"{path.name}, {mistake.start or 0:g} s to {end or 'its end'}"


def _provenance(report: Report) -> str:
    protocol, model = report.protocol, report.model
    merged = ", ".join(f"{old} as {new}" for old, new in protocol.merge.items())
    rows = [
        ("Command", report.command),
        ("Made", NOT_RECORDED if report.created is None else report.created),
        ("Tonfall", report.tonfall),
        ("Model", f"{model.name} ({model.kind})"),
        ("Model's hash", model.hash),
        ("Model trained on", ", ".join(model.trained_on)),
        *((name.capitalize(), text) for name, text in model.details.items()),
        ("Protocol", f"{protocol.name}, version {protocol.version}"),
        ("Protocol's hash", protocol.hash),
        ("Counted as", merged),
        ("Dropped", ", ".join(protocol.drop)),
        ("Data's hash", report.data.hash),
    ]
    known = [(escape(name), f"<code>{escape(text)}</code>") for name, text in rows if text]
    return _table(("what", "which"), known)


def _bar(figure: Figure) -> str:
    if figure.value is None:
        return ""
    whisker = ""
    if figure.low is not None and figure.high is not None:
        width = 100 * (figure.high - figure.low)
        whisker = f'<u style="left: {100 * figure.low:.1f}%; width: {width:.1f}%"></u>'
    bar = f'<i style="width: {100 * figure.value:.1f}%"></i>'
    return f'<div class="bar" aria-hidden="true">{bar}{whisker}</div>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML; all but the first and those with marks in them are set to the right."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _cell(text: str) -> str:
    number = text[:1].isdigit()
    return f'<td class="number">{text}</td>' if number else f"<td>{text}</td>"
