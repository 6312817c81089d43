"""A timeline as one HTML page that plays the recording and asks nothing of the network.

The page's markup, style and script lie beside this module and are put together here. A content
security policy in the page forbids every request, and every script but its own, by hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from importlib import resources

from tonfall.analysis.envelope import Envelope
from tonfall.analysis.exports.text import one_line, utf8
from tonfall.analysis.page.audio import SIZE_LIMIT, PageAudio, embedded_audio, linked_audio
from tonfall.analysis.page.data import page_data
from tonfall.analysis.page.sentences import sentences
from tonfall.timeline import Timeline

__all__ = ["SIZE_LIMIT", "PageAudio", "embedded_audio", "linked_audio", "page"]

SCRIPTS = ("reading.js", "panels.js", "drawing.js", "player.js", "events.js")


def page(
    timeline: Timeline, envelope: Envelope | None = None, audio: PageAudio | None = None
) -> bytes:
    """The page as a file's content.

    Args:
        timeline: what to show.
        envelope: of the recording's waveform; none is drawn without.
        audio: what to play; without it the page shows the timeline only.
    """
    style, script = _asset("page.css"), _script()
    said, noted = sentences(timeline), timeline.notes
    if not said:  # Nobody speaks, which is what the notes say.
        said, noted = noted or ("No speech was found.",), ()
    parts = {
        "policy": _policy(style, script, audio),
        "style": style,
        "title": html.escape(_title(timeline)),
        "facts": html.escape(_facts(timeline)),
        "result": _paragraphs("result", said),
        "notes": _paragraphs("note", noted),
        "model": html.escape(_model(timeline)),
        "data": _inert(json.dumps(page_data(timeline, envelope, audio), separators=(",", ":"))),
        "recording": _base64(audio.data) if audio and audio.data else "",
        "script": script,
    }
    # One pass, so that what was filled in is never searched for places to fill.
    filled = re.split(r"\{\{(\w+)\}\}", _asset("page.html"))
    return b"".join(utf8(parts[each] if odd % 2 else each) for odd, each in enumerate(filled))


def _paragraphs(kind: str, texts: Iterable[str]) -> str:
    return "".join(f'<p class="{kind}">{html.escape(each)}</p>' for each in texts)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _script() -> str:
    body = "\n".join(_asset(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _policy(style: str, script: str, audio: PageAudio | None) -> str:
    """Nothing may be loaded but what is in the page, or the one recording beside it."""
    media = "'none'" if audio is None else "blob:" if audio.href is None else "'self' file:"
    return html.escape(
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; media-src {media}",
        quote=False,
    )


def _hash(text: str) -> str:
    return "sha256-" + _base64(hashlib.sha256(utf8(text)).digest())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _inert(text: str) -> str:
    """JSON that cannot end the script element around it, nor start a comment."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _title(timeline: Timeline) -> str:
    return one_line(timeline.recording.file.rsplit("/", 1)[-1]) or "Recording"


def _facts(timeline: Timeline) -> str:
    recording = timeline.recording
    channels = "1 channel" if recording.channels == 1 else f"{recording.channels} channels"
    rate = f"{recording.sampling_rate / 1000:g} kHz"
    return f"{_length(recording.duration)} · {channels} at {rate}"


def _model(timeline: Timeline) -> str:
    judged = (
        "which judged each voice against what it had heard of it before"
        if timeline.baseline
        else "which judged each window alone"
    )
    return f"“{timeline.model}” ({timeline.model_hash[:12]}), {judged}"


def _length(duration: float) -> str:
    """Hours, minutes and seconds, as far as there are any.

    >>> _length(45.7), _length(60), _length(3725)
    ('46 s', '1 min 0 s', '1 h 2 min 5 s')
    """
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(hours or minutes)
    return " ".join([*parts, f"{seconds} s"])
