"""What a mapped bundle costs a process: `python -m bench.policy_memory FILE SEED`, in KiB."""

import gc
import json
import mmap
import random
import sys
from pathlib import Path

from doorward.envelope import parse_envelope
from doorward.ids import CredentialId
from doorward.policy import Policy

LOOKUPS = 20_000


def main() -> None:
    """Print resident memory before, after the load, and after lookups all over the table.

    SEED draws the same ids as the bench that made the bundle.
    """
    steps = {"before": _resident()}
    with Path(sys.argv[1]).open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    policy = Policy.from_body(parse_envelope(memoryview(memory)).body)
    gc.collect()
    steps["loaded"] = _resident()
    # Profiles lie in the order in which people came, so people from everywhere are looked up.
    chance, people = random.Random(int(sys.argv[2])), len(policy.roster)
    for n in range(people):
        credential_id = CredentialId(chance.randbytes(8))
        if n % (people // LOOKUPS or 1) == 0 and policy.roster.find(credential_id) is None:
            raise LookupError("a listed credential was not found")
    steps["used"] = _resident()
    print(json.dumps(steps))


def _resident() -> dict[str, int]:
    """Memory of this process alone, and pages of files, which the kernel can drop."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    table = dict(line.split(":", 1) for line in lines)
    return {name: int(table[f"Rss{name.title()}"].split()[0]) for name in ("anon", "file")}


if __name__ == "__main__":
    main()
