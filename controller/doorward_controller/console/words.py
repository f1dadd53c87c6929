"""What a state looks like: tone (colour), icon and word, in one table for each kind of state.

A template never writes a colour or a word for a state itself, so that the same state looks the
same on every page and never differs by colour alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from doorward_controller.console import act_words
from doorward_controller.console.i18n import mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one state is shown.

    Attributes:
        tone: "good", "bad", "warn", "info" or "quiet".
        word: English; translated where it is shown.
    """

    tone: str
    icon: str
    word: str


_Looks = Mapping[str | None, Look]


def _look(tone: str, *, icon: str, word: str) -> Look:
    return Look(tone=tone, icon=icon, word=word)


_UNKNOWN = _look("quiet", icon="help-circle", word=mark("Unknown"))

_OUTCOMES: _Looks = {
    "grant": _look("good", icon="circle-check", word=mark("Granted")),
    "deny": _look("bad", icon="ban", word=mark("Refused")),
    None: _look("quiet", icon="info-circle", word=mark("Event")),
}
_BADGES: _Looks = {
    "valid": _look("good", icon="circle-check", word=mark("Valid")),
    "suspended": _look("warn", icon="player-pause", word=mark("Suspended")),
    "revoked": _look("bad", icon="ban", word=mark("Revoked")),
    "expired": _look("quiet", icon="clock-exclamation", word=mark("Expired")),
    "upcoming": _look("info", icon="hourglass", word=mark("Not yet valid")),
    "foreign": _look("quiet", icon="help-circle", word=mark("Not ours")),
}
_APPLIED: _Looks = {
    "applied": _look("good", icon="circle-check", word=mark("Applied")),
    "pending": _look("info", icon="hourglass", word=mark("On its way")),
    "unreachable": _look("warn", icon="plug-connected-x", word=mark("Unreachable")),
    "refused": _look("bad", icon="ban", word=mark("Refused by the gateway")),
}
_ACCOUNTS: _Looks = {
    "open": _look("good", icon="circle-check", word=mark("In use")),
    "invited": _look("info", icon="hourglass", word=mark("Has a first password")),
    "locked": _look("warn", icon="lock", word=mark("Locked by wrong passwords")),
    "closed": _look("quiet", icon="ban", word=mark("Closed")),
}
_LOCKS: _Looks = {
    "locked": _look("quiet", icon="lock", word=mark("Locked")),
    "unlocked": _look("good", icon="lock-open", word=mark("Unlocked")),
    "unknown": _UNKNOWN,
}
_LAMPS: _Looks = {
    "off": _look("quiet", icon="circle-dashed", word=mark("Off")),
    "green": _look("good", icon="circle-check", word=mark("Green: granted")),
    "red": _look("bad", icon="ban", word=mark("Red: refused")),
    "yellow": _look("warn", icon="alert-triangle", word=mark("Yellow: unreadable")),
    "blue": _look("info", icon="info-circle", word=mark("Blue: attention")),
}
_AUDIT: _Looks = {
    "done": _look("good", icon="circle-check", word=mark("Done")),
    "forbidden": _look("bad", icon="ban", word=mark("Forbidden")),
    "wrong": _look("bad", icon="ban", word=mark("Wrong password")),
    "locked": _look("bad", icon="lock", word=mark("Account locked")),
    "disabled": _look("bad", icon="ban", word=mark("Account closed")),
    "address_locked": _look("bad", icon="lock", word=mark("Address locked")),
    "succeeded": _look("good", icon="circle-check", word=mark("Carried out")),
    "failed": _look("bad", icon="alert-triangle", word=mark("Failed")),
    "rejected": _look("warn", icon="ban", word=mark("Refused by the gateway")),
    "timed_out": _look("warn", icon="clock-exclamation", word=mark("Not in time")),
    "broken_off": _look("warn", icon="alert-triangle", word=mark("Broken off")),
}
"""What is not in here was refused for the reason that its code names."""

