"""An existing staff number at the gate: where it was linked, and where the rules say so."""

import pytest

from doorward.credential import Form, Refusal
from doorward.decision import Deny, Grant
from doorward.foreign import Family, ForeignClaim, foreign_digest
from doorward.keys import Keyring
from doorward.policy import Foreign
from doorward.policy_draft import PersonDraft
from doorward.reasons import Reason
from doorward.roster import StickerRow
from doorward.status import Status
from doorward_edge.scan import Scan, Symbology
from doorward_edge.stages.verify import verify_scan
from tests.edge.test_pipeline import Gate
from tests.fakes.site_simulator import START_S, SiteSimulator, credential_id

SALT = bytes(range(16))
NUMBER, WHO = b"00471108", 5
KEYRING: Keyring = SiteSimulator().keyring


def scan(
    payload: bytes = NUMBER, symbology: Symbology | None = Symbology.CODE_128, problem: str = ""
) -> Scan:
    return Scan(
        payload=payload,
        problem=problem,
        reader="zxing/fast",
        captured_mono_ms=1,
        symbology=symbology,
    )


def gate(foreign: Foreign = Foreign.ALLOW) -> Gate:
    made = Gate()
    digest = foreign_digest(NUMBER, Family.LINES, SALT)
    made.site.stickers.append((digest, StickerRow(credential_id(WHO), WHO)))
    made.site.people.append(
        PersonDraft(
            credential_id=credential_id(WHO),
            not_before=START_S - 10,
            not_after=START_S + 1000,
            groups=("staff",),
        )
    )
    made.site.foreign, made.site.foreign_salt = foreign, SALT
    for wire in (made.site.bundle(), made.site.status()):
        made.keeper.take(wire, made.clock.now())
    return made


@pytest.mark.parametrize("symbology", Symbology)
def test_bars_and_squares_are_told_apart(symbology: Symbology) -> None:
    claim = verify_scan(scan(symbology=symbology), KEYRING, SALT)
    in_bars = symbology.value in {"code_128", "code_39", "ean_13", "itf"}
    family = Family.LINES if in_bars else Family.SQUARES
    assert claim == ForeignClaim((foreign_digest(NUMBER, family, SALT),))


def test_a_scanner_that_does_not_tell_claims_either() -> None:
    claim = verify_scan(scan(symbology=None), KEYRING, SALT)
    assert claim == ForeignClaim(tuple(foreign_digest(NUMBER, f, SALT) for f in Family))


@pytest.mark.parametrize(
    ("shown", "salt", "reason"),
    [
        (scan(), b"", Reason.NOT_OURS),
        (scan(b"12"), SALT, Reason.NOT_OURS),
        (scan(b"DW1:00000"), SALT, Reason.MALFORMED),
        (scan(b"DW0XXXX"), SALT, Reason.STICKER_CHECK_WRONG),
        (scan(b"DW9:1234"), SALT, Reason.UNKNOWN_VERSION),
        (scan(b"1" * 600), SALT, Reason.TOO_LONG),
        (scan(problem="structured_append"), SALT, Reason.STRUCTURED_APPEND),
    ],
)
def test_what_is_no_foreign_code_keeps_its_own_reason(
    shown: Scan, salt: bytes, reason: Reason
) -> None:
    assert verify_scan(shown, KEYRING, salt) == Refusal(reason)


def test_a_linked_number_opens_and_the_record_says_in_which_form() -> None:
    made = gate()
    decision = made.pipeline.take(scan())
    assert isinstance(decision, Grant)
    record = made.journal.records[-1]
    assert (record.form, record.credential_id) == (Form.FOREIGN, credential_id(WHO))
    assert record.payload_digest is None


def test_a_linked_number_does_not_open_where_the_portal_does_not_take_such_codes() -> None:
    made = gate(Foreign.DENY)
    decision = made.pipeline.take(scan())
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.FOREIGN_REFUSED
    assert made.journal.records[-1].credential_id == credential_id(WHO)


def test_a_number_that_nobody_linked_is_not_let_in() -> None:
    decision = gate().pipeline.take(scan(b"00471109"))
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.FOREIGN_UNKNOWN


def test_a_linked_number_in_another_family_is_not_let_in() -> None:
    decision = gate().pipeline.take(scan(symbology=Symbology.QR))
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.FOREIGN_UNKNOWN


def test_a_revoked_number_is_not_let_in() -> None:
    made = gate()
    made.keeper.take(made.site.set_status(WHO, Status.REVOKED), made.clock.now())
    decision = made.pipeline.take(scan())
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.REVOKED
