"""The closed set of reasons of a decision: a stable code, its severity, and words for people.

Codes are on the wire and in databases: one that was ever released is never renamed or reused.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a reason matters to those who watch the site."""

    NORMAL = "normal"
    NOTICE = "notice"
    WARNING = "warning"
    ALARM = "alarm"


class Reason(StrEnum):
    """Why a decision was taken, or what is to be noticed about it beside that."""

    GRANTED = "granted"
    FREE_PASSAGE = "free_passage"

    PORTAL_UNKNOWN = "portal_unknown"
    PORTAL_CLOSED = "portal_closed"
    LOCKDOWN = "lockdown"
    POLICY_MISSING = "policy_missing"

    NOT_OURS = "not_ours"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    STRUCTURED_APPEND = "structured_append"
    UNKNOWN_VERSION = "unknown_version"
    STICKER_CHECK_WRONG = "sticker_check_wrong"
    FOREIGN_UNKNOWN = "foreign_unknown"
    FOREIGN_REFUSED = "foreign_refused"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_OUTSIDE_WINDOW = "key_outside_window"
    SIGNATURE_WRONG = "signature_wrong"
    HOLDER_SIGNATURE_WRONG = "holder_signature_wrong"

    CLOCK_UNTRUSTED = "clock_untrusted"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    SLOT_STALE = "slot_stale"
    SLOT_USED = "slot_used"
    STICKER_UNKNOWN = "sticker_unknown"
    STATUS_UNKNOWN = "status_unknown"
    REVOKED = "revoked"
    SUSPENDED = "suspended"

    POLICY_STALE = "policy_stale"
    ROSTER_UNREADABLE = "roster_unreadable"
    NOT_LISTED = "not_listed"
    NOT_AUTHORISED = "not_authorised"
    OUTSIDE_SCHEDULE = "outside_schedule"
    QUALIFICATION_MISSING = "qualification_missing"
    NOT_THIS_WAY = "not_this_way"
    QUALIFICATION_EXPIRED = "qualification_expired"
    DAY_LIMIT = "day_limit"
    VISIT_LIMIT = "visit_limit"

    USED_UP = "used_up"
    TOO_SOON = "too_soon"
    ALREADY_INSIDE = "already_inside"
    NOT_INSIDE = "not_inside"
    PASSED_RECENTLY = "passed_recently"
    ZONE_FULL = "zone_full"
    PRESENCE_UNKNOWN = "presence_unknown"
    INTERLOCK_OPEN = "interlock_open"
    INTERLOCK_UNKNOWN = "interlock_unknown"
    ESCORT_NEEDED = "escort_needed"
    SECOND_PERSON_NEEDED = "second_person_needed"

    LOCKDOWN_PASSED = "lockdown_passed"
    DURESS = "duress"

    NO_CODE = "no_code"
    BY_HAND = "by_hand"
    NOT_RECORDED = "not_recorded"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText:
    """What a reason means to people.

    Attributes:
        en, zh: one short sentence for the person at the gate, in English and Chinese.
        next_en, next_zh: the nearest thing that this person can do about it; may be empty.
    """

    severity: Severity
    en: str
    zh: str
    next_en: str = ""
    next_zh: str = ""


def _text(severity: Severity, en: str, zh: str, next_en: str = "", next_zh: str = "") -> ReasonText:
    return ReasonText(severity=severity, en=en, zh=zh, next_en=next_en, next_zh=next_zh)


_NEW_CODE = ("Ask the issuing desk for a new code.", "请到发码处重新申领。")
_DESK = ("Ask at the desk.", "请到前台咨询。")

