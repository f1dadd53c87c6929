"""When the watchdog is fed: each standstill alone, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.ports import CameraHealth
from doorward_edge.vitals.liveness import (
    CAMERA_STANDS_MS,
    COURIER_STANDS_MS,
    JOURNAL_FAILS_MS,
    JOURNAL_HANGS_MS,
    LOOP_STANDS_MS,
    CameraFacts,
    Facts,
    JournalFacts,
    Standstill,
    standstills,
)

NOW = 10_000_000


def facts(
    main: int = 0,
    courier: int = 0,
    journal: JournalFacts | None = None,
    **cameras: CameraFacts,
) -> Facts:
    return Facts(
        main_ms=NOW - main,
        courier_ms=NOW - courier,
        journal=journal or JournalFacts(wrote_ms=NOW),
        cameras=cameras,
    )


def wrote(**more: int | bool) -> JournalFacts:
    return JournalFacts(wrote_ms=0, **more)  # type: ignore[arg-type]  # each case names its own


SEES = CameraFacts(frame_ms=NOW - 90)
BLIND = CameraFacts(frame_ms=NOW - CAMERA_STANDS_MS, health=CameraHealth.GONE)
TENDED = CameraFacts(
    frame_ms=NOW - 10 * CAMERA_STANDS_MS, health=CameraHealth.GONE, is_ladder_at_work=True
)
DARK = CameraFacts(frame_ms=NOW - 90, health=CameraHealth.DARK)


@pytest.mark.parametrize(
    ("given_facts", "why"),
    [
        (facts(), ()),
        (facts(front=SEES), ()),
        (facts(main=LOOP_STANDS_MS - 1, courier=COURIER_STANDS_MS - 1), ()),
        (facts(main=LOOP_STANDS_MS), (Standstill.MAIN_LOOP,)),
        (facts(courier=COURIER_STANDS_MS), (Standstill.COURIER,)),
        (facts(journal=wrote(asked_ms=NOW - JOURNAL_HANGS_MS)), (Standstill.JOURNAL_HANGS,)),
        (facts(journal=wrote(asked_ms=NOW - JOURNAL_HANGS_MS + 1)), ()),
        (facts(journal=wrote(failing_ms=NOW - JOURNAL_FAILS_MS)), (Standstill.JOURNAL_FAILS,)),
        (facts(journal=wrote(failing_ms=NOW - JOURNAL_FAILS_MS + 1)), ()),
        (facts(journal=wrote(failing_ms=0, is_full=True)), ()),
        (facts(journal=wrote()), ()),
        (facts(front=BLIND), (Standstill.CAMERA,)),
        (facts(front=SEES, back=BLIND), (Standstill.CAMERA,)),
        (facts(front=TENDED), ()),
        (facts(front=DARK), ()),
        (
            facts(main=10**6, courier=10**6, front=BLIND),
            (Standstill.MAIN_LOOP, Standstill.COURIER, Standstill.CAMERA),
        ),
    ],
)
def test_the_watchdog_is_fed_unless_something_stands_still(
    given_facts: Facts, why: tuple[Standstill, ...]
) -> None:
    assert standstills(given_facts, NOW) == why


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_stands_still_goes_on_standing_still(early: int, later: int) -> None:
    early, later = sorted((early, later))
    still = facts(main=0, courier=0, journal=wrote(asked_ms=NOW, failing_ms=NOW), front=SEES)
    assert set(standstills(still, NOW + early)) <= set(standstills(still, NOW + later))
