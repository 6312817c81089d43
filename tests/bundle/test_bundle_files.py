"""The model folder: written whole, read only if unaltered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_bundle import tiny_spec

from tonfall.bundle import (
    SCHEMA_VERSION,
    Bundle,
    FrontEnd,
    SiteUse,
    bundled_models,
    find_bundle,
    least_schema_version,
    read_bundle,
    write_bundle,
)
from tonfall.errors import BundleError

# Models with an empty graph: the second spells out that it has no name.
GRAPH, ANOTHER = b"\x3a\x00", b"\x3a\x02\x12\x00"
CARD = "# A card, with ä, ł and ሰ\n"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "model", spec=tiny_spec(), model=GRAPH, card=CARD)


def edit(bundle: Bundle, change: Callable[[dict[str, object]], object]) -> Path:
    """Change what bundle.json says."""
    file = bundle.folder / "bundle.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return bundle.folder


def test_what_is_written_is_read(bundle: Bundle) -> None:
    again = read_bundle(bundle.folder)
    assert again == bundle
    assert again.spec.model_copy(update={"files": {}}) == tiny_spec()
    assert again.model.read_bytes() == GRAPH
    assert again.card == CARD
    assert set(again.spec.files) == {"model.onnx", "card.md"}


def test_the_same_content_has_the_same_hash_wherever_it_lies(
    bundle: Bundle, tmp_path: Path
) -> None:
    write = {"spec": tiny_spec(), "card": CARD}
    assert write_bundle(tmp_path / "other", model=GRAPH, **write).hash == bundle.hash
    assert write_bundle(tmp_path / "other", model=ANOTHER, **write).hash != bundle.hash


@pytest.mark.parametrize("file", ["bundle.json", "model.onnx", "card.md"])
def test_a_missing_file_is_named(bundle: Bundle, file: str) -> None:
    (bundle.folder / file).unlink()
    with pytest.raises(BundleError, match=f"{file}: cannot be read .* a bundle is a folder with"):
        read_bundle(bundle.folder)


@pytest.mark.parametrize("file", ["model.onnx", "card.md"])
def test_an_altered_file_is_named(bundle: Bundle, file: str) -> None:
    with (bundle.folder / file).open("ab") as opened:
        opened.write(b" ")
    with pytest.raises(BundleError, match=f"{file}: SHA-256 is .* the file was altered"):
        read_bundle(bundle.folder)


def test_a_newer_schema_asks_for_a_newer_tonfall(bundle: Bundle) -> None:
    folder = edit(bundle, lambda c: c.update(schema_version=SCHEMA_VERSION + 1, new_key=1))
    with pytest.raises(
        BundleError, match=rf"schema version {SCHEMA_VERSION + 1}, .* install a newer Tonfall"
    ):
        read_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe"])
def test_what_is_no_description_is_refused(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match="not a bundle's description"):
        read_bundle(bundle.folder)


@pytest.mark.parametrize("version", ["one", None, [1], float("inf"), float("nan")])
def test_a_schema_version_that_is_no_number_is_refused(bundle: Bundle, version: object) -> None:
    folder = edit(bundle, lambda content: content.update(schema_version=version))
    with pytest.raises(BundleError, match="not a bundle's description"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda c: c.update(colour="red"), "colour: Extra inputs"),
        (lambda c: c["windows"].update(hop=1), r"windows\.hop: Extra inputs"),
        (lambda c: c.pop("labels"), "labels: Field required"),
        (lambda c: c.update(labels=["neutral", "rage"]), "unknown labels or dimensions: rage"),
        (lambda c: c.update(labels=["neutral", "neutral"]), "distinct"),
        (lambda c: c.update(labels=[]), "distinct"),
        (lambda c: c.update(dimensions=["power"]), "unknown labels or dimensions: power"),
        (lambda c: c["baseline"]["gate"]["held"].update(fear=1), "the gate names labels"),
        (lambda c: c["baseline"]["gate"].update(floor=2), r"gate\.floor"),
        (lambda c: c["baseline"].update(prior_mean=[]), "prior_mean"),
        (lambda c: c["baseline"].update(prior_mean=[float("nan")]), "prior_mean.* finite number"),
        (lambda c: c["calibration"].update(temperature=0), r"calibration\.temperature"),
        (lambda c: c["front_end"].update(kind="mfcc"), r"front_end\.kind"),
        (lambda c: c.update(schema_version=0), "schema_version"),
        (lambda c: c.update(name="../evil"), "name"),
    ],
)
def test_what_does_not_belong_is_named(
    bundle: Bundle, change: Callable[[dict[str, object]], object], place: str
) -> None:
    with pytest.raises(BundleError, match=place):
        read_bundle(edit(bundle, change))


@pytest.mark.parametrize("file", ["../secret", "/etc/hostname", "..", ".", "", "folder/file"])
def test_a_file_outside_the_bundle_is_not_opened(bundle: Bundle, file: str) -> None:
    (bundle.folder.parent / "secret").write_text("secret")
    folder = edit(bundle, lambda c: c["files"].update({file: "0" * 64}))  # type: ignore[attr-defined]
    with pytest.raises(BundleError, match="which is outside the bundle"):
        read_bundle(folder)


@pytest.mark.parametrize("file", ["model.onnx", "card.md"])
def test_a_file_without_a_hash_is_not_trusted(bundle: Bundle, file: str) -> None:
    folder = edit(bundle, lambda c: c["files"].pop(file))  # type: ignore[attr-defined]
    with pytest.raises(BundleError, match=f"gives no hash for {file}"):
        read_bundle(folder)


def test_a_failed_write_leaves_what_was_there(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_bundle(bundle.folder, spec=tiny_spec(), model=ANOTHER, card="\ud800")
    with pytest.raises(TypeError):
        write_bundle(bundle.folder, spec=tiny_spec(), model="no bytes", card=CARD)  # type: ignore[arg-type]
    assert read_bundle(bundle.folder) == bundle
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_nothing_half_written_is_ever_under_the_name(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each file that is written, what lies under the name is the old bundle, whole."""
    write, seen = Path.write_bytes, []

    def watched(path: Path, data: bytes) -> int:
        seen.append(read_bundle(bundle.folder).hash)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", watched)
    new = write_bundle(bundle.folder, spec=tiny_spec(), model=ANOTHER, card=CARD)
    assert seen
    assert set(seen) == {bundle.hash}
    assert read_bundle(bundle.folder) == new != bundle
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_an_older_bundle_is_replaced_whole(bundle: Bundle) -> None:
    (bundle.folder / "leftover").write_text("of an older version")
    write_bundle(bundle.folder, spec=tiny_spec(), model=ANOTHER, card=CARD)
    names = sorted(entry.name for entry in bundle.folder.iterdir())
    assert names == ["bundle.json", "card.md", "model.onnx"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "call.wav").write_text("the only copy")
    with pytest.raises(BundleError, match=r"calls: it holds files and no bundle, .* new folder"):
        write_bundle(tmp_path / "calls", spec=tiny_spec(), model=GRAPH, card=CARD)
    with pytest.raises(BundleError, match=r"call\.wav: it is a file, but a bundle is a folder"):
        write_bundle(tmp_path / "calls" / "call.wav", spec=tiny_spec(), model=GRAPH, card=CARD)
    assert (tmp_path / "calls" / "call.wav").read_text() == "the only copy"


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundle_without_a_sites_prior_is_written_as_before_there_was_one(
    name: str, tmp_path: Path
) -> None:
    shipped = read_bundle(name)
    again = write_bundle(
        tmp_path / name, spec=shipped.spec, model=shipped.model.read_bytes(), card=shipped.card
    )
    assert again.hash == shipped.hash