_QUARANTINE: _Looks = {
    "bad_topic": _look("warn", icon="alert-triangle", word=mark("Topic that nobody uses")),
    "wrong_site": _look("warn", icon="alert-triangle", word=mark("From another site")),
    "unknown_gateway": _look("warn", icon="alert-triangle", word=mark("Gateway not enrolled")),
    "gateway_revoked": _look("warn", icon="ban", word=mark("Gateway was revoked")),
    "too_large": _look("warn", icon="alert-triangle", word=mark("Too large")),
    "malformed": _look("warn", icon="alert-triangle", word=mark("Cannot be read")),
    "bad_signature": _look("bad", icon="alert-octagon", word=mark("Signature does not hold")),
    "wrong_sender": _look("bad", icon="alert-octagon", word=mark("Sent in another's name")),
    "key_not_ours": _look("warn", icon="key", word=mark("Sealed to another key")),
    "record_key_differs": _look("bad", icon="alert-octagon", word=mark("Another record key")),
    "record_unreadable": _look("warn", icon="alert-triangle", word=mark("One record unreadable")),
    "chain_broken": _look("bad", icon="alert-octagon", word=mark("Chain of hashes broken")),
    "number_reused": _look("bad", icon="alert-octagon", word=mark("Record number used twice")),
    "store_refused": _look("warn", icon="database", word=mark("Refused by the database")),
    "unknown_command": _look("warn", icon="help-circle", word=mark("Command that we did not give")),
}
"""Red is what does not happen by itself: somebody altered, imitated or copied something."""

_COMMANDS: _Looks = {
    "queued": _look("quiet", icon="hourglass", word=mark("Waits for the gateway")),
    "sent": _look("info", icon="send", word=mark("Sent")),
    "in_progress": _look("info", icon="hourglass", word=mark("Under way")),
    "succeeded": _look("good", icon="circle-check", word=mark("Carried out")),
    "failed": _look("bad", icon="alert-triangle", word=mark("Failed")),
    "rejected": _look("warn", icon="ban", word=mark("Refused by the gateway")),
    "timed_out": _look("warn", icon="clock-exclamation", word=mark("Not in time")),
    "canceled": _look("quiet", icon="ban", word=mark("Taken back")),
}

_ORDERS: _Looks = {
    "requested": _look("info", icon="send", word=mark("Work requested")),
    "approved": _look("info", icon="check", word=mark("Approved")),
    "scheduled": _look("info", icon="clock-exclamation", word=mark("Scheduled")),
    "in_progress": _look("warn", icon="activity", word=mark("Work under way")),
    "on_hold": _look("warn", icon="player-pause", word=mark("On hold")),
    "done": _look("good", icon="circle-check", word=mark("Done")),
    "verified": _look("good", icon="shield-check", word=mark("Verified")),
    "cancelled": _look("quiet", icon="ban", word=mark("Cancelled")),
}

_TWINS: _Looks = {
    "none": _look("quiet", icon="circle-dashed", word=mark("Nothing asked for")),
    "waiting": _look("info", icon="hourglass", word=mark("Waits for the gateway")),
    "pending": _look("warn", icon="hourglass", word=mark("Counts after a restart")),
    "on_trial": _look("info", icon="flask", word=mark("On trial")),
    "in_force": _look("good", icon="circle-check", word=mark("Counts")),
    "rejected": _look("bad", icon="ban", word=mark("Refused by the gateway")),
    "taken_back": _look("bad", icon="arrow-back-up", word=mark("Taken back by the gateway")),
}
_ROLL_OUTS: _Looks = {
    "running": _look("info", icon="player-play", word=mark("Under way")),
    "paused": _look("warn", icon="player-pause", word=mark("Paused")),
    "succeeded": _look("good", icon="circle-check", word=mark("Carried out")),
    "failed": _look("bad", icon="alert-triangle", word=mark("Failed")),
    "aborted": _look("quiet", icon="ban", word=mark("Aborted")),
}
_MEMBERS: _Looks = {
    "waiting": _look("quiet", icon="circle-dashed", word=mark("Not yet asked")),
    "asked": _look("info", icon="hourglass", word=mark("Under way")),
    "away": _look("warn", icon="plug-connected-x", word=mark("Unreachable, asked when it is back")),
    "succeeded": _look("good", icon="circle-check", word=mark("Done")),
    "failed": _look("bad", icon="alert-triangle", word=mark("Failed")),
    "missed": _look("bad", icon="clock-exclamation", word=mark("Not in time")),
    "left_out": _look("quiet", icon="ban", word=mark("Left out")),
}

