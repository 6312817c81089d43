import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from sample_timelines import call, timeline, timelines, turn, window

from tonfall.analysis.page import PageAudio, page
from tonfall.analysis.palette import AROUSAL, STYLES, VALENCE, contrast, hatch_colour

BEYOND = re.compile(r"""(?:src|href|action|data|poster)\s*=|url\(|@import|https?:|//[a-z]""")


class Parsed(HTMLParser):
    """Elements and the text of scripts, as a browser's tokenizer finds them."""

    def __init__(self, document: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._within: list[str] = []
        self.feed(document.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._within.append(dict(attrs).get("id") or tag)

    def handle_endtag(self, tag):
        self._within.append("")

    def handle_data(self, data):
        if self._within:
            name = self._within[-1]
            self.texts[name] = self.texts.get(name, "") + data


def data_of(document: bytes) -> dict:
    return json.loads(Parsed(document).texts["data"])


def test_nothing_outside_is_referred_to(sample_call):
    text = page(sample_call, audio=PageAudio("audio/flac", b"sound")).decode()
    # The style and the script are ours; the markup has ids and text only.
    assert BEYOND.findall(re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)) == []
    script = text.split("<script>")[1]
    assert re.findall(r"https?:|fetch|import\(|XMLHttp|WebSocket|sendBeacon", script) == []


def policy_of(document: bytes) -> str:
    ((_, attributes),) = [
        element for element in Parsed(document).elements if "http-equiv" in element[1]
    ]
    return attributes["content"] or ""


def test_the_policy_allows_only_the_pages_own_script_and_style(sample_call):
    document = page(sample_call)
    policy = policy_of(document)
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", document.decode(), re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    ("audio", "media"),
    [
        (None, "'none'"),
        (PageAudio("audio/flac", b"sound"), "blob:"),
        (PageAudio(href="call.wav", name="call.wav"), "'self' file:"),
    ],
)
def test_the_policy_allows_the_one_sound(sample_call, audio, media):
    assert policy_of(page(sample_call, audio=audio)).endswith(f"media-src {media}")


def test_the_sound_is_in_the_page(sample_call):
    document = page(sample_call, audio=PageAudio("audio/flac", b"\x00sound\xff"))
    assert base64.b64decode(Parsed(document).texts["recording"]) == b"\x00sound\xff"


SENTENCES = ("note", "result")


def test_names_stay_text(any_timeline):
    document = page(any_timeline)
    plain = Parsed(page(call()))
    parsed = Parsed(document)
    kept, expected = (
        [tag for tag, attributes in each.elements if attributes.get("class") not in SENTENCES]
        for each in (parsed, plain)
    )
    assert kept == expected
    names = [speaker["name"] for speaker in data_of(document)["speakers"]]
    assert names == list(any_timeline.speakers)


@settings(max_examples=30)
@given(timelines())
def test_no_name_breaks_the_page(item):
    data = data_of(page(item))
    assert [each["name"] for each in data["speakers"]] == list(item.speakers)
    assert len(data["turns"]) == len(item.turns)


def test_notes_are_shown():
    item = timeline([turn(0, 1)], [], notes=("Look twice.", "A < B & C."))
    text = page(item).decode()
    notes = [unescape(note) for note in re.findall(r'<p class="note">(.*?)</p>', text)]
    assert {"Look twice.", "A < B & C."} <= set(notes)


def test_the_page_opens_with_the_result_in_words():
    windows = [window(0, 12, "anger"), window(12, 20, "neutral", confidence=0.3)]
    item = timeline([turn(0, 20), turn(20, 22, "<customer>", 1)], windows)
    text = unescape(page(item).decode()).replace("\N{NO-BREAK SPACE}", " ")
    first, second = re.findall(r'<p class="result">(.*?)</p>', text)
    assert first == (
        "agent spoke for 20 s and sounded like anger (60 % of that time), then unclear (40 %); "
        "the tone improved towards the end."
    )
    assert second == "<customer> spoke for 2 s and was not judged."
    assert text.index(first) < text.index('id="player"') < text.index('id="notes"')


def test_the_first_lines_need_no_knowledge_of_models(sample_call):
    head = page(sample_call).decode().partition("<main>")[0].partition("<header>")[2]
    assert "model" not in head
    assert "kHz" in head


@pytest.mark.parametrize("notes", [(), ("No speech was found.",)])
def test_silence_is_the_result_and_said_once(notes):
    text = page(timeline([], [], notes=notes)).decode()
    assert text.count("No speech was found.") == 1
    assert '<p class="result">No speech was found.</p>' in text


def test_the_data_says_all_of_a_window():
    item = timeline(
        [turn(0, 3)],
        [window(0, 3, "anger", confidence=0.8, speech_ratio=0.75, snr_db=None, heard=12.34)],
    )
    data = data_of(page(item))
    ((start, end, speaker, label, guess, confidence, probabilities, *rest),) = data["windows"]
    assert (start, end, speaker, confidence, guess) == (0, 3, 0, 0.8, label)
    assert data["labels"][label] == {
        "name": "anger",
        "letter": "A",
        "colour": STYLES["anger"].colour,
        "ink": "#111111",
        "hatch": "",
        "line": hatch_colour(STYLES["anger"].colour),
    }
    assert data["labels"][-1] == {"name": "unclear", "letter": "?"}
    assert sum(probabilities) == pytest.approx(1, abs=0.01)
    assert rest == [0.5, 0.5, 0.5, 0.75, None, 12.3, None]
    assert data["speakers"][0]["cells"] == [[0, 3, 0]]


def _colours(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w{6})", text))


def test_text_and_curves_can_be_read_in_light_and_dark(sample_call):
    text = page(sample_call).decode()
    light, dark = (_colours(part) for part in re.findall(r":root \{(.*?)\}", text, re.DOTALL))
    assert (light["arousal"], light["valence"]) == (AROUSAL, VALENCE)
    for colours in (light, {**light, **dark}):
        for front in ("ink", "muted", "accent", "arousal", "valence"):
            for back in ("paper", "panel"):
                assert contrast(colours[front], colours[back]) >= 4.5, (front, back)
        assert contrast(colours["ink"], colours["note"]) >= 7
        assert contrast(colours["ink"], colours["now"]) >= 7


def test_a_long_recording_is_still_a_small_page():
    # Some 400 bytes a second of recording at most, without its sound.
    assert len(page(call(minutes=15))) < 15 * 60 * 400
