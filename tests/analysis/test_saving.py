import os
import stat

import pytest

from tonfall.analysis import saving
from tonfall.analysis.saving import write_file
from tonfall.errors import ConfigError


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "call.json"
    assert write_file(path, b"first") == path
    write_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    mask = os.umask(0o022)
    os.umask(mask)
    path = write_file(tmp_path / "call.json", b"")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_link_keeps_pointing(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_name_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("x" * 250 + ".json")
    assert write_file(path, b"data").read_bytes() == b"data"


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"none/call.json: cannot be written \(No such file"):
        write_file(tmp_path / "none" / "call.json", b"data")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ConfigError, match="is a folder, but a file is to be written"):
        write_file(tmp_path, b"data")


def test_a_device_is_left_alone():
    with pytest.raises(ConfigError, match="is not a regular file"):
        write_file("/dev/null", b"data")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write to read-only files")
def test_a_read_only_file_is_left_alone(tmp_path):
    path = tmp_path / "call.json"
    path.write_bytes(b"kept")
    path.chmod(0o444)
    with pytest.raises(ConfigError, match="is read-only"):
        write_file(path, b"data")
    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_half_way_leaves_the_old_file(tmp_path, monkeypatch, failure):
    path = write_file(tmp_path / "call.json", b"old")

    def fail(*_):
        raise failure

    monkeypatch.setattr(saving.Path, "replace", fail)
    with pytest.raises((ConfigError, KeyboardInterrupt)) as caught:
        write_file(path, b"new")
    if isinstance(failure, OSError):
        assert "No space left on device" in str(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