def test_a_sites_prior_needs_a_baseline(bundle: Bundle) -> None:
    site = SiteUse(model="tiny", version="1", hash="0", recordings=10, voices=10, speech_s=30)
    folder = edit(bundle, lambda c: c.update(site=site.model_dump(), baseline=None))
    with pytest.raises(BundleError, match="a site's prior needs a baseline"):
        read_bundle(folder)


def test_another_front_end_needs_a_newer_schema(bundle: Bundle, tmp_path: Path) -> None:
    """An older Tonfall must not read what it would take for log-mel."""
    samples = FrontEnd(kind="waveform", piece_frames=100)
    spec = tiny_spec(schema_version=4, front_end=samples)
    written = write_bundle(tmp_path / "waveform", spec=spec, model=GRAPH, card=CARD)
    assert read_bundle(written.folder).spec.front_end == samples
    folder = edit(written, lambda c: c.update(schema_version=3))
    with pytest.raises(BundleError, match=r"of the kind waveform needs schema_version 4"):
        read_bundle(folder)


def test_a_bundle_has_the_oldest_schema_that_says_it_all() -> None:
    spec = tiny_spec()
    assert least_schema_version(spec.front_end, spec.calibration) == 1
    samples = FrontEnd(kind="waveform", piece_frames=100)
    assert least_schema_version(samples, spec.calibration) == 4


def test_others_may_read_a_bundle(bundle: Bundle) -> None:
    assert bundle.folder.stat().st_mode & 0o055 == 0o055


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_bundle_without_permission_is_one_sentence(bundle: Bundle) -> None:
    bundle.model.chmod(0)
    with pytest.raises(BundleError, match="Permission denied"):
        read_bundle(bundle.folder)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    known = r"\(medium, medium-research, small, small-research\)"
    with pytest.raises(BundleError, match=f"'huge' is neither a bundled model {known}"):
        read_bundle("huge")


def test_a_bundled_model_goes_before_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_bundle("small").parent.name == "bundles"
    assert find_bundle(tmp_path / "small") == tmp_path / "small"


def test_the_shipped_bundles_are_whole_and_small_enough_to_ship() -> None:
    limits = {"medium": 9_000_000, "small": 4_000_000}
    limits |= {f"{name}-research": limit for name, limit in limits.items()}
    assert set(bundled_models()) == set(limits)
    for name, limit in limits.items():
        bundle = read_bundle(name)
        assert bundle.spec.name == name
        assert bundle.spec.baseline is not None
        assert bundle.model.stat().st_size <= limit


@pytest.mark.parametrize("name", ["medium", "small"])
def test_what_is_loaded_by_default_may_be_used_in_products(name: str) -> None:
    spec = read_bundle(name).spec
    assert [use.name for use in spec.corpora] == ["crema-d"]
    assert spec.licence.startswith("Free for any use, also in products, with attribution")
    research = read_bundle(f"{name}-research").spec
    assert "for research only" in research.licence
