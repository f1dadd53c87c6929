"""The closed sets of what happens beside decisions: passages and events, with words for people.

A gateway writes these codes into the `reason` of its records, the console shows the words. Codes
are on the wire and in databases: one that was ever released is never renamed or reused.
"""

from dataclasses import dataclass
from enum import StrEnum

from doorward.reasons import Severity


class Passage(StrEnum):
    """What was seen of people at a portal: the `reason` of a `RecordKind.PASSAGE` record."""

    ENTERED = "entered"
    """Who was let in went through; `about_seq` names the scan."""
    NO_ENTRY = "no_entry"
    """Who was let in did not go through; the grant is annulled. `about_seq` names the scan."""
    FORCED = "forced"
    """The way was taken although nothing had released it."""
    HELD = "held"
    """The leaf stands open for longer than it may; told again as often as the portal's rule says"""


class EventCode(StrEnum):
    """What happened to a gateway: the `reason` of a `RecordKind.EVENT` record."""

    GATEWAY_STARTED = "gateway_started"
    GATEWAY_STOPPED = "gateway_stopped"

    SCANS_NOT_RECORDED = "scans_not_recorded"
    SCANS_PASSED_OVER = "scans_passed_over"
    RECORDED_LATE = "recorded_late"
    JOURNAL_DAMAGED = "journal_damaged"
    JOURNAL_MISSING = "journal_missing"
    JOURNAL_END_TORN = "journal_end_torn"
    JOURNAL_FILLING = "journal_filling"
    JOURNAL_NOT_RESERVED = "journal_not_reserved"
    JOURNAL_GAVE_UP_KEPT = "journal_gave_up_kept"
    JOURNAL_RECORD_DAMAGED = "journal_record_damaged"
    DOCUMENTS_DAMAGED = "documents_damaged"
    DOCUMENTS_LOST = "documents_lost"
    PRESENCE_LOST = "presence_lost"
    PRESENCE_NOT_KEPT = "presence_not_kept"
    PRESENCE_FORGIVEN = "presence_forgiven"

    DOOR_FOUND_OPEN = "door_found_open"
    DOOR_CLOSED_AGAIN = "door_closed_again"
    EXIT_BUTTON = "exit_button"
    EXIT_INTERLOCKED = "exit_interlocked"
    TAILGATED = "tailgated"
    HOLD_BEGAN = "hold_began"
    HOLD_ENDED = "hold_ended"
    POSTURE_CHANGED = "posture_changed"
    FIRE_ALARM = "fire_alarm"
    FIRE_OVER = "fire_over"
    TAMPER_OPENED = "tamper_opened"
    TAMPER_CLOSED = "tamper_closed"
    INPUT_FAULTY = "input_faulty"
    INPUT_WELL = "input_well"
    LOCK_FAILED = "lock_failed"
    DOOR_STUTTERED = "door_stuttered"
    DURESS = "duress_signalled"

    PANEL_SIGNED_IN = "panel_signed_in"
    PANEL_PIN_WRONG = "panel_pin_wrong"

    SCANNER_LOST = "scanner_lost"
    SCANNER_FOUND = "scanner_found"

    COMMAND_TAKEN = "command_taken"
    COMMAND_REFUSED = "command_refused"
    COMMAND_REPEATED = "command_repeated"
    COMMAND_FAILED = "command_failed"
    CONFIG_APPLIED = "config_applied"
    CONFIG_REFUSED = "config_refused"
    CONFIG_TAKEN_BACK = "config_taken_back"

    CAMERA_FAULT = "camera_fault"
    CAMERA_WELL = "camera_well"
    CAMERA_PROCESS_RESTARTED = "camera_process_restarted"
    SERVICE_RESTARTING = "service_restarting"
    BOARD_RESTARTING = "board_restarting"
    STANDSTILL = "standstill"
    OVER_TEMPERATURE = "over_temperature"
    TEMPERATURE_NORMAL = "temperature_normal"
    UNDERVOLTAGE = "undervoltage"
    VOLTAGE_NORMAL = "voltage_normal"
    STORAGE_READ_ONLY = "storage_read_only"
    STORAGE_WRITABLE = "storage_writable"
    STORAGE_ERRORS = "storage_errors"
    STORAGE_WELL = "storage_well"
    CLOCK_STEPPED = "clock_stepped"
    CLOCK_TRUST_CHANGED = "clock_trust_changed"
    CLOCK_BELOW_FLOOR = "clock_below_floor"


