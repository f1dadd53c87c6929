"""Staff lists: what a gateway reads, and what it refuses."""

from doorward import canonical
from doorward.envelope import Ed25519Signer, Kind, seal_envelope
from doorward.ids import SiteId
from doorward.staff import Ability, StaffList, StaffMember

SITE = SiteId("plant-7")
AT = 1_760_000_000
POLICY = Ed25519Signer.from_seed(bytes([4] * 32))
SALT, SUM = "ZK83wYguEzRlYnmD79FKsQ", "WK3iR/zQ/4ZVojoG14bM1CvxQR9QFoRHM6UmcNib9Fw"


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/staff.json holds."""
    staff = StaffList(
        site=SITE,
        version=3,
        created_at=AT,
        members=(
            _member("g-07", Ability.REGISTER),
            _member("g-08", Ability.REGISTER | Ability.OVERRIDE),
            _member("t-1", Ability.SERVICE),
        ),
    )
    body = staff.to_body()
    return {
        "signer_public": POLICY.public.hex(),
        "body": body.hex(),
        "envelope": seal_envelope(Kind.STAFF, body, [POLICY]).hex(),
        "members": [[m.id, int(m.abilities), m.pin_hash, m.not_after] for m in staff.members],
        "malformed": [{"why": why, "body": canonical.encode(it).hex()} for why, it in _malformed()],
    }


def _hash(memory: int = 19_456, passes: int = 2, lanes: int = 1, salt: str = SALT) -> str:
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${SUM}"


def _member(member_id: str, abilities: Ability) -> StaffMember:
    return StaffMember(
        id=member_id, abilities=abilities, pin_hash=_hash(), not_after=AT + 31_536_000
    )


def _entry(
    member_id: object = "g-07", abilities: object = 1, pin_hash: object = "", not_after: object = AT
) -> list[object]:
    return [member_id, abilities, pin_hash or _hash(), not_after]


def _fields(*members: object, **changes: object) -> dict[str, object]:
    plain = {"site": SITE, "version": 1, "created_at": AT, "members": list(members)}
    return plain | changes


def _malformed() -> list[tuple[str, object]]:
    return [
        ("version 0", _fields(version=0)),
        ("a key too many", _fields(more=1)),
        ("members are no list", _fields(members={})),
        ("not ascending", _fields(_entry("g-08"), _entry("g-07"))),
        ("an id twice", _fields(_entry(), _entry())),
        ("an id that is no name", _fields(_entry("Grace Hopper"))),
        ("no ability", _fields(_entry(abilities=0))),
        ("an unknown ability", _fields(_entry(abilities=8))),
        ("an end before 1970", _fields(_entry(not_after=-1))),
        ("three values", _fields(_entry()[:3])),
        ("argon2i", _fields(_entry(pin_hash=_hash().replace("argon2id", "argon2i")))),
        ("a short salt", _fields(_entry(pin_hash=_hash(salt="c2hvcnQ")))),
        ("too little memory", _fields(_entry(pin_hash=_hash(memory=19_455)))),
        ("too much memory", _fields(_entry(pin_hash=_hash(memory=65_537)))),
        ("one pass", _fields(_entry(pin_hash=_hash(passes=1)))),
        ("too many passes", _fields(_entry(pin_hash=_hash(passes=17)))),
        ("five lanes", _fields(_entry(pin_hash=_hash(lanes=5)))),
        ("501 members", _fields(*(_entry(f"g{n:04}") for n in range(501)))),
    ]
