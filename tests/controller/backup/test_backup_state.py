"""How a place of backups stands, and what a site's backups lack."""

from dataclasses import replace

import pytest

from doorward_controller.domain.backup_state import (
    DAY_S,
    HOUR_S,
    Lack,
    Limits,
    PlaceState,
    Standing,
    lacks,
    standing,
)

LIMITS = Limits(late_after_s=26 * HOUR_S, rehearse_every_s=31 * DAY_S)
NOW = 1_800_000_000
DISK = PlaceState(
    name="disk",
    is_elsewhere=False,
    good_at_utc_s=NOW - HOUR_S,
    rehearsed_at_utc_s=NOW - DAY_S,
    rehearsal_held=True,
)
FAR = replace(DISK, name="far", is_elsewhere=True, rehearsed_at_utc_s=None, rehearsal_held=None)


@pytest.mark.parametrize(
    ("good_at", "expected"),
    [
        (None, Standing.NEVER),
        (NOW, Standing.GOOD),
        (NOW - 26 * HOUR_S, Standing.GOOD),
        (NOW - 26 * HOUR_S - 1, Standing.LATE),
        (NOW + DAY_S, Standing.GOOD),  # the clock was set back
    ],
)
def test_a_place_is_as_good_as_its_last_good_copy_is_young(
    good_at: int | None, expected: Standing
) -> None:
    assert standing(replace(DISK, good_at_utc_s=good_at), LIMITS, NOW) is expected


@pytest.mark.parametrize(
    ("places", "is_key_shared", "expected"),
    [
        ((), True, (Lack.NOT_SET_UP,)),
        ((DISK, FAR), True, ()),
        ((DISK, FAR), False, (Lack.UNSHARED_KEY,)),
        ((DISK,), True, (Lack.ONE_PLACE, Lack.NONE_ELSEWHERE)),
        ((DISK, replace(DISK, name="other")), True, (Lack.NONE_ELSEWHERE,)),
        ((replace(DISK, good_at_utc_s=None), FAR), True, (Lack.NEVER,)),
        ((replace(DISK, good_at_utc_s=NOW - 2 * DAY_S), FAR), True, (Lack.LATE,)),
        ((replace(DISK, rehearsal_held=False), FAR), True, (Lack.FAILED_REHEARSAL,)),
        ((replace(DISK, rehearsed_at_utc_s=NOW - 32 * DAY_S), FAR), True, (Lack.UNREHEARSED,)),
        (
            (
                replace(DISK, rehearsal_held=False),
                replace(FAR, rehearsed_at_utc_s=NOW, rehearsal_held=True),
            ),
            True,
            (),
        ),
    ],
)
def test_what_is_lacking_is_said(
    places: tuple[PlaceState, ...], is_key_shared: bool, expected: tuple[Lack, ...]
) -> None:
    assert lacks(places, LIMITS, NOW, is_key_shared=is_key_shared) == expected