_STAFF_LISTS: _Looks = {
    "newest": _look("good", icon="circle-check", word=mark("Has the newest")),
    "older": _look("warn", icon="hourglass", word=mark("Has an older one")),
    "newer": _look("warn", icon="alert-triangle", word=mark("Has one not known here")),
    "untold": _look("quiet", icon="circle-dashed", word=mark("Not known")),
}

_SOFTWARE: _Looks = {
    "untold": _look("quiet", icon="circle-dashed", word=mark("Not set up, or not heard")),
    "settled": _look("good", icon="circle-check", word=mark("Proved well")),
    "under_way": _look("info", icon="download", word=mark("Under way")),
    "waits": _look("info", icon="hourglass", word=mark("Ready, waits")),
    "on_trial": _look("info", icon="flask", word=mark("On trial")),
    "returned": _look("bad", icon="arrow-back-up", word=mark("Went back")),
    "not_done": _look("warn", icon="ban", word=mark("Not installed")),
}

_REFUSED = _look("warn", icon="alert-triangle", word=mark("Not done"))

LOOKS: Mapping[str, _Looks] = MappingProxyType(
    {
        "outcome": _OUTCOMES,
        "badge": _BADGES,
        "applied": _APPLIED,
        "account": _ACCOUNTS,
        "lock": _LOCKS,
        "lamp": _LAMPS,
        "audit": _AUDIT,
        "quarantine": _QUARANTINE,
        "command": _COMMANDS,
        "twin": _TWINS,
        "roll_out": _ROLL_OUTS,
        "member": _MEMBERS,
        "order": _ORDERS,
        "staff_list": _STAFF_LISTS,
        "software": _SOFTWARE,
    }
)


def look(kind: str, state: str | None) -> Look:
    """Returns how `state` is shown; a state that this version does not know is shown as unknown."""
    return LOOKS[kind].get(state, _REFUSED if kind == "audit" else _UNKNOWN)


CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "employee": mark("Employee"),
        "contractor": mark("Contractor"),
        "visitor": mark("Visitor"),
        "participant": mark("Participant"),
        "resident": mark("Resident"),
        "service": mark("Service"),
        "thing": mark("Thing"),
    }
)

FORMS: Mapping[str, str] = MappingProxyType(
    {
        "dw0": mark("Sticker (DW0)"),
        "dw1": mark("Signed badge (DW1)"),
        "dw2": mark("Phone pass (DW2)"),
        "foreign": mark("Existing card or number"),
        "other": mark("Not a Doorward code"),
    }
)

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "admin": mark("System administrator"),
        "facility": mark("Facility staff"),
        "reviewer": mark("Reviewer"),
        "host": mark("Host"),
        "guard": mark("Guard"),
        "issuer": mark("Issuer"),
        "security": mark("Security"),
        "auditor": mark("Auditor"),
    }
)

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "own_account": mark("Keep one's own account"),
        "read_fleet": mark("See gateways and policy"),
        "read_records": mark("See scans"),
        "read_credentials": mark("See badges"),
        "read_personal": mark("See names"),
        "read_quarantine": mark("See the quarantine"),
        "read_audit": mark("See the audit log"),
        "issue": mark("Issue badges"),
        "revoke": mark("Revoke, suspend and restore badges"),
        "edit_holders": mark("Edit holders' files"),
        "edit_rules": mark("Edit the rules"),
        "release_policy": mark("Release the policy"),
        "enrol_gateway": mark("Enrol gateways"),
        "revoke_gateway": mark("Revoke gateways"),
        "maintain_gateway": mark("Test, find and restart gateways"),
        "configure_gateway": mark("Configure gateways"),
        "open_doors": mark("Open, hold and lock doors from here"),
        "take_picture": mark("See what a camera sees"),
        "manage_staff": mark("Manage guards and technicians"),
        "manage_accounts": mark("Manage accounts"),
        "simulate": mark("Ask what would be decided"),
        "read_occupancy": mark("See who is inside"),
        "export_records": mark("Export records"),
        "edit_devices": mark("Keep the list of devices"),
        "handle_alerts": mark("Handle alerts"),
        "edit_alert_rules": mark("Set alert rules"),
        "read_maintenance": mark("See maintenance"),
        "do_maintenance": mark("Carry out maintenance"),
        "approve_maintenance": mark("Approve and verify maintenance"),
        "revoke_in_bulk": mark("Revoke many badges at once"),
        "set_posture": mark("Lock down or free portals"),
        "approve": mark("Approve what another asked for"),
        "roll_out": mark("Roll out commands and settings"),
        "manage_tokens": mark("Manage API tokens"),
        "manage_wall": mark("Manage wall screens"),
        "manage_webhooks": mark("Set which other systems are told"),
        "provision_people": mark("Keep people in step with a directory"),
        "read_metrics": mark("Read figures for monitoring"),
        "read_keeping": mark("See how long what is kept"),
        "manage_keeping": mark("Choose how long what is kept, and hold it"),
        "manage_keys": mark("Change and withdraw the keys of the site"),
    }
)

