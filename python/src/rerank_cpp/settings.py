"""Settings of the client: URL, timeouts, retries, TLS. Keys, names and the order of the sources are those of the program
`rerank` (docs/settings.md)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from .errors import SettingsError
from .setting_files import read_env_file, read_toml_file

Value = str | int | float | bool

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# What a pasted URL may end in; it is removed.
ROUTES = ("/v1/rerank", "/v2/rerank", "/rerank", "/v1/score", "/score", "/v1", "/v2")
LONGEST_TIMEOUT = 1_000_000  # seconds
# The same limits as in the C++ client.
LIMITS = {"connect_timeout": (0, LONGEST_TIMEOUT), "timeout": (0, LONGEST_TIMEOUT), "max_retries": (0, 1000),
          "max_connections": (1, 4096), "max_documents_per_request": (0, 10_000_000), "max_request_bytes": (1, 1 << 30),
          "max_reply_bytes": (1, 1 << 32)}
MOST_DOCUMENTS = 1000  # per request, by default


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings(url=...) uses its arguments and defaults; Settings.load() also reads the environment and files. Raises
    SettingsError naming what is wrong."""

    url: str = "http://localhost:8000"  # may contain a path; /v1 or a route at its end is removed
    unix_socket: str = ""  # path of a socket to connect to instead of the URL's host
    api_key: str = dataclasses.field(default="", repr=False)
    model: str = ""  # empty: the server's only or first one
    connect_timeout: float = 5.0  # seconds; 0: limited by timeout only
    timeout: float = 120.0  # seconds for a whole call, including waits and retries; 0: no limit
    # Retries per request: on 429, 502, 503, and when the connection is lost before a reply began.
    max_retries: int = 4
    max_connections: int = dataclasses.field(default=16, metadata={"key": "client_max_connections"})
    # Longer lists are sent as several concurrent requests; 0: 1000.
    max_documents_per_request: int = 0
    max_request_bytes: int = dataclasses.field(default=32 << 20, metadata={"key": None})  # of the texts of a request
    # Longer replies are refused; for small requests the limit is 1 MiB, 4 KiB per pair and 4 times the request.
    max_reply_bytes: int = dataclasses.field(default=64 << 20, metadata={"key": None})
    ca_file: str = ""  # PEM; empty: the CA bundle of httpx
    certificate_file: str = ""  # PEM, of this client
    key_file: str = ""  # PEM; empty: in certificate_file
    verify_tls: bool = True
    # The source of each value, for messages.
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for field in _fields():
            self._check_type(field.name, type(field.default))
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            self._refuse("url", f"is not a valid URL ({error}): use one such as http://localhost:8000")
        if url.scheme not in ("http", "https") or not url.host:
            self._refuse("url", f"is {self.url!r}: use a URL such as http://localhost:8000")
        if url.query or url.fragment:
            self._refuse("url", f"is {self.url!r}: remove the query or fragment")
        for name, (least, most) in LIMITS.items():
            if not least <= getattr(self, name) <= most:
                self._refuse(name, f"is {getattr(self, name)}: use a number between {least} and {most}")
        if not self.api_key.isascii() or not self.api_key.isprintable():
            self._refuse("api_key", "contains a character that is invalid in a header: check for a line break at its end")

    @classmethod
    def load(cls, *, env_file: str | os.PathLike[str] | None = None, config: str | os.PathLike[str] | None = None,
             environ: Mapping[str, str] | None = None, **given: Value) -> Settings:
        """Takes each setting from the first of: `given`; the environment (RERANK_URL, RERANK_TIMEOUT, ...); the file
        `env_file` (by default $ENV_FILE or ./.env); the file `config` (by default $RERANK_CONFIG, ./rerank.toml or
        ~/.config/rerank/rerank.toml); its default. An empty value counts as absent. The files are shared with the server
        and its start script and may be newer than this package: unknown settings are ignored. `rerank config` checks
        them all."""
        unknown = sorted(set(given) - {field.name for field in _fields()})
        if unknown:
            raise TypeError(f"{unknown[0]} is not a setting; the settings are {', '.join(field.name for field in _fields())}")
        environ = os.environ if environ is None else environ
        env_path = _path(env_file, environ.get("ENV_FILE"), [Path(".env")])
        names = {"RERANK_CONFIG", *(name for field in _fields() for name in _variables(field))}
        of_env_file = read_env_file(env_path, names) if env_path else {}
        named = environ.get("RERANK_CONFIG") or of_env_file.get("RERANK_CONFIG", ("",))[0]
        toml_path = _path(config, named, [Path("rerank.toml"), *_path_at_home(environ)])
        of_toml = _toml_values(toml_path) if toml_path else {}
        values: dict[str, Any] = {}
        sources = {}
        for field in _fields():
            found: list[tuple[Any, str]] = [(given.get(field.name), field.name)]
            found += [(environ.get(name), f"{name} in the environment") for name in _variables(field)]
            found += [of_env_file[name] for name in _variables(field) if name in of_env_file]
            found += [of_toml[key] for key in [_key(field)] if key in of_toml]
            value, source = next((one for one in found if one[0] not in (None, "")), (field.default, "default"))
            values[field.name], sources[field.name] = _converted(value, type(field.default), source), source
        return cls(**values, sources=sources)

    @property
    def base_url(self) -> str:
        """`url` without a route at its end."""
        url = self.url.rstrip("/")
        return next((url.removesuffix(route) for route in ROUTES if url.endswith(route)), url)

    @property
    def documents_of_a_request(self) -> int:
        """The maximum number of documents per request."""
        return self.max_documents_per_request or MOST_DOCUMENTS

    def _check_type(self, name: str, wanted: type) -> None:
        value = getattr(self, name)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            return
        if type(value) is not wanted:
            self._refuse(name, f"is {type(value).__name__}, not {wanted.__name__}")

    def _refuse(self, name: str, text: str) -> None:
        source = self.sources.get(name, name)
        raise SettingsError(f"{name} {text}" + (f" ({source})" if source not in (name, "default") else ""))


