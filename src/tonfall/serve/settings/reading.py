"""Settings read and checked, and what is wrong with them in a sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict, SettingsError

from tonfall.errors import ConfigError
from tonfall.parsing import YAML_FAULTS
from tonfall.serve.settings.model import by_name
from tonfall.serve.settings.whole import PREFIX, Settings

__all__ = ["read_settings"]


def read_settings(
    path: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    checked: bool = True,
) -> Settings:
    """Read and check settings.

    Args:
        path: a YAML file.
        options: what the command line said, by section.
        checked: False where nothing is going to listen.

    Raises:
        ConfigError: the file cannot be read, or a setting is unknown, wrong or unsafe.
    """
    if path is not None and not path.is_file():
        raise ConfigError(f"{path}: there is no such settings file; check the path.")
    _check_variables()
    sections: dict[str, Any] = {name: each for name, each in (options or {}).items() if each}
    if "model" in sections:  # So that it leaves alone what the file says besides.
        sections["model"] = by_name(sections["model"])
    try:
        settings = _Reader.of(path)(**sections)
        return settings.checked() if checked else settings
    except ValidationError as error:
        raise ConfigError(_sentence(error, path)) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}: line {line} is not YAML ({error.problem}).") from None
    except SettingsError as error:
        raise ConfigError(_of_variable(error)) from None
    except (yaml.YAMLError, *YAML_FAULTS):
        # Their texts quote what stands there, which may be a secret.
        raise ConfigError(f"{path or 'The settings'}: is not a mapping in YAML.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None


class _Reader:
    """Settings that read one file; a class each, since pydantic-settings wants it so."""

    @staticmethod
    def of(path: Path | None) -> type[Settings]:
        class FromFile(Settings):
            model_config = SettingsConfigDict(yaml_file=path, yaml_file_encoding="utf-8")

        return FromFile


def _check_variables() -> None:
    """Refuse variables that are meant for a section, but name none."""
    for name in os.environ:
        section, nested, _ = name.removeprefix(PREFIX).partition("__")
        known = section.lower() in Settings.model_fields
        if name.startswith(PREFIX) and nested and not known:
            sections = ", ".join(Settings.model_fields)
            raise ConfigError(
                f"The variable {name} is no setting: there is no section {section.lower()}; "
                f"choose of {sections}."
            )


def _of_variable(error: SettingsError) -> str:
    """Which variable cannot be read; never what stands in it."""
    found = re.search(r'field "(\w+)"', str(error))
    name = f"{PREFIX}{found[1].upper()}" if found else "A variable"
    return f"{name} is not JSON; set single values instead, as {PREFIX}SERVER__PORT=9000."


def _sentence(error: ValidationError, path: Path | None) -> str:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{path or 'The settings'}: {place}: {first['msg'].rstrip('.')}. See docs/server."
