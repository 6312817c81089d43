import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from sample_timelines import timelines

from tonfall.analysis.exports import export, parse_json, read_json, timeline_schema
from tonfall.analysis.exports.document import json_schema
from tonfall.errors import ConfigError


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(timeline_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_shipped_schema_is_that_of_the_code():
    assert timeline_schema() == json_schema(), (
        "write the answer of tonfall.analysis.exports.document.json_schema() into "
        "timeline.schema.json, and raise SCHEMA_VERSION if old files no longer fit"
    )


def test_every_timeline_fits_the_schema(validator, any_timeline):
    validator.validate(json.loads(export(any_timeline, "json")))


@given(timelines())
def test_reading_gives_back_what_was_written(item):
    assert parse_json(export(item, "json")) == item


def test_any_kind_of_timeline_reads_back(any_timeline):
    assert parse_json(export(any_timeline, "json")) == any_timeline


def test_each_window_is_a_line(sample_call):
    lines = export(sample_call, "json").decode().splitlines()
    assert sum('"snr_db"' in line for line in lines) == len(sample_call.windows)


def _altered(item, change) -> bytes:
    content = json.loads(export(item, "json"))
    change(content)
    return json.dumps(content).encode()


def test_a_newer_schema_asks_for_a_newer_tonfall(sample_call):
    data = _altered(sample_call, lambda content: content.update(schema_version=3))
    with pytest.raises(ConfigError, match=r"^x.json: has timeline schema 3, .* a newer Tonfall"):
        parse_json(data, source="x.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(schema_version=0), "schema_version"),
        (lambda c: c.update(schema_version="1"), "schema_version"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c.pop("windows"), "windows"),
        (lambda c: c["model"].update(labels=["glee"]), r"model\.labels\.0"),
        (lambda c: c["windows"][3].update(confidence=1.5), r"windows\.3\.confidence"),
        (lambda c: c["windows"][3].update(start=99), r"windows\.3.*ends at .* before its start"),
        (lambda c: c["windows"][3].update(guess="boredom"), "labels other than the model's"),
        (lambda c: c["windows"][3].update(label="fear"), "fear, which is neither its guess nor"),
        (lambda c: c["windows"][3].update(label=None), r"windows\.3\.label"),
        (lambda c: c["turns"][0].update(label=None), "None, which is neither its guess nor"),
        (lambda c: c["turns"][0].update(probabilities={}), "labels other than the model's"),
        (lambda c: c["turns"][0].update(channel=True), r"turns\.0\.channel"),
    ],
)
def test_an_altered_document_is_refused_with_its_place(sample_call, change, message):
    with pytest.raises(ConfigError, match=f"is not a valid timeline: .*{message}"):
        parse_json(_altered(sample_call, change))


def _as_schema_1(entry: dict[str, object], unclear: bool) -> dict[str, object]:
    old = {key: value for key, value in entry.items() if key != "guess"}
    return {**old, "label": entry["guess"], "uncertain": unclear}


@given(timelines())
def test_files_of_the_first_schema_are_read(item):
    content = json.loads(export(item, "json"))
    for name in ("turns", "windows"):
        content[name] = [
            _as_schema_1(entry, value.unclear)
            for entry, value in zip(content[name], getattr(item, name), strict=True)
        ]
    content["schema_version"] = 1
    assert parse_json(json.dumps(content).encode()) == item


@pytest.mark.parametrize("turns", [None, 3, [3], [{"label": "anger"}], [{"uncertain": "yes"}]])
def test_a_broken_file_of_the_first_schema_is_one_sentence(sample_call, turns):
    data = _altered(sample_call, lambda content: content.update(schema_version=1, turns=turns))
    with pytest.raises(ConfigError, match="is not a valid timeline: "):
        parse_json(data)


@pytest.mark.parametrize("data", [b"", b"RIFF\xff\x00", b"[1]", b'{"format": "other"}'])
def test_other_files_are_no_timelines(data):
    with pytest.raises(ConfigError, match="a timeline was expected"):
        parse_json(data)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"none.json: cannot be read \(No such file"):
        read_json(tmp_path / "none.json")


def test_undecodable_file_names_are_written(sample_call):
    named = replace(sample_call, recording=replace(sample_call.recording, file="call\udcff.wav"))
    assert parse_json(export(named, "json")).recording.file == "call?.wav"