REASON_TEXTS: dict[Reason, ReasonText] = {
    Reason.GRANTED: _text(Severity.NORMAL, "Please pass.", "请通行。"),
    Reason.FREE_PASSAGE: _text(Severity.NOTICE, "The way is open.", "自由通行中。"),
    Reason.PORTAL_UNKNOWN: _text(
        Severity.WARNING, "This entrance is not set up.", "此通道尚未配置。", *_DESK
    ),
    Reason.PORTAL_CLOSED: _text(
        Severity.NORMAL,
        "This entrance is closed.",
        "此通道已关闭。",
        "Use another entrance.",
        "请走其他通道。",
    ),
    Reason.LOCKDOWN: _text(
        Severity.ALARM,
        "Lockdown: nobody may pass.",
        "封控中，禁止通行。",
        "Stay where you are and follow the instructions of security.",
        "请留在原地，听从安保人员指挥。",
    ),
    Reason.POLICY_MISSING: _text(
        Severity.WARNING, "This entrance has no rules yet.", "此通道尚未收到通行规则。", *_DESK
    ),
    Reason.NOT_OURS: _text(
        Severity.NORMAL,
        "This code is not for this entrance.",
        "此码不是门禁码。",
        "Show your access code.",
        "请出示门禁码。",
    ),
    Reason.MALFORMED: _text(Severity.NOTICE, "The code is damaged.", "此码已损坏。", *_NEW_CODE),
    Reason.TOO_LONG: _text(
        Severity.NOTICE,
        "This code is not for this entrance.",
        "此码不是门禁码。",
        "Show your access code.",
        "请出示门禁码。",
    ),
    Reason.STRUCTURED_APPEND: _text(
        Severity.NOTICE,
        "Codes in several parts are not accepted.",
        "不接受分段二维码。",
        "Show your access code.",
        "请出示门禁码。",
    ),
    Reason.UNKNOWN_VERSION: _text(
        Severity.NOTICE,
        "This kind of code is not known here yet.",
        "此通道尚不支持这种码。",
        *_DESK,
    ),
    Reason.STICKER_CHECK_WRONG: _text(
        Severity.NOTICE, "The label is damaged.", "标签已损坏。", *_NEW_CODE
    ),
    Reason.FOREIGN_UNKNOWN: _text(
        Severity.NOTICE, "This card is not linked here.", "此卡尚未在本场所关联。", *_DESK
    ),
    Reason.FOREIGN_REFUSED: _text(
        Severity.NORMAL,
        "This card does not count at this entrance.",
        "此通道不接受此类卡。",
        "Show your badge or your phone's pass.",
        "请出示门禁码或手机通行码。",
    ),
    Reason.KEY_UNKNOWN: _text(
        Severity.WARNING, "This code was not issued here.", "此码非本单位签发。", *_NEW_CODE
    ),
    Reason.KEY_REVOKED: _text(
        Severity.WARNING, "This code was withdrawn.", "此码已作废。", *_NEW_CODE
    ),
    Reason.KEY_OUTSIDE_WINDOW: _text(
        Severity.NOTICE, "This code is out of date.", "此码已过签发期。", *_NEW_CODE
    ),
    Reason.SIGNATURE_WRONG: _text(
        Severity.WARNING, "This code was altered.", "此码被篡改。", *_NEW_CODE
    ),
    Reason.HOLDER_SIGNATURE_WRONG: _text(
        Severity.WARNING,
        "This pass was not made by its holder's phone.",
        "此码不是由持有人手机生成。",
        "Open your pass anew.",
        "请重新打开通行码。",
    ),
    Reason.CLOCK_UNTRUSTED: _text(
        Severity.WARNING,
        "The entrance does not know the time and cannot check this code.",
        "此通道时间不可信，无法核验。",
        *_DESK,
    ),
    Reason.NOT_YET_VALID: _text(
        Severity.NORMAL,
        "This code is not valid yet.",
        "此码尚未生效。",
        "Come back when it is.",
        "请在生效后使用。",
    ),
    Reason.EXPIRED: _text(
        Severity.NORMAL,
        "This code has expired.",
        "此码已过期。",
        "Ask the issuing desk to renew it.",
        "请到发码处续期。",
    ),
    Reason.SLOT_STALE: _text(
        Severity.NOTICE,
        "This picture of a pass is too old.",
        "此码已失效（可能是截图）。",
        "Open the pass on your phone; check the phone's clock.",
        "请打开手机实时通行码，并检查手机时间。",
    ),
    Reason.SLOT_USED: _text(
        Severity.WARNING,
        "This pass was just used.",
        "此码刚刚已被使用。",
        "Wait for the next code on your phone.",
        "请等待手机刷新出下一个码。",
    ),
    Reason.STICKER_UNKNOWN: _text(
        Severity.NOTICE, "This label is not known here.", "未登记此标签。", *_DESK
    ),
    Reason.STATUS_UNKNOWN: _text(
        Severity.NOTICE,
        "This code is newer than this entrance's list.",
        "此码尚未同步到本通道。",
        *_DESK,
    ),
    Reason.REVOKED: _text(Severity.WARNING, "This code was revoked.", "此码已被吊销。", *_NEW_CODE),
    Reason.SUSPENDED: _text(Severity.NOTICE, "This code is suspended.", "此码已被暂停。", *_DESK),
    Reason.POLICY_STALE: _text(
        Severity.WARNING,
        "This entrance has not heard from its controller for too long.",
        "此通道与控制中心失联过久。",
        *_DESK,
    ),
    Reason.ROSTER_UNREADABLE: _text(
        Severity.ALARM,
        "This entrance cannot read its rules about you.",
        "此通道无法读取您的通行规则。",
        *_DESK,
    ),
    Reason.NOT_LISTED: _text(
        Severity.NORMAL, "You are not on the list of this site.", "您不在本场所名单中。", *_DESK
    ),
    Reason.NOT_AUTHORISED: _text(
        Severity.NORMAL,
        "You may not pass here.",
        "您无权从此处通行。",
        "Use an entrance that is open to you, or ask at the desk.",
        "请走您有权限的通道，或到前台咨询。",
    ),
    Reason.OUTSIDE_SCHEDULE: _text(
        Severity.NORMAL,
        "You may not pass here at this time.",
        "当前时间不允许通行。",
        "Come back within your hours.",
        "请在允许的时间内通行。",
    ),
    Reason.QUALIFICATION_MISSING: _text(
        Severity.NORMAL,
        "A required training is missing.",
        "缺少所需的培训或资质。",
        "Take the training first.",
        "请先完成培训。",
    ),
    Reason.QUALIFICATION_EXPIRED: _text(
        Severity.NORMAL,
        "A required training is out of date.",
        "所需的培训或资质已过期。",
        "Renew the training first.",
        "请先更新培训。",
    ),
    Reason.NOT_THIS_WAY: _text(
        Severity.NORMAL,
        "You may not pass here in this direction.",
        "您无权按此方向通行。",
        "Use the reader on the other side, or ask at the desk.",
        "请使用另一侧的读码器，或到前台咨询。",
    ),
    Reason.DAY_LIMIT: _text(
        Severity.NORMAL,
        "You have used your entries for today.",
        "您今天的入场次数已用完。",
        "Come back tomorrow, or ask at the desk.",
        "请明天再来，或到前台咨询。",
    ),
    Reason.VISIT_LIMIT: _text(
        Severity.NORMAL,
        "You have used the entries of your visit.",
        "您本次来访的入场次数已用完。",
        "Ask your host or the desk for another entry.",
        "请联系接待人或前台增加入场次数。",
    ),
    Reason.USED_UP: _text(
        Severity.NOTICE,
        "This code was for one passage and has been used.",
        "此码仅限一次通行，已被使用。",
        *_NEW_CODE,
    ),
    Reason.TOO_SOON: _text(
        Severity.NORMAL,
        "You passed here a moment ago.",
        "您刚刚在此通行过。",
        "Wait a little and show the code again.",
        "请稍候再出示门禁码。",
    ),
    Reason.ALREADY_INSIDE: _text(
        Severity.WARNING,
        "This code has entered and not left.",
        "此码显示已入场且尚未离场。",
        "Scan at the exit when you leave; ask at the desk to be counted out.",
        "离场时请在出口扫码；如已离场，请到前台登记。",
    ),
    Reason.NOT_INSIDE: _text(
        Severity.WARNING,
        "This code leaves without having entered.",
        "此码没有入场记录，无法离场。",
        "Ask at the desk to be counted in.",
        "请到前台补登入场。",
    ),
    Reason.PASSED_RECENTLY: _text(
        Severity.NOTICE,
        "This code entered a short while ago.",
        "此码不久前刚入场。",
        "Wait until the time is over, or ask at the desk.",
        "请等待规定时间后再试，或到前台咨询。",
    ),
    Reason.ZONE_FULL: _text(
        Severity.NORMAL,
        "This area is full.",
        "该区域人数已满。",
        "Wait until somebody has left.",
        "请等待有人离开后再进入。",
    ),
    Reason.PRESENCE_UNKNOWN: _text(
        Severity.NOTICE,
        "This entrance cannot know now who is inside.",
        "此通道暂时无法确认在场情况。",
        *_DESK,
    ),
    Reason.INTERLOCK_OPEN: _text(
        Severity.NORMAL,
        "Another door must be closed first.",
        "另一扇门尚未关闭。",
        "Close the other door and show the code again.",
        "请先关闭另一扇门，再出示门禁码。",
    ),
    Reason.INTERLOCK_UNKNOWN: _text(
        Severity.WARNING,
        "This door cannot see whether the other one is closed.",
        "此门无法确认另一扇门是否关闭。",
        *_DESK,
    ),
    Reason.ESCORT_NEEDED: _text(
        Severity.NORMAL,
        "You enter here together with an escort.",
        "此处须由陪同人员带领进入。",
        "Let your escort show a code now.",
        "请陪同人员现在出示门禁码。",
    ),
    Reason.SECOND_PERSON_NEEDED: _text(
        Severity.NORMAL,
        "Two persons must enter here together.",
        "此处须两人同时进入。",
        "Let the second person show a code now.",
        "请第二人现在出示门禁码。",
    ),
    Reason.LOCKDOWN_PASSED: _text(
        Severity.WARNING, "Passed by rank during a lockdown.", "封控期间凭级别通行。"
    ),
    Reason.DURESS: _text(
        Severity.ALARM,
        "The holder signals being forced. Never show this at the gate.",
        "持码人发出胁迫信号，切勿在通道处显示。",
    ),
    Reason.NO_CODE: _text(
        Severity.NORMAL,
        "No code was shown.",
        "未出示门禁码。",
        "Ask the guard to let you in by hand.",
        "请联系安保人员人工登记。",
    ),
    Reason.BY_HAND: _text(Severity.NOTICE, "Please pass.", "请通行。"),
    Reason.NOT_RECORDED: _text(
        Severity.ALARM,
        "The entrance cannot record and stays closed.",
        "此通道无法记录，暂停通行。",
        *_DESK,
    ),
    Reason.BUSY: _text(
        Severity.WARNING,
        "Too much at once.",
        "系统繁忙。",
        "Hold your code up again.",
        "请重新出示二维码。",
    ),
}

WAITING = frozenset({Reason.ESCORT_NEEDED, Reason.SECOND_PERSON_NEEDED})
"""Denials that another person can turn into a grant within moments; shown as waiting, not refused.
"""

SILENT = frozenset({Reason.DURESS})
"""Notices that nothing at a portal may show: no lamp, no tone, no screen, no line of a log."""