REACHES: Mapping[str, str] = MappingProxyType(
    {
        "own": mark("oneself"),
        "place": mark("a place"),
        "site": mark("site"),
    }
)

FACTORS: Mapping[str, str] = MappingProxyType(
    {
        "password": mark("Password"),
        "totp": mark("Password and authenticator"),
        "recovery": mark("Password and recovery code"),
        "passkey": mark("Passkey"),
        "outside": mark("Outside account"),
        "outside_strong": mark("Outside account with second factor"),
        "outside_code": mark("Outside account and authenticator"),
    }
)

ACTS = act_words.ACTS
"""They fill a module of their own."""

SIGNED_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "root": mark("The list of signers"),
        "targets": mark("The list of releases"),
        "timestamp": mark("The daily word"),
    }
)

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "open_once": mark("Open once"),
        "hold_open": mark("Hold open"),
        "secure": mark("Lock"),
        "posture": mark("Set the posture"),
        "identify": mark("Blink and beep"),
        "self_test": mark("Self-test"),
        "restart": mark("Restart"),
        "send_log": mark("Send the log"),
        "take_picture": mark("Take a picture"),
        "resend_records": mark("Send records again"),
        "update_software": mark("Update the software"),
        "forgive": mark("Forgive anti-passback"),
    }
)

FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "camera": mark("Camera"),
        "journal": mark("Journal"),
        "inputs": mark("Inputs"),
        "lamps": mark("Lamps and tones"),
        "clock": mark("Clock"),
    }
)
"""What a self-test tries, by the first word of the finding; the second is a camera's name."""

COMMAND_REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "expired": mark("It came too late."),
        "clock_untrusted": mark("The gateway's clock cannot be trusted."),
        "issued_ahead": mark("The clocks here and there differ too much."),
        "retained": mark("It did not come straight from here."),
        "forgotten": mark("It may have been carried out before."),
        "not_recorded": mark("The gateway could not record it."),
        "not_allowed": mark("It is not allowed there."),
        "not_here": mark("The gateway does not have that."),
        "fire_alarm": mark("The fire alarm has the door; it stands open."),
        "busy": mark("The gateway had too much to do. Try again."),
        "never sent": mark("The gateway was away all the time."),
        "sent, and nothing was heard": mark("It was sent, and nothing was heard of it."),
        "begun, and nothing more was heard": mark("It was begun, and nothing more was heard."),
    }
)
"""Why a command was not carried out; what is not in here is shown as the gateway said it."""

HEALTH: Mapping[str, str] = MappingProxyType({"camera": mark("Camera"), "clock": mark("Clock")})

HEALTH_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "ok": mark("In order"),
        "gone": mark("Gives no pictures"),
        "frozen": mark("Always the same picture"),
        "dark": mark("Dark"),
        "blinded": mark("Dazzled"),
        "synchronised": mark("Synchronised"),
        "held_over": mark("Runs on from an earlier synchronisation"),
        "unknown": mark("Never synchronised"),
    }
)

BASES: Mapping[str, str] = MappingProxyType(
    {
        "snapshot": mark("The gateway's policy snapshot lists the badge"),
        "signature_only": mark("The signature alone: the badge is not in the policy snapshot"),
    }
)

CLOCKS: Mapping[int, str] = MappingProxyType(
    {
        0: mark("Never synchronised since start"),
        1: mark("Held over from an earlier synchronisation"),
        2: mark("Synchronised"),
    }
)

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "scan": mark("Scan"),
        "passage": mark("Passage"),
        "event": mark("Event"),
        "clock": mark("Clock"),
        "manual": mark("By hand"),
        "service": mark("Service"),
    }
)

