"""Words and looks of proposals, bulk revocations and ordered postures."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark
from doorward_controller.console.words import Look

PROPOSAL_STATES: Mapping[str, Look] = MappingProxyType(
    {
        "waiting": Look(tone="info", icon="hourglass", word=mark("Waits for a decision")),
        "approved": Look(tone="warn", icon="hourglass", word=mark("Approved, not carried out yet")),
        "carried_out": Look(tone="good", icon="circle-check", word=mark("Carried out")),
        "failed": Look(tone="bad", icon="alert-triangle", word=mark("Failed")),
        "refused": Look(tone="bad", icon="ban", word=mark("Refused")),
        "withdrawn": Look(tone="quiet", icon="arrow-back-up", word=mark("Taken back")),
        "expired": Look(tone="quiet", icon="clock-exclamation", word=mark("Not decided in time")),
    }
)
PROPOSAL_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "release_policy": mark("Release the policy"),
        "change_codes": mark("Change many badges"),
        "revoke_key": mark("Revoke every code of a key"),
        "revoke_gateway": mark("Revoke a gateway"),
        "withdraw_key": mark("Withdraw a key of the site"),
    }
)
CHANGES: Mapping[str, str] = MappingProxyType(
    {"revoke": mark("Revoke"), "suspend": mark("Suspend"), "restore": mark("Restore")}
)
CHANGED: Mapping[str, str] = MappingProxyType(
    {"revoke": mark("Revoked"), "suspend": mark("Suspended"), "restore": mark("Restored")}
)
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "list": mark("A list"),
        "upload": mark("A file"),
        "group": mark("A group"),
        "key": mark("An issuing key"),
    }
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "lost": mark("Lost"),
        "stolen": mark("Stolen"),
        "damaged": mark("Damaged"),
        "copied": mark("Copied or passed on"),
        "left": mark("Holder has left"),
        "misused": mark("Misused"),
        "leave": mark("Holder is on leave"),
        "investigation": mark("Under investigation"),
        "key_compromised": mark("Issuing key compromised"),
        "replaced": mark("Replaced by another"),
        "found": mark("Found again"),
        "cleared": mark("Cleared up"),
        "mistake": mark("Was a mistake"),
        "other": mark("Another reason"),
    }
)
LINE_PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "unreadable": mark("is no badge number"),
        "unknown": mark("is not known here"),
        "twice": mark("stands there twice"),
    }
)
POSTURES: Mapping[str, Look] = MappingProxyType(
    {
        "normal": Look(tone="good", icon="shield-check", word=mark("Normal")),
        "free": Look(tone="warn", icon="lock-open", word=mark("Free passage")),
        "closed": Look(tone="bad", icon="lock", word=mark("Closed")),
        "lockdown": Look(tone="bad", icon="shield-lock", word=mark("Lockdown")),
    }
)
SCOPES: Mapping[str, str] = MappingProxyType(
    {"portal": mark("Portal"), "zone": mark("Zone"), "site": mark("Site")}
)
POSTURE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "threat": mark("Threat"),
        "evacuation": mark("Evacuation"),
        "event": mark("Event"),
        "crowd": mark("Crowd"),
        "works": mark("Works at the portal"),
        "fault": mark("Fault"),
        "drill": mark("Drill"),
        "other": mark("Another reason"),
    }
)
ARRIVALS: Mapping[str, Look] = MappingProxyType(
    {
        "arrived": Look(tone="good", icon="circle-check", word=mark("In force")),
        "sent": Look(tone="info", icon="send", word=mark("Being told")),
        "pending": Look(tone="info", icon="hourglass", word=mark("About to be told")),
        "unreachable": Look(tone="warn", icon="plug-connected-x", word=mark("Unreachable")),
    }
)
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "bad_lines": mark("Some lines name no badge. Nothing was done."),
        "list_empty": mark("The list is empty."),
        "name_differs": mark("The name is not this gateway's. Nothing was changed."),
        "no_group": mark("There is no such group."),
        "no_key": mark("There is no such issuing key."),
        "bad_cause": mark("This reason does not go with it."),
        "reason_missing": mark("Say why, in at most 200 characters."),
        "bad_until": mark("The end must lie ahead."),
        "until_missing": mark("Free passage needs an end."),
        "nothing_to_change": mark("None of these badges would change."),
        "selection_changed": mark("The badges have changed since they were shown. Look again."),
        "second_person_needed": mark("This needs a second person: propose it."),
        "own_proposal": mark("Nobody decides on their own proposal."),
        "bad_rank": mark("A rank from 1 to 9 goes with a lockdown only."),
        "no_place": mark("There is no such place."),
        "place_missing": mark("Choose a portal or a zone. Nothing was ordered."),
        "file_unreadable": mark("The file is neither CSV nor XLSX."),
        "when_unreadable": mark("The date and time cannot be read."),
    }
)
