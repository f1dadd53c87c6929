"""The project's source is parsed once, and let go of when the last of these tests is done."""

from collections.abc import Iterator

import pytest

from tests.architecture.source import forget


@pytest.fixture(scope="package", autouse=True)
def parsed_source() -> Iterator[None]:
    """Millions of nodes would slow down each search for garbage of the tests that follow."""
    yield
    forget()
