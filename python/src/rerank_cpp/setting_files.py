"""Reads the setting files .env and rerank.toml like the program `rerank` (docs/settings.md)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The value after the = of a line: in quotes, or up to a # after whitespace.
QUOTED = re.compile(r"""\s*(?P<quote>["'])(?P<value>.*?)(?P=quote)\s*(#.*)?""", re.ASCII)
PLAIN = re.compile(r"(?P<value>.*?)(\s#.*)?", re.ASCII)


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 at byte {error.start}: save it as UTF-8") from error


def read_env_file(path: Path, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name -> (value, "NAME in FILE, line N") for the lines NAME=VALUE with one of `names`; other lines are ignored.
    Nothing is executed or expanded. A later line replaces an earlier one."""
    wanted = set(names)
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(_text_of(path).split("\n"), 1):
        line = re.sub(r"^export\s+", "", line.strip(), flags=re.ASCII)
        if not line or line.startswith("#"):
            continue
        name, equals, text = line.partition("=")
        name = name.rstrip()
        if not equals:
            raise SettingsError(f"{path}, line {number}: neither NAME=VALUE nor a comment, which begins with #")
        if name not in wanted:
            continue
        is_quoted = text.lstrip()[:1] in ("'", '"')
        match = (QUOTED if is_quoted else PLAIN).fullmatch(text)
        if match is None:
            raise SettingsError(f"{path}, line {number}: the quotes of {name} do not match; put a value that contains "
                                "quotes into the other kind")
        value = match["value"] if is_quoted else match["value"].strip()
        found[name] = (value, f"{name} in {path}, line {number}")
    return found


def read_toml_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
