"""ELAN annotation files (.eaf): tiers of turns and windows, aligned to the recording."""

from __future__ import annotations

import mimetypes
import re
from itertools import count
from pathlib import PurePath
from urllib.parse import quote
from xml.etree import ElementTree

from tonfall.analysis.exports.text import utf8
from tonfall.analysis.exports.tiers import Interval, Tier, tiers
from tonfall.timeline import SAMPLING_RATE, Timeline

__all__ = ["write_elan"]

LINGUISTIC_TYPE = "default-lt"
SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
# The format wants a date; a fixed one lets the same timeline give the same bytes.
DATE = "1970-01-01T00:00:00+00:00"
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_elan(timeline: Timeline) -> bytes:
    """The timeline as an EAF 3.0 document; times in milliseconds."""
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "Tonfall",
            "DATE": DATE,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": SCHEMA,
        },
    )
    _add_header(document, timeline.recording.file)
    slots = ElementTree.SubElement(document, "TIME_ORDER")
    shown = tiers(timeline)
    slot_of = _add_slots(slots, shown)
    numbers = count(1)
    for tier in shown:
        _add_tier(document, tier, slot_of, numbers)
    ElementTree.SubElement(
        document,
        "LINGUISTIC_TYPE",
        {
            "GRAPHIC_REFERENCES": "false",
            "LINGUISTIC_TYPE_ID": LINGUISTIC_TYPE,
            "TIME_ALIGNABLE": "true",
        },
    )
    ElementTree.indent(document)
    return utf8(ElementTree.tostring(document, "unicode", xml_declaration=True)) + b"\n"


def _add_header(document: ElementTree.Element, file: str) -> None:
    header = ElementTree.SubElement(
        document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    )
    name = PurePath(file).name
    if not name or file == "-":
        return
    # Relative to the document: whoever moves the folder keeps the link.
    address = "./" + quote(utf8(name))
    kind = mimetypes.guess_type(name)[0] or "audio/x-wav"
    ElementTree.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        {"MEDIA_URL": address, "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": address},
    )


def _add_slots(slots: ElementTree.Element, shown: tuple[Tier, ...]) -> dict[int, str]:
    """One time slot for each millisecond that an interval starts or ends at."""
    times = {
        time for tier in shown for interval in tier.intervals for time in _milliseconds(interval)
    }
    names = {time: f"ts{number}" for number, time in enumerate(sorted(times), start=1)}
    for time, name in names.items():
        ElementTree.SubElement(slots, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(time)})
    return names


def _add_tier(
    document: ElementTree.Element, tier: Tier, slot_of: dict[int, str], numbers: count[int]
) -> None:
    element = ElementTree.SubElement(
        document,
        "TIER",
        {
            "LINGUISTIC_TYPE_REF": LINGUISTIC_TYPE,
            "PARTICIPANT": _xml(tier.speaker),
            "TIER_ID": _xml(tier.name),
        },
    )
    for interval in tier.intervals:
        start, end = _milliseconds(interval)
        annotation = ElementTree.SubElement(
            ElementTree.SubElement(element, "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            {
                "ANNOTATION_ID": f"a{next(numbers)}",
                "TIME_SLOT_REF1": slot_of[start],
                "TIME_SLOT_REF2": slot_of[end],
            },
        )
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = _xml(interval.text)


def _milliseconds(interval: Interval) -> tuple[int, int]:
    """Start and end; an interval under a millisecond is one long, as ELAN knows no shorter."""
    start = interval.segment.start * 1000 // SAMPLING_RATE
    return start, max(start + 1, interval.segment.end * 1000 // SAMPLING_RATE)


def _xml(text: str) -> str:
    """The text without the control characters that XML cannot hold."""
    return NOT_XML.sub("\ufffd", text)
