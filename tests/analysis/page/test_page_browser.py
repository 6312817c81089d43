"""The page in a real browser: what it draws, plays, says and asks for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sample_timelines import AWKWARD_NAME, call, envelope_audio, timeline, turn, unscored, window

from tonfall.analysis.envelope import EnvelopeCollector
from tonfall.analysis.page import embedded_audio, linked_audio, page
from tonfall.analysis.rows import turn_rows
from tonfall.timeline import Timeline

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs the package playwright to drive a browser"
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Opener = Callable[..., "playwright.Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


def document(item: Timeline, *, sound: bool = False) -> bytes:
    rate = 8000 if sound else 400
    waveform = envelope_audio(item, sampling_rate=rate)
    collector = EnvelopeCollector(waveform.shape[0], sampling_rate=rate)
    collector.update(waveform)
    audio = None
    if sound:
        audio = embedded_audio(
            [waveform],
            sampling_rate=rate,
            seconds=item.recording.duration,
            channels=waveform.shape[0],
        )
    return page(item, collector.compute(), audio)


@pytest.fixture
def opened(browser: playwright.Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a page; fails if it complains, or asks for anything but its own sound."""
    troubles: list[str] = []
    contexts = []

    def open_page(content: bytes, *, width: int = 1000, scheme: str = "light"):
        path = tmp_path / "page.html"
        path.write_bytes(content)
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        tab = context.new_page()
        allowed = (path.as_uri(), "blob:", (tmp_path / "call").as_uri())
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                None if request.url.startswith(allowed) else troubles.append(request.url)
            ),
        )
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def wait_until(tab, expression: str) -> None:
    """Until the expression holds; the page's policy forbids playwright's own way of waiting."""
    for _ in range(200):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not come true within 10 s")


def position(tab) -> float:
    return float(tab.get_attribute("#stage", "aria-valuenow"))


def inked(data: bytes) -> int:
    from io import BytesIO

    from matplotlib.image import imread

    return len(np.unique((imread(BytesIO(data))[..., :3] * 255).astype(int).reshape(-1, 3), axis=0))


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_at_any_width_in_light_and_dark(opened, sample_call, width, scheme):
    tab = opened(document(sample_call), width=width, scheme=scheme)
    assert inked(tab.locator("#tracks").screenshot()) > 20
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    light = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(252, 252, 251)") is (scheme == "light")


def test_the_sound_plays_and_is_sought(opened, sample_call):
    tab = opened(document(sample_call, sound=True))
    wait_until(tab, "sound.readyState > 0")
    assert tab.evaluate("sound.duration") == pytest.approx(sample_call.recording.duration)
    tab.keyboard.press("Space")
    wait_until(tab, "sound.currentTime > 0.2")
    tab.wait_for_selector("#play[aria-label=Pause]")
    tab.click("#play")
    tab.wait_for_selector("#play[aria-label=Play]")
    box = tab.locator("#stage").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    middle = sample_call.recording.duration / 2
    assert tab.evaluate("sound.currentTime") == pytest.approx(middle, rel=0.03)
    assert position(tab) == pytest.approx(middle, rel=0.03)


def test_keys_move_the_position(opened, sample_call):
    tab = opened(document(sample_call))
    tab.focus("#stage")
    for key, expected in (
        ("ArrowRight", 5.0),
        ("Shift+ArrowRight", 6.0),
        ("ArrowLeft", 1.0),
        ("PageUp", sample_call.turns[1].segment.start / 16000),
        ("PageUp", sample_call.turns[2].segment.start / 16000),
        ("PageDown", sample_call.turns[1].segment.start / 16000),
        ("End", sample_call.recording.duration),
        ("Home", 0.0),
    ):
        tab.keyboard.press(key)
        assert position(tab) == pytest.approx(expected, abs=0.06), key


def test_a_judged_moment_is_told_in_full(opened):
    item = timeline(
        [turn(0, 30), turn(30, 60, "customer", 1)],
        [
            window(0, 30, "anger", confidence=0.8, snr_db=None, heard=12.0, speech_ratio=0.75),
            window(30, 60, "fear", speaker="customer", channel=1, confidence=0.3),
        ],
    )
    tab = opened(document(item))
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 4, box["y"] + 120)
    told = tab.inner_text("#card").replace("\N{NO-BREAK SPACE}", " ")
    for text in ("agent", "anger", "80 %", "3 %", "75 %", "unknown", "12 s", "0.50"):
        assert text in told
    tab.mouse.move(box["x"] + 20, box["y"] + 300)
    assert tab.locator("#card").is_hidden()
    tab.click("#turns tr:nth-child(2) button")
    assert position(tab) == 30.0
    spoken = tab.get_attribute("#stage", "aria-valuetext").replace("\N{NO-BREAK SPACE}", " ")
    assert "customer: unclear (fear? 30 %)" in spoken
    agent, customer = tab.locator("#now .card").all_inner_texts()
    assert "Silent." in agent
    assert "unclear" in customer
    assert "Guess\nfear" in customer
    assert tab.get_attribute("#turns tr:nth-child(2)", "aria-current") == "true"


def test_the_cards_of_the_cursor_show_once_it_is_moved(opened, sample_call):
    tab = opened(document(sample_call))
    assert tab.locator("#at-the-cursor").is_hidden()
    tab.click("#turns tr:nth-child(2) button")
    assert tab.locator("#at-the-cursor").is_visible()
    tab.emulate_media(media="print")
    assert tab.locator("#at-the-cursor").is_hidden()
    assert tab.locator(".result").first.is_visible()


