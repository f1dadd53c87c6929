"""The JSON bodies that a gateway publishes about itself."""

from doorward.ids import Epoch, PortalId
from doorward.messages import Applied, Birth, Health, JournalSpan, Rejection, Reported, State
from doorward.times import UtcSeconds

BOOT = "b007b007b007b007"
AT = UtcSeconds(1_760_000_000)
APPLIED = Applied(bundle=42, status=7, keyring=2, config=3)


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/messages.json holds: by kind, the JSON text."""
    birth = Birth(
        boot_id=BOOT,
        session=3,
        software="0.1.0",
        hardware={"board": "Raspberry Pi 5", "camera": "imx708"},
        capabilities=("dw0", "dw1", "dw2"),
        applied=APPLIED,
        journal=JournalSpan(epoch=Epoch(0x0123456789AB), head=1203, tail=981),
        record_key="ab" * 32,
        portals=(PortalId("gate-north"),),
        at=AT,
    )
    rejection = Rejection(what="bundle", version=43, error="not signed with a policy key")
    health = Health(
        at=AT,
        boot_id=BOOT,
        journal={"pending": 12, "kept": 210, "free_bytes": 120_000_000},
        counters={"scans": 1203, "granted": 1100, "denied": 103},
        decoder={"restarts": 1},
        camera="ok",
        clock="synchronised",
        uplink={"reconnects": 2},
        vitals={"temperature_mc": 48_312, "frame_rate_mhz@front": 9_998},
    )
    messages: dict[str, State | Birth | Reported | Health] = {
        "state": State(online=True, boot_id=BOOT, session=3, at=AT),
        "birth": birth,
        "reported": Reported(
            applied=APPLIED, rejected=(rejection,), at=AT, on_trial=True, staff=12
        ),
        "health": health,
    }
    return {kind: message.to_wire().decode() for kind, message in messages.items()}