CLOCK_EVENTS = frozenset(
    {EventCode.CLOCK_STEPPED, EventCode.CLOCK_TRUST_CHANGED, EventCode.CLOCK_BELOW_FLOOR}
)
"""What is recorded as `RecordKind.CLOCK`: whoever orders records by time wants to find these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventText:
    """What a passage or an event means to those who watch the site.

    Attributes:
        en, zh: one short sentence in English and Chinese.
    """

    severity: Severity
    en: str
    zh: str


def _text(severity: Severity, en: str, zh: str) -> EventText:
    return EventText(severity=severity, en=en, zh=zh)


PASSAGE_TEXTS: dict[Passage, EventText] = {
    Passage.ENTERED: _text(Severity.NORMAL, "Went through.", "已通过。"),
    Passage.NO_ENTRY: _text(
        Severity.NOTICE, "Was let in, but did not go through.", "已放行，但未通过。"
    ),
    Passage.FORCED: _text(Severity.ALARM, "Forced open.", "被强行打开。"),
    Passage.HELD: _text(Severity.WARNING, "Held open for too long.", "开启时间过长。"),
}

EVENT_TEXTS: dict[EventCode, EventText] = {
    EventCode.GATEWAY_STARTED: _text(Severity.NORMAL, "The gateway started.", "网关已启动。"),
    EventCode.GATEWAY_STOPPED: _text(Severity.NOTICE, "The gateway stopped.", "网关已停止。"),
    EventCode.SCANS_NOT_RECORDED: _text(
        Severity.ALARM,
        "Scans were refused because they could not be recorded.",
        "因无法记录，扫码被拒绝。",
    ),
    EventCode.SCANS_PASSED_OVER: _text(
        Severity.WARNING,
        "Codes were not looked at, because too many came at once.",
        "同时出示的二维码过多，部分未处理。",
    ),
    EventCode.RECORDED_LATE: _text(
        Severity.NOTICE, "A record reached the disk after the door was told.", "开门后才写入记录。"
    ),
    EventCode.JOURNAL_DAMAGED: _text(
        Severity.ALARM,
        "The journal was damaged; what could be saved was.",
        "日志损坏，已尽量恢复。",
    ),
    EventCode.JOURNAL_MISSING: _text(Severity.ALARM, "The journal was missing.", "日志文件丢失。"),
    EventCode.JOURNAL_END_TORN: _text(
        Severity.NOTICE, "The journal's last write was not whole.", "日志末尾写入不完整。"
    ),
    EventCode.JOURNAL_FILLING: _text(
        Severity.WARNING, "The journal is filling up.", "日志空间即将用尽。"
    ),
    EventCode.JOURNAL_NOT_RESERVED: _text(
        Severity.WARNING, "The disk has no room to set aside for the journal.", "无法预留日志空间。"
    ),
    EventCode.JOURNAL_GAVE_UP_KEPT: _text(
        Severity.NOTICE,
        "Acknowledged records were deleted early to make room.",
        "为腾出空间，提前删除了已确认的记录。",
    ),
    EventCode.JOURNAL_RECORD_DAMAGED: _text(
        Severity.ALARM, "A record in the journal is damaged.", "日志中有记录损坏。"
    ),
    EventCode.DOCUMENTS_DAMAGED: _text(
        Severity.WARNING,
        "The gateway's documents were damaged; the previous ones count.",
        "网关资料损坏，已使用上一份。",
    ),
    EventCode.DOCUMENTS_LOST: _text(
        Severity.ALARM, "The gateway's documents are lost.", "网关资料丢失。"
    ),
    EventCode.PRESENCE_LOST: _text(
        Severity.WARNING,
        "What the gateway knew of who is inside is lost in part or whole.",
        "网关的在场人员记录部分或全部丢失。",
    ),
    EventCode.PRESENCE_NOT_KEPT: _text(
        Severity.WARNING,
        "What the gateway knows of who is inside cannot be written to its disk.",
        "在场人员记录无法写入网关磁盘。",
    ),
    EventCode.PRESENCE_FORGIVEN: _text(
        Severity.NOTICE,
        "Where somebody counts as inside was forgiven; either way fits next.",
        "已消除反潜回状态，下次进出均可通过。",
    ),
    EventCode.DOOR_FOUND_OPEN: _text(
        Severity.WARNING,
        "The door was found open; since when is not known.",
        "发现门处于打开状态，起始时间未知。",
    ),
    EventCode.DOOR_CLOSED_AGAIN: _text(
        Severity.NORMAL, "The door is closed again.", "门已重新关闭。"
    ),
    EventCode.EXIT_BUTTON: _text(
        Severity.NORMAL, "The exit button was pressed.", "出门按钮被按下。"
    ),
    EventCode.EXIT_INTERLOCKED: _text(
        Severity.NOTICE,
        "The exit button was pressed while the other door was not shut.",
        "联锁门未关闭时按下了出门按钮。",
    ),
    EventCode.TAILGATED: _text(
        Severity.WARNING, "Somebody followed without a grant.", "有人未经授权尾随通过。"
    ),
    EventCode.HOLD_BEGAN: _text(Severity.NOTICE, "The door is kept unlocked.", "门保持常开。"),
    EventCode.HOLD_ENDED: _text(
        Severity.NOTICE, "The door is no longer kept unlocked.", "门恢复上锁。"
    ),
    EventCode.POSTURE_CHANGED: _text(
        Severity.NOTICE, "The portal's posture changed.", "通道状态已更改。"
    ),
    EventCode.FIRE_ALARM: _text(
        Severity.ALARM, "Fire alarm: the way is open.", "火警：通道已释放。"
    ),
    EventCode.FIRE_OVER: _text(Severity.NOTICE, "The fire alarm is over.", "火警已解除。"),
    EventCode.TAMPER_OPENED: _text(
        Severity.ALARM, "A housing was opened (tamper switch).", "外壳被打开（防拆开关）。"
    ),
    EventCode.TAMPER_CLOSED: _text(
        Severity.NOTICE, "The housing is closed again.", "外壳已重新关闭。"
    ),
    EventCode.INPUT_FAULTY: _text(
        Severity.ALARM, "A line to the door is cut or shorted.", "门的线路断路或短路。"
    ),
    EventCode.INPUT_WELL: _text(
        Severity.NOTICE, "A line to the door is whole again.", "门的线路已恢复。"
    ),
    EventCode.DOOR_STUTTERED: _text(
        Severity.WARNING,
        "The same happened too often at a door to be recorded each time.",
        "门上同一事件过于频繁，未逐条记录。",
    ),
    EventCode.LOCK_FAILED: _text(Severity.ALARM, "The lock could not be driven.", "无法驱动门锁。"),
    EventCode.DURESS: _text(
        Severity.ALARM, "Let in under duress: send help quietly.", "胁迫下放行：请悄悄派人支援。"
    ),
    EventCode.PANEL_SIGNED_IN: _text(
        Severity.NORMAL,
        "Somebody of the staff signed in at the gateway's page.",
        "工作人员已登录网关页面。",
    ),
    EventCode.PANEL_PIN_WRONG: _text(
        Severity.WARNING,
        "Wrong PINs at the gateway's page.",
        "网关页面上多次输入错误的 PIN 码。",
    ),
    EventCode.SCANNER_LOST: _text(
        Severity.WARNING, "A scanner is unplugged or cannot be opened.", "扫码枪已断开或无法打开。"
    ),
    EventCode.SCANNER_FOUND: _text(Severity.NOTICE, "The scanner is back.", "扫码枪已恢复。"),
    EventCode.COMMAND_TAKEN: _text(
        Severity.NOTICE, "A command from the controller is carried out.", "正在执行控制中心的指令。"
    ),
    EventCode.COMMAND_REFUSED: _text(
        Severity.WARNING, "A command from the controller was refused.", "控制中心的指令被拒绝。"
    ),
    EventCode.COMMAND_REPEATED: _text(
        Severity.WARNING,
        "A command came again and was not carried out again.",
        "指令重复到达，未再次执行。",
    ),
    EventCode.COMMAND_FAILED: _text(
        Severity.WARNING, "A command could not be carried out.", "指令未能执行。"
    ),
    EventCode.CONFIG_APPLIED: _text(
        Severity.NOTICE, "A new configuration counts.", "新配置已生效。"
    ),
    EventCode.CONFIG_REFUSED: _text(
        Severity.WARNING,
        "A new configuration was refused; the old one goes on.",
        "新配置被拒绝，继续使用原配置。",
    ),
    EventCode.CONFIG_TAKEN_BACK: _text(
        Severity.WARNING,
        "A configuration that cut the controller off was taken back.",
        "使用新配置后无法连接控制中心，已恢复原配置。",
    ),
    EventCode.CAMERA_FAULT: _text(Severity.ALARM, "A camera does not see.", "摄像头无法正常工作。"),
    EventCode.CAMERA_WELL: _text(Severity.NOTICE, "A camera sees again.", "摄像头已恢复。"),
    EventCode.CAMERA_PROCESS_RESTARTED: _text(
        Severity.NOTICE, "A camera's process was started anew.", "摄像进程已重新启动。"
    ),
    EventCode.SERVICE_RESTARTING: _text(
        Severity.WARNING,
        "The gateway's service starts anew to get a camera back.",
        "为恢复摄像头，网关服务正在重新启动。",
    ),
    EventCode.BOARD_RESTARTING: _text(
        Severity.WARNING,
        "The board starts anew to get a camera back.",
        "为恢复摄像头，主板正在重新启动。",
    ),
    EventCode.STANDSTILL: _text(
        Severity.ALARM,
        "A part of the gateway stands still; its watchdog will start it anew.",
        "网关某部分停止运行，看门狗将重新启动它。",
    ),
    EventCode.OVER_TEMPERATURE: _text(
        Severity.ALARM, "The processor is too hot.", "处理器温度过高。"
    ),
    EventCode.TEMPERATURE_NORMAL: _text(
        Severity.NOTICE, "The processor has cooled down.", "处理器温度已恢复正常。"
    ),
    EventCode.UNDERVOLTAGE: _text(
        Severity.ALARM, "The supply voltage is too low.", "供电电压过低。"
    ),
    EventCode.VOLTAGE_NORMAL: _text(
        Severity.NOTICE, "The supply voltage is right again.", "供电电压已恢复正常。"
    ),
    EventCode.STORAGE_READ_ONLY: _text(
        Severity.ALARM, "The disk takes no more writes.", "磁盘已变为只读。"
    ),
    EventCode.STORAGE_WRITABLE: _text(
        Severity.NOTICE, "The disk takes writes again.", "磁盘已恢复可写。"
    ),
    EventCode.STORAGE_ERRORS: _text(
        Severity.WARNING, "The file system reports errors.", "文件系统报告错误。"
    ),
    EventCode.STORAGE_WELL: _text(
        Severity.NOTICE, "The file system reports no more errors.", "文件系统不再报告错误。"
    ),
    EventCode.CLOCK_STEPPED: _text(
        Severity.NOTICE, "The clock was set; the step is in the details.", "时钟已被校准。"
    ),
    EventCode.CLOCK_TRUST_CHANGED: _text(
        Severity.NOTICE, "How far the clock can be trusted has changed.", "时钟可信度已改变。"
    ),
    EventCode.CLOCK_BELOW_FLOOR: _text(
        Severity.WARNING,
        "The clock shows a time that is past for certain.",
        "时钟早于已知的最早时间。",
    ),
}


class ByHand(StrEnum):
    """What was written without a code or a decision: the `reason` of manual and service records."""

    PAPER = "paper"
    """A paper form, entered later."""
    SERVICED = "serviced"
    """A technician's line of the service journal."""


BY_HAND_TEXTS: dict[ByHand, EventText] = {
    ByHand.PAPER: _text(Severity.NORMAL, "Entered from a paper form.", "由纸质登记补录。"),
    ByHand.SERVICED: _text(Severity.NORMAL, "The device was serviced.", "设备已维护。"),
}

_TEXTS: dict[str, EventText] = {
    **{code.value: text for code, text in PASSAGE_TEXTS.items()},
    **{code.value: text for code, text in EVENT_TEXTS.items()},
    **{code.value: text for code, text in BY_HAND_TEXTS.items()},
}


def event_text(code: str) -> EventText | None:
    """Returns the words of a passage or an event, or None for a code that is neither."""
    return _TEXTS.get(code)
