"""Bytes of a scan -> an authentic credential, a sticker's claim, or a reason."""

from doorward.credential import Refusal, read_payload, verify
from doorward.decision import Presentation
from doorward.keys import Keyring
from doorward.reasons import Reason
from doorward_edge.scan import Scan

_PROBLEMS = {
    "structured_append": Reason.STRUCTURED_APPEND,
    "non_utf8_eci": Reason.NOT_OURS,
    "too_long": Reason.TOO_LONG,
}
"""What a reader says of a symbol that does not count, as the reason of a refusal."""


def verify_scan(scan: Scan, keyring: Keyring) -> Presentation:
    """Returns what was presented; never raises, whatever the bytes are."""
    if scan.problem:
        return Refusal(_PROBLEMS.get(scan.problem, Reason.MALFORMED))
    return verify(read_payload(scan.payload), keyring)