def _fields() -> Iterator[dataclasses.Field[Any]]:
    return (field for field in dataclasses.fields(Settings) if field.name != "sources")


def _key(field: dataclasses.Field[Any]) -> str | None:
    """The key in rerank.toml; None: this setting can only be an argument."""
    key: str | None = field.metadata.get("key", field.name)
    return key


def _variables(field: dataclasses.Field[Any]) -> list[str]:
    key = _key(field)
    own = [] if key is None else [f"RERANK_{key.upper()}"]
    return [*own, "VLLM_API_KEY"] if field.name == "api_key" else own


def _path_at_home(environ: Mapping[str, str]) -> list[Path]:
    configuration, home = Path(environ.get("XDG_CONFIG_HOME", "")), Path(environ.get("HOME", ""))
    if configuration.is_absolute():
        return [configuration / "rerank" / "rerank.toml"]
    return [home / ".config" / "rerank" / "rerank.toml"] if home.is_absolute() else []


def _path(given: str | os.PathLike[str] | None, named: str | None, places: list[Path]) -> Path | None:
    """The file to read: the given one, whether it exists or not; otherwise the first of `places` that exists."""
    if given or named:
        return Path(given or named or "")
    return next((place for place in places if place.is_file()), None)


def _toml_values(path: Path) -> dict[str | None, tuple[Any, str]]:
    """The values of the table [client] and of the top level; the table has precedence."""
    toml = read_toml_file(path)
    table = toml.get("client")
    values: dict[str | None, tuple[Any, str]] = {key: (value, f"{key} in {path}") for key, value in toml.items()}
    if isinstance(table, dict):
        values.update((key, (value, f"[client] {key} in {path}")) for key, value in table.items() if value != "")
    return values


def _converted(value: Any, wanted: type, source: str) -> Any:
    """`value` converted to the type of the setting: from strings, and in TOML from numbers to strings. Of a list, which
    the server may accept, the first element is used."""
    if isinstance(value, list) and value:
        value = value[0]
    if wanted is str and type(value) in (int, float):
        return str(value)
    try:
        if isinstance(value, str) and wanted is bool:
            return WORDS[value.lower()]
        if isinstance(value, str) and wanted in (int, float):
            return wanted(value)
    except (KeyError, ValueError):
        kinds = {bool: "true or false", int: "an integer, 0 or more", float: "a number, 0 or more"}
        raise SettingsError(f"{source} is {value!r}: use {kinds[wanted]}") from None
    return value