def test_times_are_rounded_as_in_the_command_lines_table(opened):
    starts = [0.7499, 1.25, 59.96, 61.04996, 75.95]
    turns = [turn(start, start + 0.3) for start in starts]
    tab = opened(page(timeline(turns, [])))
    shown = tab.locator("#turns tr td:first-child").all_inner_texts()
    assert shown == [row["start"] for row in turn_rows(turns)]
    assert shown == ["0:00.7", "0:01.3", "1:00.0", "1:01.0", "1:16.0"]


def test_turns_sound_and_are_as_sure_as_in_the_command_lines_table(opened):
    judged = {"guess": "anger", "unclear": True, "arousal": 0.674996, "valence": 0.2}
    turns = [
        turn(0, 3),
        replace(turn(4, 4.4), **judged | {"unclear": False, "confidence": 0.7, "short": True}),
        replace(turn(5, 7), **judged, confidence=0.294979),
    ]
    tab = opened(page(timeline(turns, [])))

    def shown(column: int) -> list[str]:
        cells = tab.locator(f"#turns tr td:nth-child({column})").all_inner_texts()
        return [cell.removeprefix("A").removeprefix("?").strip() for cell in cells]

    rows = turn_rows(turns)
    assert shown(3) == [row["sounds"] for row in rows] == ["not judged", "anger (short)", "unclear"]
    assert [row["confidence"] for row in rows] == ["-", "0.70", "0.29"]
    assert shown(5) == ["\N{EN DASH}", "70\N{NO-BREAK SPACE}%", "29\N{NO-BREAK SPACE}%"]
    assert shown(7)[1:] == [row["arousal"] for row in rows][1:] == ["0.67", "0.67"]


def test_narrow_cells_have_a_letter_or_a_hatch(opened):
    """At 390 dots a second is too narrow for the letter of before, and colour alone would tell."""

    def drawn(label: str) -> set[tuple[int, ...]]:
        windows = [window(0, 1, label), window(1, 60, "neutral")]
        tab = opened(document(timeline([turn(0, 60)], windows)), width=390)
        # The first second: x from 6 on, the strip from y = 95.5 on.
        values = tab.evaluate("[...tracks.getContext('2d').getImageData(7, 98, 3, 20).data]")
        return {tuple(values[start : start + 3]) for start in range(0, len(values), 4)}

    assert len(drawn("happiness")) > 1
    assert len(drawn("sadness")) > 1
    assert len(drawn("anger")) == 1


def test_unclear_speech_has_no_categorys_colour(opened):
    def drawn(confidence: float) -> list[int]:
        windows = [window(0, 60, "anger", confidence=confidence)]
        tab = opened(document(timeline([turn(0, 60)], windows)))
        return tab.evaluate("[...tracks.getContext('2d').getImageData(300, 105, 1, 1).data]")

    assert drawn(0.8) == [0xD5, 0x5E, 0x00, 255]
    assert drawn(0.3)[:3] == [0xF6, 0xF6, 0xF7]


def test_a_long_recording_opens_near_and_can_be_seen_whole(opened):
    tab = opened(document(call(minutes=20)))
    assert tab.locator("#overview").is_visible()
    assert tab.locator("#zoom-all").is_enabled()
    tab.click("#zoom-all")
    assert tab.locator("#overview").is_hidden()
    assert tab.locator("#zoom-all").is_disabled()
    tab.click("#zoom-in")
    box = tab.locator("#overview").bounding_box()
    tab.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 5)
    assert position(tab) == pytest.approx(0.75 * 20 * 60, rel=0.02)


def test_no_speech_leaves_the_player(opened):
    tab = opened(document(timeline([], [], notes=("No speech was found.",)), sound=True))
    assert tab.locator("text=No speech was found.").is_visible()
    assert tab.locator("#turns-title").is_hidden()
    assert tab.locator("#play").is_enabled()


def test_unjudged_turns_are_shown(opened, sample_call):
    tab = opened(document(unscored(sample_call)))
    tab.click("#turns tr:nth-child(1) button")
    assert "Speaks, not judged." in tab.inner_text("#now")
    assert "not judged" in tab.inner_text("#speakers")


def test_without_sound_nothing_can_be_played(opened, sample_call):
    tab = opened(document(sample_call))
    assert tab.locator("#play").is_disabled()


def test_awkward_names_are_text(opened, sample_call):
    named = replace(sample_call, recording=replace(sample_call.recording, file=AWKWARD_NAME))
    speaker = "<img src=x onerror=alert(1)></script>"
    turns = tuple(replace(each, speaker=speaker) for each in named.turns)
    windows = tuple(replace(each, speaker=speaker) for each in named.windows)
    tab = opened(document(replace(named, turns=turns, windows=windows)))
    assert speaker in tab.inner_text("#speakers")
    assert tab.locator("img").count() == 0


def test_a_recording_beside_the_page_is_played_from_there(opened, sample_call, tmp_path):
    recording = tmp_path / "call #1 50%.wav"
    soundfile.write(recording, envelope_audio(sample_call).T, 8000)
    audio = linked_audio(recording, tmp_path / "page.html")
    tab = opened(page(sample_call, audio=audio))
    wait_until(tab, "sound.readyState > 0")
    assert tab.evaluate("sound.duration") == pytest.approx(sample_call.recording.duration)


def test_a_missing_recording_is_said(browser, sample_call, tmp_path):
    path = tmp_path / "page.html"
    path.write_bytes(page(sample_call, audio=linked_audio(tmp_path / "gone.wav", path)))
    tab = browser.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_selector("#trouble:not([hidden])")
    assert "beside this page, as gone.wav" in tab.inner_text("#trouble")
    tab.close()
