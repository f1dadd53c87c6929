"""Bytes of a scan -> an authentic credential, a claim, or a reason."""

from doorward.credential import Refusal, read_payload, verify
from doorward.decision import Presentation
from doorward.foreign import Family, read_foreign
from doorward.keys import Keyring
from doorward.reasons import Reason
from doorward_edge.scan import Scan, Symbology

_NOT_OURS = Refusal(Reason.NOT_OURS)
_PROBLEMS = {
    "structured_append": Reason.STRUCTURED_APPEND,
    "non_utf8_eci": Reason.NOT_OURS,
    "too_long": Reason.TOO_LONG,
}
"""What a reader says of a symbol that does not count, as the reason of a refusal."""

_IN_BARS = {Symbology.CODE_128, Symbology.CODE_39, Symbology.EAN_13, Symbology.ITF}
_FAMILIES = {s: (Family.LINES if s in _IN_BARS else Family.SQUARES,) for s in Symbology}


def verify_scan(scan: Scan, keyring: Keyring, foreign_salt: bytes) -> Presentation:
    """Returns what was presented; never raises, whatever the bytes are.

    Args:
        scan: from a reader.
        keyring: the keys that count now.
        foreign_salt: of the policy in force; empty where no foreign code is linked.
    """
    if scan.problem:
        return Refusal(_PROBLEMS.get(scan.problem, Reason.MALFORMED))
    claim = read_payload(scan.payload)
    if foreign_salt and claim == _NOT_OURS:
        families = tuple(Family) if scan.symbology is None else _FAMILIES[scan.symbology]
        return read_foreign(scan.payload, families, foreign_salt) or _NOT_OURS
    return verify(claim, keyring)
