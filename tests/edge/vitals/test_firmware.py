"""The firmware's mailbox: the message's bytes, and boards without one."""

import struct
from pathlib import Path

import pytest

from doorward_edge.vitals.firmware import answered, ask, question


def answer(*, status: int = 0x80000000, tag: int = 0x00030046, length: int = 0x80000004) -> bytes:
    return struct.pack("=8I", 32, status, tag, 4, length, 0x50005, 0, 0)


def test_the_question_is_one_tag_with_room_for_a_number() -> None:
    assert question() == struct.pack("=8I", 32, 0, 0x00030046, 4, 0, 0, 0, 0)
    assert len(question()) % 16 == 0


def test_the_answer_holds_the_bits() -> None:
    assert answered(answer()) == 0x50005


@pytest.mark.parametrize(
    "message",
    [answer(status=0x80000001), answer(status=0), answer(tag=1), answer(length=4), b"", b"x" * 31],
)
def test_an_answer_that_is_none_is_not_taken_for_zero(message: bytes) -> None:
    assert answered(message) is None


def test_a_machine_without_that_firmware_has_no_flags(tmp_path: Path) -> None:
    assert ask(tmp_path / "vcio") is None
    (tmp_path / "plain").write_bytes(b"")
    assert ask(tmp_path / "plain") is None
