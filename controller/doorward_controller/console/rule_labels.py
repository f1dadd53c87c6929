"""What the fields of the rules are called, what may stand in them, and what is wrong with it."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "name": mark("Name"),
        "group": mark("Who (group)"),
        "zone": mark("Where (zone)"),
        "schedule": mark("When (schedule)"),
        "way": mark("Which way"),
        "qualifications": mark("Needed qualifications"),
        "per_day": mark("Entries a day, at most"),
        "per_visit": mark("Entries a visit, at most"),
        "direction": mark("Direction"),
        "beyond": mark("Zone on the other side"),
        "pulse_ms": mark("Lock is released for"),
        "posture": mark("Posture"),
        "posture_rank": mark("Rank that passes a lockdown"),
        "posture_until": mark("Posture ends at"),
        "unlisted": mark("Codes that are not listed yet"),
        "foreign": mark("Linked codes of others"),
        "clock_untrusted": mark("While the gateway's clock is not trusted"),
        "max_age_s": mark("Rules may be as old as"),
        "stale": mark("When the rules are older"),
        "unlock": mark("Stands free during"),
        "unlock_after_first": mark("Only once somebody was let in"),
        "antipassback": mark("Anti-passback"),
        "antipassback_s": mark("Nobody enters again within"),
        "presence_unknown": mark("Cut off from other gateways"),
        "min_interval_s": mark("Between two passages of one person"),
        "escorted": mark("Groups that need an escort"),
        "escorts": mark("Groups that escort"),
        "escort_leads": mark("People that one escort leads, at most"),
        "two_persons": mark("Two persons together, nobody alone"),
        "wait_s": mark("Waits for the second person"),
        "interlock": mark("Opens only while these are closed"),
        "rank": mark("Rank in a lockdown"),
        "once": mark("A code passes once"),
        "exempt": mark("Not held up by presence"),
        "duress": mark("Signals duress"),
        "within": mark("Lies within"),
        "at_most": mark("People inside, at most"),
        "time_zone": mark("Time zone"),
        "forget_s": mark("Presence is forgotten after"),
    }
)

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "name": mark(
            "Small letters, digits and hyphens, for example night-shift. It stays as it is."
        ),
        "qualifications": mark("All of them must be valid on that day."),
        "per_day": mark("Empty: as many as come."),
        "per_visit": mark("A visit is the life of the credential. Empty: as many as come."),
        "beyond": mark("Only where it is a room of its own beside this one."),
        "pulse_ms": mark("In milliseconds."),
        "posture_rank": mark("Groups of this rank and above still pass. Empty: nobody."),
        "posture_until": mark("On the site's clock. Empty: until the rules say otherwise."),
        "unlisted": mark("An authentic code that was issued after the last release."),
        "unlock_after_first": mark("A door does not stand open on a morning on which nobody came."),
        "antipassback_s": mark("For the timed kind. For example 10 min."),
        "min_interval_s": mark("The same person, the same way. For example 30 s. Empty: none."),
        "max_age_s": mark("For example 72 h or 3 d."),
        "escorted": mark("They enter only together with one of those who escort."),
        "escort_leads": mark("Empty: as many as come."),
        "wait_s": mark("For example 20 s."),
        "interlock": mark("Say it at both doors; each needs a contact."),
        "rank": mark("0 to 9. A lockdown lets those pass whose rank is high enough."),
        "once": mark("Anywhere on the site, and never again. For slips and one-time passes."),
        "exempt": mark("Intervals, anti-passback and limits of zones do not hold its members up."),
        "duress": mark("Opens as the others do, tells nobody at the gate, and raises an alarm."),
        "within": mark("Who leaves that zone leaves this one too."),
        "at_most": mark("Empty: as many as come."),
        "time_zone": mark("For example Asia/Shanghai or Europe/Berlin."),
        "forget_s": mark("Without news nobody counts as inside any more. For example 36 h."),
    }
)

CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "way.both": mark("in and out"),
        "way.entry": mark("only in"),
        "way.exit": mark("only out"),
        "direction.entry": mark("leads in"),
        "direction.exit": mark("leads out"),
        "direction.both": mark("one reader for both ways"),
        "posture.normal": mark("as the rules say"),
        "posture.free": mark("free passage"),
        "posture.closed": mark("closed"),
        "posture.lockdown": mark("lockdown"),
        "unlisted.deny": mark("refused"),
        "unlisted.by_class": mark("count by their class"),
        "foreign.deny": mark("refused"),
        "foreign.allow": mark("count as the badge that they are linked to"),
        "clock_untrusted.deny": mark("refuses"),
        "clock_untrusted.allow": mark("lets pass"),
        "stale.deny": mark("refuses"),
        "stale.allow": mark("lets pass"),
        "antipassback.off": mark("off"),
        "antipassback.soft": mark("noted only"),
        "antipassback.hard": mark("refused until it fits again"),
        "antipassback.timed": mark("refused for a while"),
        "presence_unknown.allow": mark("lets pass and notes it"),
        "presence_unknown.last_known": mark("goes by what was last known"),
        "presence_unknown.deny": mark("refuses"),
    }
)

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "way": mark("Way and lock"),
        "presence": mark("Who is inside"),
        "together": mark("Together"),
        "standing": mark("Open, closed, lockdown"),
        "doubt": mark("In doubt"),
    }
)

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "missing": mark("Choose one."),
        "not_a_number": mark("This is not a whole number."),
        "not_a_span": mark("This is no length of time. Write 90 s, 15 min, 72 h or 3 d."),
        "not_a_time": mark("This is no date and time."),
        "not_a_name": mark("This is no name: small letters, digits and hyphens, at most 32."),
        "not_a_choice": mark("This is none of the choices."),
        "escorts_missing": mark("Choose who escorts them."),
        "escorted_missing": mark("Choose who needs an escort, or leave the number out."),
        "time_missing": mark("Say for how long."),
        "schedule_missing": mark("Choose a schedule, or untick the line below."),
        "not_defined": mark("There is no such thing on this site."),
        "taken": mark("This is there already."),
    }
)

ROW_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "no_days": mark("Choose at least one day."),
        "not_a_time": mark("This is no time. Write it as 07:00."),
        "too_long": mark("This ends after the next day."),
    }
)

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "faults": mark("Nothing was saved: look at what is marked."),
        "changed_meanwhile": mark(
            "Nothing was saved: somebody else has changed this meanwhile. Open it again to see it."
        ),
        "rule_in_use": mark("Nothing was removed: it is still in use."),
        "rule_taken": mark("Nothing was saved: this is there already."),
        "no_release": mark("Nothing was released yet."),
    }
)

DAYS: tuple[str, ...] = (
    mark("Mon"),
    mark("Tue"),
    mark("Wed"),
    mark("Thu"),
    mark("Fri"),
    mark("Sat"),
    mark("Sun"),
    mark("Holiday"),
)

DAY_KINDS: tuple[str, ...] = (
    mark("like a Monday"),
    mark("like a Tuesday"),
    mark("like a Wednesday"),
    mark("like a Thursday"),
    mark("like a Friday"),
    mark("like a Saturday"),
    mark("like a Sunday"),
    mark("public holiday"),
)

USES: Mapping[str, str] = MappingProxyType(
    {
        "grant": mark("rule"),
        "portal": mark("portal"),
        "zone": mark("zone"),
        "class": mark("class"),
    }
)

TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "groups": (mark("Group"), mark("New group")),
        "zones": (mark("Zone"), mark("New zone")),
        "qualifications": (mark("Qualification"), mark("New qualification")),
        "schedules": (mark("Schedule"), mark("New schedule")),
    }
)
