"""Where settings come from, which source goes first, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_cpp import Client, Settings, SettingsError
from rerank_cpp.setting_files import read_env_file

HERE = "http://from-%s:1"


def test_defaults() -> None:
    settings = Settings.load(environ={})
    assert settings == Settings()
    assert set(settings.sources.values()) == {"default"}


def test_order_of_sources(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path / "home")}
    user_file = tmp_path / "home/.config/rerank/rerank.toml"
    user_file.parent.mkdir(parents=True)
    user_file.write_text(f'url = "{HERE % "home"}"\n')
    assert Settings.load(environ=home).sources["url"] == f"url in {user_file}"
    Path("rerank.toml").write_text(f'url = "{HERE % "toml"}"\nport = 9\n')
    assert Settings.load(environ=home).url == HERE % "toml"
    Path("other.toml").write_text(f'url = "{HERE % "other"}"\n')
    assert Settings.load(environ={**home, "RERANK_CONFIG": "other.toml"}).url == HERE % "other"
    assert Settings.load(environ={**home, "RERANK_CONFIG": "rerank.toml"}, config="other.toml").url == HERE % "other"
    Path("other.toml").write_text(f'url = "{HERE % "other"}"\n[client]\nurl = "{HERE % "table"}"\n[serve]\nurl = 1\n')
    settings = Settings.load(environ=home, config="other.toml")
    assert (settings.url, settings.sources["url"]) == (HERE % "table", "[client] url in other.toml")
    Path(".env").write_text("RERANK_CONFIG=other.toml")
    assert Settings.load(environ=home).url == HERE % "table"
    Path(".env").write_text(f"PORT=9\nexport RERANK_URL='{HERE % 'env-file'}'\r\n")
    settings = Settings.load(environ=home)
    assert (settings.url, settings.sources["url"]) == (HERE % "env-file", "RERANK_URL in .env, line 2")
    Path("other.env").write_text(f"RERANK_URL={HERE % 'other-env-file'}\n")
    assert Settings.load(environ={**home, "ENV_FILE": "other.env"}).url == HERE % "other-env-file"
    settings = Settings.load(environ={**home, "RERANK_URL": HERE % "environment"})
    assert (settings.url, settings.sources["url"]) == (HERE % "environment", "RERANK_URL in the environment")
    settings = Settings.load(environ={**home, "RERANK_URL": HERE % "environment"}, url=HERE % "argument")
    assert (settings.url, settings.sources["url"]) == (HERE % "argument", "url")


def test_empty_is_absent() -> None:
    Path(".env").write_text("RERANK_MODEL=of-file\n")
    assert Settings.load(environ={"RERANK_MODEL": ""}, model="").model == "of-file"


def test_key_of_vllm_stands_in() -> None:
    assert Settings.load(environ={"VLLM_API_KEY": "b"}).api_key == "b"
    assert Settings.load(environ={"VLLM_API_KEY": "b", "RERANK_API_KEY": "a"}).api_key == "a"
    Path(".env").write_text("RERANK_API_KEY=c\n")
    assert Settings.load(environ={"VLLM_API_KEY": "b"}).api_key == "b"
    assert "secret" not in repr(Settings(api_key="secret"))


def test_texts_become_numbers_and_switches() -> None:
    settings = Settings.load(environ={"RERANK_TIMEOUT": "1.5", "RERANK_MAX_RETRIES": "0", "RERANK_VERIFY_TLS": "Off"})
    assert (settings.timeout, settings.max_retries, settings.verify_tls) == (1.5, 0, False)
    Path("rerank.toml").write_text('timeout = 7\nverify_tls = false\nmodel = 8\napi_key = ["first", "second"]\n')
    settings = Settings.load(environ={})
    assert (settings.timeout, settings.verify_tls, settings.model, settings.api_key) == (7, False, "8", "first")
    assert Settings.load(environ={"RERANK_CONFIG": "/dev/null", "ENV_FILE": "/dev/null"}) == Settings()


def test_the_server_s_limit_of_connections_is_another_setting() -> None:
    Path("rerank.toml").write_text("max_connections = 9\nclient_max_connections = 3\n")
    assert Settings.load(environ={"RERANK_MAX_CONNECTIONS": "9"}).max_connections == 3
    assert Settings.load(environ={"RERANK_CLIENT_MAX_CONNECTIONS": "2"}).max_connections == 2


@pytest.mark.parametrize(("line", "value"), [
    ("A=1", "1"), ("  A=1 ", "1"), ("export  A = 1", "1"), ("A=1\r", "1"), ("A=", ""), ("A=#x", "#x"), ("A= #x", ""),
    ("A=a#b", "a#b"), ("A=x # comment", "x"), ("A=x\t#comment", "x"), ("A=a=b", "a=b"), ("A=two words", "two words"),
    ('A="two words # all"', "two words # all"), ("A='it' # comment", "it"), ('A= "x"', "x"), ("A=\"it's\"", "it's"),
    ('A=a"b"', 'a"b"'), ('A=""', ""), ("A=M\u00fcnchen", "M\u00fcnchen"), ("A=1\nA=2", "2")])
def test_env_lines(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / "x.env"
    path.write_bytes(("\ufeff# comment\n\nB='not ours\n" + line).encode())
    assert read_env_file(path, ["A"])["A"][0] == value


@pytest.mark.parametrize(("url", "base"), [
    ("http://h:1", "http://h:1"), ("http://h:1/", "http://h:1"), ("http://h:1/v1", "http://h:1"),
    ("http://h:1/v1/rerank/", "http://h:1"), ("https://h/models/a/v1/score", "https://h/models/a"),
    ("http://h/rerank", "http://h"), ("http://[::1]:8000/v2", "http://[::1]:8000")])
def test_an_address_with_a_route(url: str, base: str) -> None:
    assert Settings(url=url).base_url == base


@pytest.mark.parametrize(("values", "words"), [
    ({"url": "localhost:8000"}, "url is 'localhost:8000': use a URL such as"),
    ({"url": "http://"}, "url is 'http://'"),
    ({"url": "http://a:b"}, "url is not a valid URL"),
    ({"url": 8000}, "url is int, not str"),
    ({"url": "http://h/?a=b"}, "remove the query or fragment"),
    ({"timeout": -1}, "timeout is -1: use a number between 0 and 1000000"),
    ({"timeout": float("nan")}, "timeout is nan"),
    ({"timeout": "5"}, "timeout is str, not float"),
    ({"timeout": True}, "timeout is bool"),
    ({"connect_timeout": -1}, "connect_timeout is -1"),
    ({"timeout": float("inf")}, "timeout is inf"),
    ({"max_retries": -1}, "max_retries is -1"),
    ({"max_retries": 1.5}, "max_retries is float, not int"),
    ({"max_connections": 0}, "max_connections is 0: use a number between 1 and 4096"),
    ({"api_key": "abc\n"}, "api_key contains a character that is invalid in a header"),
])
def test_wrong_values(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**values)


@pytest.mark.parametrize(("environ", "files", "words"), [
    ({"RERANK_TIMEOUT": "soon"}, {}, "RERANK_TIMEOUT in the environment is 'soon': use a number, 0 or more"),
    ({"RERANK_MAX_RETRIES": "1.5"}, {}, "RERANK_MAX_RETRIES in the environment is '1.5': use an integer"),
    ({"RERANK_VERIFY_TLS": "maybe"}, {}, "RERANK_VERIFY_TLS in the environment is 'maybe': use true or false"),
    ({"RERANK_URL": "nowhere"}, {}, r"use a URL .*\(RERANK_URL in the environment\)"),
    ({}, {".env": "RERANK_CLIENT_MAX_CONNECTIONS=0"}, r"max_connections is 0: .*\(RERANK_CLIENT_.* in .env, line 1\)"),
    ({}, {".env": "A=1\nwhat is this"}, ".env, line 2: neither NAME=VALUE nor a comment"),
    ({}, {".env": "RERANK_MODEL='a"}, ".env, line 1: the quotes of RERANK_MODEL do not match"),
    ({}, {".env": 'RERANK_MODEL="a"b'}, ".env, line 1: the quotes of RERANK_MODEL do not match"),
    ({}, {"rerank.toml": "url = 1"}, r"url is '1': use a URL .* \(url in rerank.toml\)"),
    ({}, {"rerank.toml": "url = true"}, r"url is bool, not str \(url in rerank.toml\)"),
    ({}, {"rerank.toml": "[client]\nmax_retries = []"}, r"max_retries is list, not int \(\[client\] max_retries in"),
    ({}, {"rerank.toml": "url = "}, "rerank.toml: "),
    ({}, {"rerank.toml": b"\xff"}, "rerank.toml is not UTF-8 at byte 0"),
    ({"ENV_FILE": "absent"}, {}, "absent cannot be read: No such file"),
    ({"RERANK_CONFIG": "."}, {}, r"\. cannot be read: Is a directory"),
])
def test_wrong_sources(environ: dict[str, str], files: dict[str, Any], words: str) -> None:
    for name, text in files.items():
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError, match=words):
        Settings.load(environ=environ)


def test_unknown_setting() -> None:
    with pytest.raises(TypeError, match="uri is not a setting; the settings are url, "):
        Settings.load(environ={}, uri="http://h")


def test_missing_certificates() -> None:
    with pytest.raises(SettingsError, match="ca_file is absent.pem: cannot read it as PEM certificates"):
        Client(Settings(ca_file="absent.pem"))
    with pytest.raises(SettingsError, match="certificate_file is absent.pem: cannot read it as a PEM certificate"):
        Client(Settings(certificate_file="absent.pem"))
