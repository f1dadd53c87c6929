"""`doorward-controller release`: from the keys to a release that gateways may fetch."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from securesystemslib.signer import CryptoSigner
from typer.testing import CliRunner, Result

from doorward_controller import wiring
from doorward_controller.__main__ import app
from doorward_controller.config import load_config
from doorward_controller.errors import ControllerError
from doorward_controller.releases import checking, publishing, staging
from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.signing_keys import load_signer, make_key
from tests.fakes.release_repository import Publisher, new_signer, small_release

CONFIG = """\
site = "main"
data_dir = "data"
[mqtt]
ca_file = "ca.pem"
cert_file = "cert.pem"
key_file = "key.pem"
"""
PHRASE = "three blue keys on a hook"
NAMES = ("root-a", "root-b", "root-c", "targets-a", "targets-b", "targets-c")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOORWARD_RELEASE_PASS_PHRASE", PHRASE)
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    assert run(path, "init").exit_code == 0
    keys = [str(tmp_path / name) for name in NAMES]
    assert run(path, "release", "init-keys", *keys).exit_code == 0
    return path


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(root=tmp_path / "repository").begin()


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(config), *words])


def begin(config: Path) -> Result:
    keys = config.parent
    root = [part for x in "abc" for part in ("--root", str(keys / f"root-{x}.pub"))]
    targets = [part for x in "abc" for part in ("--targets", str(keys / f"targets-{x}.pub"))]
    return run(config, "release", "init", *root, *targets)


def sign(config: Path, role: str, *names: str) -> None:
    staged = config.parent / "data" / "releases" / "staged" / f"{role}.json"
    for name in names:
        key = str(config.parent / name)
        assert run(config, "release", "sign", str(staged), "--key", key).exit_code == 0


def test_from_keys_to_a_release_that_gateways_may_fetch(config: Path) -> None:
    assert "root version 1: 0 of 2 signatures" in begin(config).output
    sign(config, "root", "root-a", "root-b")
    sign(config, "targets", "targets-a", "targets-c")
    assert run(config, "release", "publish").output == "everything is published\n"

    file = small_release(config.parent / "made", "0.2.0")
    added = run(config, "release", "add", str(file))
    assert "targets version 2: 0 of 2 signatures; sign " in added.output
    assert json.loads(run(config, "release", "list", "--json").output)["releases"] == []
    sign(config, "targets", "targets-b")
    assert "1 of 2 signatures" in run(config, "release", "publish").output
    sign(config, "targets", "targets-c")
    assert run(config, "release", "publish").output == "everything is published\n"

    (release,) = json.loads(run(config, "release", "list", "--json").output)["releases"]
    assert (release["version"], release["part"]) == ("0.2.0", "gateway")
    assert run(config, "release", "verify").exit_code == 0
    path = release["path"]
    assert run(config, "release", "withdraw", path).exit_code == 0
    sign(config, "targets", "targets-a", "targets-b")
    run(config, "release", "publish")
    assert "there is no release" in run(config, "release", "list").output


def test_keys_lie_encrypted_and_only_their_owner_reads_them(config: Path) -> None:
    path = config.parent / "root-a"
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert isinstance(load_signer(path, PHRASE), CryptoSigner)
    with pytest.raises(ReleaseError, match="does not open with this pass phrase"):
        load_signer(path, "another pass phrase")


def test_a_key_is_never_written_over_and_wants_a_pass_phrase(tmp_path: Path) -> None:
    make_key(tmp_path / "key", PHRASE)
    with pytest.raises(ReleaseError, match="exists"):
        make_key(tmp_path / "key", PHRASE)
    with pytest.raises(ReleaseError, match="at least 12"):
        make_key(tmp_path / "other", "short")


def test_acts_stand_in_the_audit_log(config: Path) -> None:
    begin(config)
    sign(config, "root", "root-a", "root-b")
    sign(config, "targets", "targets-a", "targets-b")
    run(config, "release", "publish")
    backend = wiring.open_backend(load_config(config))
    with backend.store.read() as connection:
        acts = [row.action for row in connection.execute(sa.text("select action from audit_log"))]
    assert "publish_releases" in acts


def test_one_key_for_root_or_targets_is_refused(config: Path) -> None:
    keys = config.parent
    pub = [str(keys / f"root-{x}.pub") for x in "ab"]
    done = run(config, "release", "init", "--root", pub[0], "--root", pub[0], "--targets", pub[1])
    assert isinstance(done.exception, ControllerError)
    assert "root: 2 of 1 different keys" in done.exception.message


def test_the_daily_word_is_renewed_in_time_and_not_always(publisher: Publisher) -> None:
    publisher.release("0.2.0")
    refresh = publishing.refresh
    assert not refresh(publisher.folder, publisher.online, publisher.now)
    publisher.later(hours=7)
    assert refresh(publisher.folder, publisher.online, publisher.now)
    assert not refresh(publisher.folder, publisher.online, publisher.now)
    publisher.later(days=8)
    before = publisher.folder.newest_version("snapshot")
    assert refresh(publisher.folder, publisher.online, publisher.now)
    assert publisher.folder.newest_version("snapshot") == before + 1
    assert list(checking.faults(publisher.folder, publisher.now)) == []


def test_a_controller_whose_key_the_root_does_not_name_publishes_nothing(
    publisher: Publisher,
) -> None:
    publisher.later(days=2)
    with pytest.raises(ReleaseError, match="does not name this controller's key"):
        publishing.refresh(publisher.folder, new_signer(), publisher.now)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p: next(p.root.rglob("targets/**/*.tar")).write_bytes(b"x"), "is not the file"),
        (lambda p: next(p.root.rglob("targets/**/*.tar")).unlink(), "cannot be read"),
        (lambda p: p.folder.timestamp().unlink(), "timestamp.json: cannot be read"),
        (lambda p: p.folder.published("root", 1).write_text("{}"), "is no metadata"),
        (lambda p: p.later(days=2), "timestamp version 2 expired"),
        (lambda p: p.later(days=100), "targets version 2 expired"),
        (lambda p: p.later(days=400), "root version 1 expired"),
    ],
)
def test_looking_over_names_what_a_gateway_would_refuse(
    publisher: Publisher, spoil: object, sentence: str
) -> None:
    publisher.release("0.2.0")
    assert list(checking.faults(publisher.folder, publisher.now)) == []
    assert callable(spoil)
    spoil(publisher)
    assert any(sentence in fault for fault in checking.faults(publisher.folder, publisher.now))


def test_a_version_is_never_another_file(publisher: Publisher, tmp_path: Path) -> None:
    publisher.release("0.2.0", content=b"one")
    other = small_release(tmp_path / "other", "0.2.0", content=b"two")
    with pytest.raises(ReleaseError, match="a version is never reused"):
        staging.stage_targets(publisher.folder, publisher.now, add=[other])


def test_what_is_no_release_is_refused_in_words(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "something.tar"
    path.write_bytes(b"no tar")
    with pytest.raises(ReleaseError, match="is no release"):
        staging.stage_targets(publisher.folder, publisher.now, add=[path])
    renamed = small_release(tmp_path, "0.2.0").rename(path)
    with pytest.raises(ReleaseError, match=r"says that it is doorward-gateway-0\.2\.0"):
        staging.stage_targets(publisher.folder, publisher.now, add=[renamed])


def test_a_staged_change_loses_its_signatures_when_it_changes(
    publisher: Publisher, tmp_path: Path
) -> None:
    staging.stage_targets(publisher.folder, publisher.now, add=[small_release(tmp_path, "0.2.0")])
    publisher.sign_targets()
    staging.stage_targets(publisher.folder, publisher.now, add=[small_release(tmp_path, "0.3.0")])
    (waits,) = publisher.publish()
    assert (waits.signed, waits.needed) == (0, 2)


def test_time_is_said_to_the_second_in_utc(publisher: Publisher) -> None:
    found = publishing.standing(publisher.folder)
    assert set(found.expires) == {"root", "targets", "timestamp"}
    day = timedelta(days=1)
    assert abs(found.expires["timestamp"] - datetime.now(UTC) - day) < timedelta(minutes=2)
