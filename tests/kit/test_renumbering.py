"""A bundle under another version is the same bundle otherwise."""

from dataclasses import fields

import pytest

from doorward.envelope import parse_envelope
from doorward.errors import MalformedError
from doorward.policy import Policy
from doorward.renumbering import renumbered
from tests.fakes.site_simulator import SiteSimulator


def test_only_the_version_changes() -> None:
    body = bytes(parse_envelope(SiteSimulator().bundle()).body)
    before, after = Policy.from_body(body), Policy.from_body(renumbered(body, 70_000))
    assert (before.version, after.version) == (1, 70_000)
    same = {each.name for each in fields(Policy)} - {"version", "roster"}
    assert all(getattr(before, name) == getattr(after, name) for name in same)
    assert renumbered(renumbered(body, 70_000), 1) == body


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x00", b"\x00\x00\x00\x09abc", b"\x00\x00\x00\x01\xa0"]
)
def test_what_is_no_bundle_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        renumbered(body, 2)
