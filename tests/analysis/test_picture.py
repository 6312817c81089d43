from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread
from sample_timelines import call, envelope_audio, timeline, turn, window

from tonfall.analysis.envelope import Envelope, EnvelopeCollector
from tonfall.analysis.palette import AROUSAL, STYLES, VALENCE
from tonfall.analysis.picture import draw, picture
from tonfall.errors import ConfigError
from tonfall.timeline import Timeline


def outline(item: Timeline) -> Envelope:
    collector = EnvelopeCollector(item.recording.channels, sampling_rate=8000)
    collector.update(envelope_audio(item))
    return collector.compute()


def pixels(data: bytes) -> np.ndarray:
    return (imread(BytesIO(data))[..., :3] * 255).round().astype(int)


def count_of(image: np.ndarray, colour: str) -> int:
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - channels).max(axis=2) <= 2).sum())


def texts(data: bytes) -> str:
    """What the picture says; glyphs are paths, but each carries its text as a comment."""
    return data.decode().replace("&#45;", "-")


def test_every_timeline_is_drawn(any_timeline):
    image = pixels(picture(any_timeline, dpi=60))
    assert image.shape[1] == 540
    assert len(np.unique(image)) > 10


def test_colours_fill_as_much_as_the_speech_they_stand_for():
    item = timeline(
        [turn(0, 30), turn(30, 60)],
        [window(0, 30, "anger"), window(30, 60, "fear")],
    )
    image = pixels(picture(item, dpi=100))
    anger, fear = (count_of(image, STYLES[label].colour) for label in ("anger", "fear"))
    assert anger > 1000
    assert anger == pytest.approx(fear, rel=0.1)
    assert count_of(image, STYLES["disgust"].colour) == 0


def test_unclear_speech_has_no_categorys_colour():
    item = timeline([turn(0, 60)], [window(0, 60, "anger", confidence=0.3)])
    assert count_of(pixels(picture(item, dpi=100)), STYLES["anger"].colour) == 0
    legend = texts(picture(item, kind="svg"))
    assert "?  unclear" in legend
    assert "anger" not in legend


def test_the_vector_picture_is_well_formed_and_names_who_and_what(sample_call):
    data = picture(sample_call, outline(sample_call), kind="svg")
    assert ElementTree.fromstring(data).tag.endswith("svg")
    assert len(data) < 600_000
    for text in ("agent", "customer", "support_call_017.wav", "H  happiness", "0:10"):
        assert f"<!-- {text} -->" in texts(data)


def test_nothing_but_emotion_is_drawn_among_the_curves(sample_call):
    figure = draw(sample_call)
    curves = [axes for axes in figure.axes if axes.get_lines() and axes.get_ylim()[0] == -0.04]
    assert len(curves) == len(sample_call.speakers)
    colours = {line.get_color() for axes in curves for line in axes.get_lines()}
    assert colours == {AROUSAL, VALENCE}


def test_a_recording_without_speech_says_so():
    item = timeline([], [], notes=("No speech was found.",))
    assert "<!-- No speech was found. -->" in texts(picture(item, kind="svg"))


def test_a_waveform_of_another_speaker_is_quiet(sample_call):
    figure = draw(sample_call, outline(sample_call))
    waveform = figure.axes[0]
    quiet, speaking = waveform.collections
    assert (
        speaking.get_datalim(waveform.transData).width < quiet.get_datalim(waveform.transData).width
    )


def test_names_are_never_formulas(sample_call):
    named = replace(sample_call, recording=replace(sample_call.recording, file="$\\frac{1$.wav"))
    assert "<!-- $\\frac{1$.wav -->" in texts(picture(named, kind="svg"))


def test_nothing_global_is_changed(sample_call):
    before = dict(mpl.rcParams)
    picture(sample_call, dpi=40)
    assert dict(mpl.rcParams) == before


def test_a_long_recording_stays_small():
    item = call(minutes=20)
    data = picture(item, outline(item), kind="svg")
    assert len(data) < 600_000


def test_a_picture_for_print_is_a_pdf(sample_call):
    assert picture(sample_call, kind="pdf").startswith(b"%PDF")


def test_an_unknown_kind_lists_the_known(sample_call):
    with pytest.raises(ConfigError, match=r"'gif' is unknown. Choose from png, svg, pdf"):
        picture(sample_call, kind="gif")


@pytest.mark.parametrize("width", [3.3, 14.0])
def test_width_is_as_asked(sample_call, width):
    image = pixels(picture(sample_call, width=width, dpi=50))
    assert image.shape[1] == round(width * 50)
