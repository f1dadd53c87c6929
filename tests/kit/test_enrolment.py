"""Claims: what they say, what damage does to them, and the code that people compare."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import enrolment
from doorward.base45 import ALPHABET
from doorward.enrolment import Claim
from doorward.errors import MalformedError
from doorward.ids import GatewayId, SiteId

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}[a-z0-9]", fullmatch=True).filter(
    lambda name: name not in {"policy", "presence", "host"}
)
CLAIMS = st.builds(
    Claim,
    url=st.just("https://doorward.plant.example:8843"),
    pin=st.binary(min_size=16, max_size=16),
    site=NAMES,
    gateway=NAMES,
    secret=st.binary(min_size=16, max_size=16),
)
CLAIM = Claim(
    url="https://10.0.4.2:8843",
    pin=bytes(range(16)),
    site=SiteId("plant"),
    gateway=GatewayId("gate-9"),
    secret=bytes(range(100, 116)),
)

VECTORS = {
    "key": "1a6bd3c2145fd8180e56a32f63a462724256e9a1a38e8d769bff6d00075145f1",
    "code": "QS8A-0744",
    "text": (
        "DWE1:QYAXK2DUORYHGORPF4YTALRQFY2C4MR2HA4DIM2QAAAQEAYEAUDAOCAJBIFQYDIOB5SXA3DBNZ2"
        "GMZ3BORSS2OKQMRSWMZ3INFVGW3DNNZXXA4LSOON4M"
    ),
    "typed": "MRSW-MZ3I-NFVG-W3DN-NZXX-A4LS-OMAA-CAQD-AQCQ-MBYI-BEFA-WDAN-BYHZ-JPA",
}


@given(CLAIMS)
def test_a_claim_is_read_back_as_it_was_written(claim: Claim) -> None:
    assert enrolment.parse_claim(claim.to_text()) == claim


@given(CLAIMS)
def test_a_typed_claim_is_read_back_however_it_is_typed(claim: Claim) -> None:
    typed = claim.to_typed().replace("-", " ").lower().replace("o", "0")
    again = enrolment.parse_typed(typed, url=claim.url, site=claim.site, gateway=claim.gateway)

    assert again == claim


@given(CLAIMS)
def test_a_claim_is_written_in_the_alphanumeric_mode(claim: Claim) -> None:
    assert set(claim.to_text().encode()) <= set(ALPHABET)


@given(CLAIMS, st.data())
def test_one_wrong_character_is_noticed(claim: Claim, data: st.DataObject) -> None:
    text = claim.to_text()
    at = data.draw(st.integers(len(enrolment.CLAIM_PREFIX), len(text) - 2))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").filter(text[at].__ne__))

    try:
        again = enrolment.parse_claim(text[:at] + other + text[at + 1 :])
    except MalformedError:
        return
    # One in 65,536 slips past the check symbol; what it says is then another claim.
    assert again != claim


@given(st.text(max_size=600))
def test_any_text_is_a_claim_or_an_error(text: str) -> None:
    for each in (text, enrolment.CLAIM_PREFIX + text):
        with contextlib.suppress(MalformedError):
            enrolment.parse_claim(each)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DW1:ABC", "must begin with DWE1:"),
        ("DWE1:", "some are missing"),
        (CLAIM.to_text()[:-4], "some are missing"),
        ("DWE1:" + "A" * 600, "must begin with"),
    ],
)
def test_what_is_no_claim_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        enrolment.parse_claim(text)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "http://10.0.4.2"},
        {"url": "https://" + "a" * 200},
        {"pin": b"short"},
        {"secret": bytes(15)},
    ],
)
def test_a_claim_without_tls_or_with_a_short_secret_cannot_be_made(
    changed: dict[str, object],
) -> None:
    parts = {name: getattr(CLAIM, name) for name in Claim.__dataclass_fields__} | changed
    with pytest.raises(MalformedError):
        Claim(**parts)


def test_the_code_depends_on_the_claim_and_on_both_keys() -> None:
    key = enrolment.claim_key(CLAIM.secret)
    codes = {
        enrolment.confirmation_code(key, b"csr", b"record"),
        enrolment.confirmation_code(key, b"csr2", b"record"),
        enrolment.confirmation_code(key, b"csr", b"record2"),
        enrolment.confirmation_code(key, b"csrr", b"ecord"),
        enrolment.confirmation_code(enrolment.claim_key(bytes(16)), b"csr", b"record"),
    }

    assert len(codes) == 5


def test_a_code_is_the_same_however_a_person_types_it() -> None:
    assert enrolment.same_code("7K2F-9QM0", "7k2f 9qmo")
    assert not enrolment.same_code("7K2F-9QM0", "7K2F-9QM1")


def test_what_is_signed_has_these_bytes() -> None:
    key = enrolment.claim_key(CLAIM.secret)

    assert key.hex() == VECTORS["key"]
    assert enrolment.confirmation_code(key, b"csr", b"record") == VECTORS["code"]
    assert CLAIM.to_text() == VECTORS["text"]
    assert CLAIM.to_typed() == VECTORS["typed"]


def test_a_certificate_is_renewed_at_two_thirds_of_its_life() -> None:
    assert enrolment.renewal_due_s(1_000, 1_000 + 90 * 86_400) == 1_000 + 60 * 86_400
