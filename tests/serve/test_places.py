"""The data folder, and the salt that is kept there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tonfall.errors import ConfigError
from tonfall.serve.places import data_folder, salt_of
from tonfall.serve.settings import read_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path


def test_a_salt_is_made_once() -> None:
    settings = read_settings()
    with ThreadPoolExecutor(8) as pool:
        [salt] = set(pool.map(lambda _: salt_of(settings), range(16)))
    assert len(salt) == 64
    assert [path.name for path in data_folder().iterdir()] == ["salt"]
    assert (data_folder() / "salt").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 32])
def test_a_file_that_holds_no_salt_starts_nothing(content: bytes) -> None:
    data_folder().mkdir(parents=True)
    (data_folder() / "salt").write_bytes(content)
    with pytest.raises(ConfigError, match="at least 16 are needed"):
        salt_of(read_settings())


def test_the_salt_that_is_set_is_taken() -> None:
    salt = "0123456789abcdef"
    assert salt_of(read_settings(options={"privacy": {"salt": salt}})) == salt
    assert not data_folder().exists()
