"""What a fresh card is told at its first start: reachable by key alone, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from doorward_controller.__main__ import app
from doorward_controller.domain.first_boot import EnrolMode, Seed, files, public_keys
from doorward_controller.errors import InvalidError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZ1bm55IGtleSBmb3IgdGVzdHMgb25seSEhISEh somebody"


def _seed(**more: Any) -> Seed:
    return Seed(**{"hostname": "gate-north", "account": "installer", "ssh_keys": (KEY,)} | more)


def _told(seed: Seed) -> dict[str, Any]:
    text = files(seed, "first")["user-data"]
    head, _, rest = text.partition("\n")
    assert head == "#cloud-config"
    return dict(json.loads(rest))


def test_nobody_signs_in_by_a_password() -> None:
    told = _told(_seed())
    assert told["ssh_pwauth"] is False
    assert told["disable_root"] is True
    (account,) = told["users"]
    assert account["lock_passwd"] is True
    assert account["ssh_authorized_keys"] == [KEY]
    assert "passw" not in json.dumps(told).replace("lock_passwd", "").replace("NOPASSWD", "")


def test_a_card_waits_for_a_claim_only_where_that_was_asked() -> None:
    waits = ["systemctl", "enable", "--now", "doorward-edge-enrol.service"]
    assert waits not in _told(_seed())["runcmd"]
    assert waits in _told(_seed(enrol=EnrolMode.CAMERA))["runcmd"]


def test_an_address_is_set_with_its_router_and_name_servers() -> None:
    seed = _seed(address="10.0.4.21/24", gateway="10.0.4.1", name_servers=("10.0.4.2",))
    card = json.loads(files(seed, "first")["network-config"])["ethernets"]["wired"]
    assert card["addresses"] == ["10.0.4.21/24"]
    assert card["routes"] == [{"to": "default", "via": "10.0.4.1"}]
    assert card["nameservers"] == {"addresses": ["10.0.4.2"]}
    assert json.loads(files(_seed(), "x")["network-config"])["ethernets"]["wired"]["dhcp4"] is True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hostname": "Gate North"}, "hostname is 'Gate North'"),
        ({"account": "root"}, "account is 'root'"),
        ({"ssh_keys": ()}, "nobody could sign in"),
        ({"ssh_keys": ("-----BEGIN OPENSSH PRIVATE KEY-----",)}, "the line of a public key"),
        ({"address": "10.0.4.21"}, "network is '10.0.4.21'"),
        ({"address": "10.0.4.999/24"}, "10.0.4.999"),
        ({"gateway": "10.0.4.1"}, "given together with an address"),
    ],
)
def test_what_would_leave_a_card_unreachable_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        _seed(**wrong)


def test_notes_and_blank_lines_in_a_file_of_keys_are_no_keys() -> None:
    assert public_keys([f"# mine\n\n{KEY}\n", KEY]) == (KEY, KEY)


def test_the_command_writes_the_three_files(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(KEY)
    argv = ["image", "seed", "gate-north", "--into", str(tmp_path), "--ssh-key"]
    done = CliRunner().invoke(app, [*argv, str(tmp_path / "key.pub")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    names = {path.name for path in tmp_path.iterdir()} - {"key.pub"}
    assert names == {"user-data", "meta-data", "network-config"}
