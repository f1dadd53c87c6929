"""Settings: what is wrong is named with file, line and key."""

from pathlib import Path

import pytest

from doorward_controller.config import load_config
from doorward_controller.errors import ConfigError

GOOD = """\
site = "main"
data_dir = "data"

[mqtt]
host = "broker.example"
ca_file = "ca.pem"
cert_file = "controller.pem"
key_file = "/etc/doorward/controller.key"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text(GOOD)
    return path


def problem(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return caught.value.message.replace(str(file), "FILE")


def test_paths_are_meant_relative_to_the_file(file: Path) -> None:
    config = load_config(file)
    assert config.data_dir == file.parent / "data"
    assert config.mqtt.ca_file == file.parent / "ca.pem"
    assert config.mqtt.key_file == Path("/etc/doorward/controller.key")


def test_database_is_sqlite_in_the_data_folder_by_default(file: Path) -> None:
    assert load_config(file).database_url == f"sqlite:///{file.parent}/data/controller.sqlite3"


def test_unknown_key_is_named_with_its_line_and_what_is_allowed(file: Path) -> None:
    assert problem(file, GOOD + "prot = 8883\n") == (
        "FILE, line 9: mqtt.prot is not a setting; allowed here:"
        " host, port, ca_file, cert_file, key_file, client_id"
    )


def test_a_fault_in_the_second_of_two_places_is_named_with_its_line(file: Path) -> None:
    places = """
[[backup.target]]
name = "near"
repository = "/near"
[[backup.target]]
name = "far"
repo = "/far"
"""
    lines = (GOOD + places).splitlines()
    told = problem(file, GOOD + places)
    wrong = lines.index('repo = "/far"') + 1
    assert f"line {wrong}: backup.target.1.repo is not a setting" in told
    assert "allowed here: name, repository, is_elsewhere, environment_file" in told
    second = len(lines) - lines[::-1].index("[[backup.target]]")
    assert f"line {second}: backup.target.1.repository is missing" in told


def test_a_password_has_no_place_in_an_address(file: Path) -> None:
    places = '[[backup.target]]\nname = "x"\nrepository = "rest:https://me:secret@host/x"\n'
    assert "has a password in it" in problem(file, GOOD + places)


def test_unknown_key_on_top_is_named_with_its_line(file: Path) -> None:
    assert problem(file, 'siet = "x"\n' + GOOD).startswith("FILE, line 1: siet is not a setting")


def test_value_out_of_bounds_is_named_with_the_bounds(file: Path) -> None:
    assert problem(file, GOOD + "[http]\nport = 70000\n") == (
        "FILE, line 10: http.port is 70000: Input should be less than or equal to 65535"
    )


def test_missing_section_is_named(file: Path) -> None:
    assert problem(file, 'site = "main"\ndata_dir = "d"\n') == "FILE: mqtt is missing"


def test_every_problem_is_told_at_once(file: Path) -> None:
    told = problem(file, GOOD.replace('"main"', '"Main Site"') + "port = 0\n")
    assert "line 1: site is 'Main Site'" in told
    assert "line 9: mqtt.port is 0" in told


def test_reserved_word_is_no_site(file: Path) -> None:
    assert "a word of the topics" in problem(file, GOOD.replace('"main"', '"policy"'))


def test_what_is_not_toml_is_told_with_its_line(file: Path) -> None:
    assert "is not TOML" in problem(file, "site = \n")


def test_missing_file_is_told_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("password", ["postgres", "changeme", "PASSWORD"])
def test_default_password_of_the_database_is_refused(file: Path, password: str) -> None:
    url = f"postgresql://door:{password}@db/door"
    assert "stands in examples" in problem(file, GOOD + f'[database]\nurl = "{url}"\n')


def test_other_databases_are_refused(file: Path) -> None:
    told = problem(file, GOOD + '[database]\nurl = "mysql://door@db/door"\n')
    assert "must be sqlite or postgresql" in told


def test_postgresql_url_gets_its_driver(file: Path) -> None:
    file.write_text(GOOD + '[database]\nurl = "postgresql://door:s3cr7t@db/door"\n')
    assert load_config(file).database_url == "postgresql+psycopg://door:s3cr7t@db/door"


def test_settings_cannot_be_changed(file: Path) -> None:
    config = load_config(file)
    with pytest.raises(ValueError, match="frozen"):
        config.http.port = 1
