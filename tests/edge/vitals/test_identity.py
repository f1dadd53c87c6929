"""What a machine says of itself, so that an exchange shows."""

import socket
from pathlib import Path

from doorward_edge.vitals.identity import identity


def test_board_and_card_are_told_by_their_own_numbers(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/serial-number").write_bytes(b"10000000abcdef01\0")
    card = tmp_path / "sys/block/mmcblk0/device"
    card.mkdir(parents=True)
    (card / "cid").write_text("035344534c333247\n")
    assert identity("127.0.0.1", 8883, tmp_path) == {
        "serial": "10000000abcdef01",
        "card": "035344534c333247",
        "host": socket.gethostname(),
        "address": "127.0.0.1",
    }


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    found = identity("broker.example.org", 8883, tmp_path)
    assert found.keys() - {"address"} == {"host"}
