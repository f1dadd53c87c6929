"""A hundred thousand changed codes: each is refused for a reason, and none opens."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from doorward import base45
from doorward.credential import CredentialClass, read_payload, verify
from doorward.decision import Deny, Grant, Rules, decide
from doorward.ids import CredentialId
from doorward.policy_draft import PersonDraft
from doorward.reasons import Reason
from doorward.roster import StickerRow
from doorward.sticker import make_sticker, sticker_digest
from tests.fakes.mutation import mutants
from tests.kit.plant import (
    BOB,
    BOB_INDEX,
    GATE,
    KEYRING,
    NOON,
    Used,
    at,
    badge,
    holder_pass,
    person,
    policy,
    status_list,
)

COUNT = 100_000
NUMBER = bytes(range(10))
PEOPLE = tuple(CredentialId(n.to_bytes(8)) for n in range(1, 5))
PREFIX_BYTES = 4


def rules() -> Rules:
    people: tuple[PersonDraft, ...] = tuple(person(who) for who in (*PEOPLE, BOB))
    stickers = ((sticker_digest(NUMBER), StickerRow(BOB, BOB_INDEX)),)
    return Rules(policy=policy(people=people, stickers=stickers), status=status_list())


def good_codes() -> list[bytes]:
    """Badges, passes and a sticker, each of which opens."""
    sticker = make_sticker(NUMBER)
    assert sticker is not None
    return [
        *(badge(credential_id=who) for who in PEOPLE),
        *(holder_pass(credential_id=who) for who in PEOPLE[:2]),
        badge(credential_id=BOB, credential_class=CredentialClass.VISITOR),
        sticker.encode(),
    ]


def outcome(payload: bytes, held: Rules) -> Grant | Deny:
    return decide(verify(read_payload(payload), KEYRING), GATE, held, Used(), at(NOON))


def misread(codes: list[bytes], seed: int) -> Iterator[bytes]:
    """Yields codes in which letters are others of the alphabet, as a reader's error would be."""
    chance = random.Random(seed)
    while True:
        code = bytearray(chance.choice(codes))
        for _ in range(chance.randint(1, 3)):
            code[chance.randrange(len(code))] = chance.choice(base45.ALPHABET)
        if bytes(code) not in codes:
            yield bytes(code)


def forged(codes: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yields codes whose letters are right and whose bytes beneath are changed."""
    long = [code for code in codes if code[3:4] == b":"]
    prefixes = {base45.decode(code[PREFIX_BYTES:]): code[:PREFIX_BYTES] for code in long}
    for number, body in enumerate(mutants(list(prefixes), count, seed)):
        prefix = (b"DW1:", b"DW2:")[number % 2]
        yield prefix + base45.encode(body).encode()


def test_the_unchanged_codes_open() -> None:
    held = rules()
    assert all(isinstance(outcome(code, held), Grant) for code in good_codes())


def test_no_changed_code_opens() -> None:
    held, codes = rules(), good_codes()
    share = COUNT // 4
    changed = [
        *mutants(codes, share, seed=1),
        *islice(misread(codes, seed=2), share),
        *forged(codes, 2 * share, seed=3),
    ]
    reasons: Counter[Reason] = Counter()
    for payload in changed:
        decision = outcome(payload, held)
        assert isinstance(decision, Deny), payload
        reasons[decision.reason] += 1
    assert reasons.total() == COUNT
    # The changes reach every depth: bytes, alphabet, check symbol, keys, both signatures.
    assert reasons.keys() >= {
        Reason.NOT_OURS,
        Reason.MALFORMED,
        Reason.TOO_LONG,
        Reason.UNKNOWN_VERSION,
        Reason.KEY_UNKNOWN,
        Reason.SIGNATURE_WRONG,
        Reason.HOLDER_SIGNATURE_WRONG,
        Reason.STICKER_CHECK_WRONG,
    }, reasons
