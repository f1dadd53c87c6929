"""Words of maintenance: one table for each enumerated list, and what a refusal tells to do."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark
from doorward_controller.console.words import Look

_Words = Mapping[str, str]


def _table(**words: str) -> _Words:
    return MappingProxyType(words)


KINDS = _table(
    corrective=mark("Repair"),
    preventive=mark("Preventive work"),
    inspection=mark("Inspection"),
)
PRIORITIES: Mapping[str, Look] = MappingProxyType(
    {
        "urgent": Look(tone="bad", icon="alert-octagon", word=mark("Urgent")),
        "high": Look(tone="warn", icon="alert-triangle", word=mark("High priority")),
        "normal": Look(tone="info", icon="info-circle", word=mark("Normal priority")),
        "low": Look(tone="quiet", icon="hourglass", word=mark("Low priority")),
    }
)
ORIGINS = _table(hand=mark("By a person"), alert=mark("By an alert"), plan=mark("By a plan"))
TURNS = _table(
    request=mark("Work requested"),
    approve=mark("Approved"),
    schedule=mark("Scheduled"),
    start=mark("Work begun"),
    hold=mark("Put on hold"),
    resume=mark("Gone on with"),
    finish=mark("Done"),
    verify=mark("Verified"),
    send_back=mark("Sent back"),
    cancel=mark("Cancelled"),
)
ACTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "approve": ("check", mark("Approve")),
        "schedule": ("clock-exclamation", mark("Schedule")),
        "start": ("player-play", mark("Begin the work")),
        "hold": ("player-pause", mark("Put on hold")),
        "resume": ("player-play", mark("Go on")),
        "finish": ("circle-check", mark("The work is done")),
        "verify": ("shield-check", mark("Verify")),
        "send_back": ("arrow-back-up", mark("Send back")),
        "cancel": ("ban", mark("Cancel the order")),
    }
)
"""A turn's icon, and what its button says."""

FAILURE_MODES = _table(
    no_power=mark("No power"),
    no_picture=mark("No picture"),
    reads_badly=mark("Reads badly"),
    lock_stuck=mark("Lock does not open"),
    lock_open=mark("Lock does not lock"),
    sensor_wrong=mark("Sensor tells wrong"),
    no_network=mark("No network"),
    overheated=mark("Too hot"),
    storage_failing=mark("Storage fails"),
    clock_wrong=mark("Clock is wrong"),
    signals_wrong=mark("Lamps or tones fail"),
    damaged=mark("Damaged"),
    tampered=mark("Tampered with"),
    other=mark("Something else"),
)
FAILURE_CAUSES = _table(
    wear=mark("Wear"),
    dirt=mark("Dirt"),
    weather=mark("Weather"),
    power_supply=mark("Power supply"),
    cabling=mark("Cables and plugs"),
    vandalism=mark("Vandalism"),
    misuse=mark("Wrong use"),
    installation=mark("Installation"),
    software=mark("Software"),
    network=mark("Network"),
    unknown=mark("Unknown"),
    other=mark("Something else"),
)
REMEDIES = _table(
    repaired=mark("Repaired"),
    replaced=mark("Replaced"),
    adjusted=mark("Adjusted"),
    cleaned=mark("Cleaned"),
    restarted=mark("Restarted"),
    updated=mark("Updated"),
    no_fault_found=mark("No fault found"),
    other=mark("Something else"),
)
CHECKS: Mapping[str, Look] = MappingProxyType(
    {
        "ok": Look(tone="good", icon="circle-check", word=mark("In order")),
        "bad": Look(tone="bad", icon="alert-triangle", word=mark("Faulty")),
        "not_applicable": Look(tone="quiet", icon="circle-dashed", word=mark("Not here")),
    }
)
PLANS: Mapping[str, Look] = MappingProxyType(
    {
        "draft": Look(tone="warn", icon="hourglass", word=mark("To be approved")),
        "approved": Look(tone="good", icon="circle-check", word=mark("Runs")),
        "paused": Look(tone="quiet", icon="player-pause", word=mark("Paused")),
    }
)
RULES = _table(
    calendar=mark("By the calendar"), meter=mark("By a meter"), condition=mark("By a condition")
)
UNITS = _table(days=mark("days"), weeks=mark("weeks"), months=mark("months"))
UNITS_ONE = _table(days=mark("Every day"), weeks=mark("Every week"), months=mark("Every month"))
COUNT_FROM = _table(
    calendar=mark("from the first day on, whenever it was done"),
    last_done=mark("from the day on which it was done last"),
)
METERS = _table(
    lock_cycles=mark("Lock cycles"),
    running_s=mark("Hours in operation"),
    disk_written_bytes=mark("Gigabytes written"),
)
METER_SIZES: Mapping[str, int] = MappingProxyType(
    {"lock_cycles": 1, "running_s": 3_600, "disk_written_bytes": 10**9}
)
"""What one of the shown units is in the meter's own."""

LIFE = _table(
    enrolled=mark("Enrolled"),
    requested=mark("Work asked for"),
    done=mark("Work done"),
    down=mark("Out of service"),
    journal=mark("Written at the device"),
    installed=mark("Built in"),
    removed=mark("Removed"),
    changed=mark("Changed"),
)
LIFE_ICONS: Mapping[str, str] = MappingProxyType(
    {
        "enrolled": "plus",
        "requested": "send",
        "done": "circle-check",
        "down": "plug-x",
        "journal": "id-badge-2",
        "installed": "plug-connected",
        "removed": "plug-connected-x",
        "changed": "history",
    }
)
DOWNTIMES = _table(planned=mark("Planned"), unplanned=mark("Not planned"))
REFUSALS = _table(
    own_request=mark("Somebody else must approve what you asked for or wrote."),
    own_work=mark("Somebody else must judge work in which you had a hand."),
    turn_impossible=mark("The order has moved on meanwhile. Look at its state."),
    checks_open=mark("Points of the checklist are still open."),
    not_written_up=mark("First say what failed, why, and what helped."),
    not_in_work=mark("The work must be under way for this."),
    no_day=mark("Say when the work is to begin."),
    title_empty=mark("Say in a few words what is to be done."),
    too_long=mark("A text is too long."),
    deadline_past=mark("The day must lie ahead."),
    no_gateway=mark("There is no such device."),
    no_component=mark("This device has no such component."),
    photo_unreadable=mark("This is not a photograph as JPEG, PNG or WebP."),
    photo_large=mark("The photograph is too large."),
    photos_full=mark("No more photographs fit this order."),
    stock_short=mark("There are not so many left on the shelf."),
    more_back_than_taken=mark("The order did not take so many."),
    part_taken=mark("There is a part with this number already."),
    part_number_empty=mark("The part's number is missing."),
    part_name_empty=mark("The part's name is missing."),
    currency=mark("A cost needs its currency in three letters, as CNY."),
    cost=mark("This is no amount of money."),
    count=mark("This is no number of pieces."),
    minutes=mark("This is no number of minutes."),
    downtime_overlaps=mark("The device was out of service already in part of that time."),
    bad_times=mark("The end must come after the beginning, and neither lies ahead."),
    point_empty=mark("A point of the checklist is empty or too long."),
    checklist_long=mark("The checklist has too many points."),
    bad_rule=mark("When the plan is due is not filled in right."),
    days_to_do=mark("The days for the work, or for the warning, are out of bounds."),
    no_font=mark("No font with Chinese characters is installed on the server."),
)
