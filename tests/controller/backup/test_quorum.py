"""The key on paper: enough sheets make it, too few say nothing, and a wrong one is named."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward_controller.backup import quorum
from doorward_controller.errors import BackupError
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE, KeyVault

KEY = bytes(range(32))
SHEETS = quorum.split(KEY, threshold=3, shares=5)


@given(
    key=st.binary(min_size=32, max_size=32),
    numbers=st.tuples(st.integers(2, 5), st.integers(0, 3)),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=25)
def test_any_so_many_sheets_make_the_key_and_one_less_does_not(
    key: bytes, numbers: tuple[int, int], chance: object
) -> None:
    needed, spare = numbers
    words = [sheet.words for sheet in quorum.split(key, threshold=needed, shares=needed + spare)]
    chosen = chance.sample(words, needed)  # type: ignore[attr-defined]
    assert quorum.join(chosen) == key
    with pytest.raises(BackupError, match=rf"{needed - 1} sheets are here, {needed} are needed"):
        quorum.join(chosen[:-1])


def test_every_three_of_five_make_the_same_key() -> None:
    for some in itertools.combinations(SHEETS, 3):
        assert quorum.join([sheet.words for sheet in some]) == KEY


def test_words_may_be_typed_in_any_case_and_with_any_blanks() -> None:
    typed = ["  ".join(sheet.words.upper().split()) + "\n" for sheet in SHEETS[:3]]
    assert quorum.join(typed) == KEY


def test_a_wrong_word_is_found_and_its_sheet_named() -> None:
    words = SHEETS[1].words.split()
    words[7] = "academic" if words[7] != "academic" else "acid"
    with pytest.raises(BackupError, match=r"sheet 2: .*look at its words again"):
        quorum.join([SHEETS[0].words, " ".join(words), SHEETS[2].words])


def test_sheets_of_two_sets_do_not_belong_together() -> None:
    other = quorum.split(KEY, threshold=3, shares=5)
    with pytest.raises(BackupError, match="sheet 3 is of set"):
        quorum.join([SHEETS[0].words, SHEETS[1].words, other[2].words])


def test_one_sheet_is_not_two() -> None:
    with pytest.raises(BackupError, match="sheet 2 was given twice"):
        quorum.join([SHEETS[0].words, SHEETS[0].words])


@pytest.mark.parametrize(("needed", "sheets"), [(1, 5), (6, 5), (3, 17), (0, 0)])
def test_numbers_that_guard_nothing_are_refused(needed: int, sheets: int) -> None:
    with pytest.raises(BackupError, match="at least 2 must be needed"):
        quorum.split(KEY, threshold=needed, shares=sheets)


def test_the_key_goes_back_only_where_it_opens_the_others(tmp_path: Path) -> None:
    KeyVault.create(tmp_path / "keys")
    path = tmp_path / "keys" / WRAPPING_KEY_FILE
    key = path.read_bytes()
    path.unlink()
    with pytest.raises(BackupError, match="another key than that"):
        quorum.put_back(KEY, tmp_path / "keys")
    assert not path.exists(), "what does not open the others is not left behind"
    assert quorum.put_back(key, tmp_path / "keys")
    assert path.stat().st_mode & 0o777 == 0o600
    assert quorum.put_back(key, tmp_path / "keys"), "it may be there already"
    with pytest.raises(BackupError, match="another key is there"):
        quorum.put_back(KEY, tmp_path / "keys")
    assert path.read_bytes() == key


def test_on_a_new_machine_the_key_comes_first(tmp_path: Path) -> None:
    assert not quorum.put_back(KEY, tmp_path / "new" / "keys")
    assert (tmp_path / "new" / "keys" / WRAPPING_KEY_FILE).read_bytes() == KEY
