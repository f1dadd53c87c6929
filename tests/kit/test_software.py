"""Versions, releases and what a gateway says of its software."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import MalformedError
from doorward.messages import Applied, Reported
from doorward.software import (
    Part,
    Release,
    SoftwareReport,
    UpdateOutcome,
    UpdateState,
    Version,
    parse_platform,
)
from doorward.times import UtcSeconds

NUMBERS = st.integers(0, 999_999)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)


@given(VERSIONS)
def test_a_version_reads_as_it_is_written(version: Version) -> None:
    assert Version.parse(str(version)) == version


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_by_number_not_by_letter(one: Version, other: Version) -> None:
    numbers = [(v.major, v.minor, v.patch) for v in (one, other)]
    assert (one < other) == (numbers[0] < numbers[1])


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "-1.2.3", " 1.2.3", 3]
)
def test_what_is_no_version_is_refused(text: object) -> None:
    with pytest.raises(MalformedError, match="must be three numbers"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "works"),
    [
        ("0.1.0", "0.1.9", True),
        ("0.1.9", "0.2.0", True),
        ("0.2.0", "0.1.0", True),
        ("0.1.0", "0.3.0", False),
        ("1.0.0", "2.0.0", False),
    ],
)
def test_older_and_newer_by_one_minor_version_work_together(
    one: str, other: str, *, works: bool
) -> None:
    assert Version.parse(one).works_with(Version.parse(other)) == works


@pytest.mark.parametrize("text", ["", "cp311", "cp311-", "pp311-x86_64", "cp311-../x", None])
def test_what_is_no_platform_is_refused(text: object) -> None:
    with pytest.raises(MalformedError, match="must look like"):
        parse_platform(text)


RELEASE = Release(
    part=Part.GATEWAY,
    version=Version(0, 2, 0),
    platform="cp311-aarch64",
    floor=Version(0, 1, 0),
    notes={"en": "New", "zh-Hans": "新"},
)


def test_a_release_reads_as_it_is_written() -> None:
    assert Release.from_plain(RELEASE.to_plain()) == RELEASE
    assert RELEASE.path == "gateway/0.2.0/doorward-gateway-0.2.0-cp311-aarch64.tar"


@pytest.mark.parametrize(
    "changed",
    [{"part": "door"}, {"version": "2"}, {"platform": ""}, {"floor": None}, {"notes": [1]}],
    ids=str,
)
def test_a_release_that_is_none_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        Release.from_plain(RELEASE.to_plain() | changed)


@pytest.mark.parametrize("name", ["part", "version", "platform", "floor"])
def test_a_release_that_leaves_something_out_is_refused(name: str) -> None:
    plain = RELEASE.to_plain()
    del plain[name]
    with pytest.raises(MalformedError, match=f"without {name}"):
        Release.from_plain(plain)


def test_a_release_without_notes_is_one() -> None:
    plain = RELEASE.to_plain()
    del plain["notes"]
    assert Release.from_plain(plain).notes == {}


REPORT = SoftwareReport(
    confirmed="0.1.0",
    state=UpdateState.ON_TRIAL,
    target="0.2.0",
    order="c1",
    outcome=UpdateOutcome.RETURNED,
    detail="well so far",
)


def test_a_report_travels_with_what_a_gateway_reports() -> None:
    reported = Reported(applied=Applied(), rejected=(), at=UtcSeconds(1), software=REPORT)
    assert Reported.from_wire(reported.to_wire()) == reported


def test_a_gateway_without_an_updater_says_nothing_of_it() -> None:
    reported = Reported(applied=Applied(), rejected=(), at=UtcSeconds(1))
    assert b"software" not in reported.to_wire()
    assert Reported.from_wire(reported.to_wire()).software is None


def test_words_of_newer_software_are_taken_as_the_nearest() -> None:
    plain = REPORT.to_plain() | {"state": "dreaming", "outcome": "splendid", "more": "x"}
    read = SoftwareReport.from_plain(plain)
    assert (read.state, read.outcome) == (UpdateState.IDLE, UpdateOutcome.NONE)


@pytest.mark.parametrize(
    "value", [None, [], {"confirmed": 3, "state": "idle"}, {"state": "x" * 99}]
)
def test_a_report_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        SoftwareReport.from_plain(value)