HAND_WAYS: Mapping[str, str] = MappingProxyType({"in": mark("Goes in"), "out": mark("Goes out")})

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "camera_failed": mark("The camera failed"),
        "phone_dead": mark("The phone was dead"),
        "badge_forgotten": mark("The badge was forgotten"),
        "badge_damaged": mark("The badge was damaged"),
        "visitor": mark("A visitor without a code"),
        "emergency": mark("An emergency"),
        "power_failed": mark("Power or network failed"),
        "other": mark("Something else"),
    }
)

POSTURE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "normal": mark("Normal"),
        "free": mark("Free for anybody"),
        "closed": mark("Closed for everybody"),
        "lockdown": mark("Lockdown by rank"),
    }
)

ABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "register": mark("Let people in by hand"),
        "override": mark("Open although a code was refused"),
        "service": mark("Keep the service journal"),
    }
)

ROLL_OUT_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "too_many_failed": mark("It ended because more of a wave failed than may."),
        "too_few_succeeded": mark("It ended because too few of a wave can still succeed."),
        "out_of_time": mark("It ended because its deadline was over."),
    }
)

POSTURES: Mapping[str, str] = MappingProxyType(
    {"free": mark("stands free"), "closed": mark("closed"), "lockdown": mark("lockdown")}
)

WAYS: Mapping[str, str] = MappingProxyType(
    {"entry": mark("only on the way in"), "exit": mark("only on the way out")}
)

ANTIPASSBACK: Mapping[str, str] = MappingProxyType(
    {
        "soft": mark("notes who enters twice or leaves twice"),
        "hard": mark("nobody enters twice or leaves twice"),
        "timed": mark("nobody enters twice within a while"),
    }
)

PRESENCE_DOUBT: Mapping[str, str] = MappingProxyType(
    {
        "last_known": mark("cut off, what was last known counts"),
        "deny": mark("cut off, refuses what it cannot know"),
    }
)

