"""How far a write-ahead log goes on without a break, by its files' names and sizes."""

import pytest

from doorward_controller.backup.segments import Chain, chain_from, older_than, parse_segment

MB16 = 16 * 2**20


def name(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{number // 256:08X}{number % 256:08X}"


def whole(*numbers: int) -> dict[str, int]:
    return {name(number): MB16 for number in numbers}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (whole(5, 6, 7), Chain(name(7), "")),
        (whole(3, 5, 6), Chain(name(6), "")),
        (whole(254, 255, 256), Chain("", f"{name(5)} is missing")),
        ({}, Chain("", f"{name(5)} is missing")),
        (whole(5, 7), Chain(name(5), f"{name(6)} is missing")),
        (
            whole(5, 7) | {name(6): 999},
            Chain(name(5), f"{name(6)} is cut short: 999 of {MB16} bytes"),
        ),
        (whole(5) | {f"{name(6)}.partial": 999}, Chain(f"{name(6)}.partial", "")),
        (whole(5, 6) | {f"{name(6)}.partial": 999}, Chain(name(6), "")),
        (
            whole(5, 7) | {f"{name(6)}.partial": MB16},
            Chain(
                f"{name(6)}.partial", f"{name(6)}.partial has no end, and {name(7)} comes after it"
            ),
        ),
        (whole(5, 6) | {name(6, 2): MB16, name(7, 2): MB16}, Chain(name(7, 2), "")),
        (whole(5) | {"00000002.history": 40}, Chain(name(5), "")),
    ],
)  # fmt: skip
def test_a_log_goes_on_up_to_its_first_break(sizes: dict[str, int], expected: Chain) -> None:
    assert chain_from(name(5), sizes, MB16) == expected


def test_numbers_go_on_from_one_log_file_to_the_next() -> None:
    assert chain_from(name(254), whole(254, 255, 256, 257), MB16) == Chain(name(257), "")


def test_only_names_of_segments_are_segments() -> None:
    assert parse_segment("backup_label", MB16) is None
    assert parse_segment(name(5) + "0", MB16) is None
    assert chain_from("nonsense", whole(5), MB16).trouble == "nonsense is no segment of a log"


def test_what_lies_before_a_base_copy_can_go() -> None:
    assert older_than(name(6), [*whole(4, 5, 6, 7), "x"], MB16) == [name(4), name(5)]