NOTICES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "saved": ("good", mark("Saved.")),
        "rules-saved": (
            "good",
            mark("Saved as a draft. It counts once it is released on the policy page."),
        ),
        "rules-removed": (
            "good",
            mark("Removed from the draft. At the gates it counts until the next release."),
        ),
        "rules-back": ("info", mark("Laid aside: the saved rules are the released ones again.")),
        "hold-placed": ("good", mark("Held. Nothing that it covers goes while it stands.")),
        "hold-ended": (
            "info",
            mark("The hold has ended; what it covered goes when its time is over."),
        ),
        "gateway-enrolled": (
            "good",
            mark("Enrolled. It fetches its certificate by itself within seconds; then adopt it."),
        ),
        "adopted": ("good", mark("Adopted. It is part of the fleet now.")),
        "testing": ("info", mark("A test message is on its way; what became of it stands below.")),
        "issued": ("good", mark("The badge is issued and on its way to every gateway.")),
        "linked": ("good", mark("The number is linked. It counts after the next policy release.")),
        "zone-forgiven": (
            "info",
            mark("A gateway is being told; it tells the others. The zone counts as empty."),
        ),
        "forgiven": ("info", mark("A gateway is being told; what becomes of it stands below.")),
        "commanded": ("info", mark("The gateway is being told; what becomes of it stands below.")),
        "taken-back": ("good", mark("The command is taken back.")),
        "desired": ("good", mark("Handed over. What the gateway makes of it stands below.")),
        "restarting": ("info", mark("The gateway restarts; the settings count afterwards.")),
        "staff-changed": ("good", mark("Saved. The gateways are being told now.")),
        "staff-removed": ("good", mark("Removed. The gateways are being told now.")),
        "rolling-out": ("info", mark("The roll-out is under way; each gateway stands below.")),
        "roll-out-paused": ("info", mark("Paused. What was handed out goes on and counts.")),
        "roll-out-aborted": ("info", mark("Aborted. Nobody else is asked.")),
        "revoked": ("good", mark("Revoked. The gateways are being told now.")),
        "key-made": ("good", mark("Made. It is used once every gateway holds it.")),
        "key-in-use": ("good", mark("The new key is in use.")),
        "key-withdrawn": ("good", mark("Withdrawn. Gateways are being told now.")),
        "gateway-revoked": ("good", mark("Revoked. The broker is being told now.")),
        "suspended": ("good", mark("Suspended. It can be restored at any time.")),
        "restored": ("good", mark("Restored. The gateways are being told now.")),
        "released": ("good", mark("Released. The gateways are being told now.")),
        "ordered": ("good", mark("Asked for. Somebody else approves it.")),
        "moved": ("good", mark("Noted.")),
        "kept": ("good", mark("Kept.")),
        "planned": ("good", mark("The plan is written. Somebody else approves it.")),
        "proposed": ("info", mark("Proposed. It waits for somebody else's decision.")),
        "approved": ("good", mark("Approved and carried out.")),
        "proposal-refused": ("info", mark("Refused. Nothing was changed.")),
        "proposal-withdrawn": ("info", mark("Taken back. Nothing was changed.")),
        "batch-done": ("good", mark("Done. The gateways are being told now.")),
        "posture-ordered": ("good", mark("Ordered. The gateways are being told now.")),
        "posture-ended": ("good", mark("Ended. The gateways are being told now.")),
        "signed-out": ("info", mark("You are signed out.")),
        "session-ended": ("good", mark("The session is ended.")),
        "sessions-ended": ("good", mark("The sessions are ended.")),
        "password-changed": ("good", mark("The password is changed. Other sessions are ended.")),
        "authenticator-added": ("good", mark("The authenticator is set up.")),
        "passkey-added": ("good", mark("The passkey is added.")),
        "factor-removed": ("good", mark("It is removed.")),
        "factor-forgotten": ("good", mark("The second factors are forgotten.")),
        "token-revoked": ("good", mark("The token is revoked.")),
        "account-changed": ("good", mark("The role is changed. Their sessions are ended.")),
        "outside-unlinked": ("good", mark("The outside account is unlinked.")),
        "zones-changed": ("good", mark("The zones are changed. Their sessions are ended.")),
        "account-closed": ("good", mark("The account is closed. Its sessions are ended.")),
        "account-unlocked": ("good", mark("The account is unlocked.")),
        "presented": ("info", mark("The badge is held up to the camera.")),
        "cut": ("info", mark("The gateway is cut off. It goes on deciding by itself.")),
        "reconnected": ("info", mark("The gateway is connected again and sends its journal.")),
        "killed": ("info", mark("The process was killed. It starts again by itself.")),
    }
)

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "forbidden": mark("Your role does not allow this."),
        "not_found": mark("This does not exist, or no longer."),
        "conflict": mark("This is in a state that excludes what you asked for."),
        "invalid": mark("A value is out of bounds."),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWords:
    """What is wrong with the audit log, and what to do; `%(first)s` and `%(last)s` are numbers."""

    what: str
    advice: str


AUDIT_FAULTS: Mapping[str, FaultWords] = MappingProxyType(
    {
        "altered": FaultWords(
            what=mark("Entry %(first)s was altered, or exchanged for another one."),
            advice=mark("Compare entry %(first)s with the newest backup and with exported copies."),
        ),
        "missing": FaultWords(
            what=mark("Entry %(first)s is missing."),
            advice=mark("Look for entry %(first)s in the newest backup and in exported copies."),
        ),
        "inserted": FaultWords(
            what=mark("Entry %(first)s was inserted."),
            advice=mark("Nothing that entry %(first)s says is to be believed."),
        ),
        "truncated": FaultWords(
            what=mark("Entries %(first)s to %(last)s are missing at the end."),
            advice=mark("The log was cut, or an older backup was restored."),
        ),
        "rewritten": FaultWords(
            what=mark("Entries were rewritten; the first of them is from %(first)s to %(last)s."),
            advice=mark("Compare these entries with an exported copy, hash by hash."),
        ),
        "checkpoint_forged": FaultWords(
            what=mark("Checkpoint %(first)s is not signed by this controller's key."),
            advice=mark("Verify with checkpoints that were kept elsewhere, on the command line."),
        ),
        "checkpoint_missing": FaultWords(
            what=mark("Checkpoint %(first)s is missing."),
            advice=mark("Verify with checkpoints that were kept elsewhere, on the command line."),
        ),
    }
)
