"""The words of the pages, in English and Chinese."""

from enum import StrEnum

from doorward_edge.by_hand import Cause, Way


class Language(StrEnum):
    """What a page speaks; the value is its `lang` attribute."""

    ENGLISH = "en"
    CHINESE = "zh-Hans"


def language_of(chosen: str, accepted: str) -> Language:
    """Returns the language of a page.

    Args:
        chosen: what the reader chose before, or empty.
        accepted: the browser's Accept-Language.
    """
    if chosen in set(Language):
        return Language(chosen)
    return Language.CHINESE if accepted.lower().startswith("zh") else Language.ENGLISH


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        """Takes the language."""
        self.language = language

    def __call__(self, key: str, /, **values: object) -> str:
        """Returns a text, with values filled in. Raises KeyError for one that does not exist."""
        en, zh = TEXTS[key]
        return (zh if self.language is Language.CHINESE else en).format(**values)

    def pick(self, en: str, zh: str) -> str:
        """Returns the one of two texts that this page speaks."""
        return zh if self.language is Language.CHINESE else en


TEXTS: dict[str, tuple[str, str]] = {
    "other_language": ("中文", "English"),
    "sign_in": ("Sign in", "登录"),
    "sign_in_manual": ("Register by hand", "人工登记"),
    "sign_in_service": ("Maintenance", "设备维护"),
    "sign_out": ("Sign out", "退出"),
    "staff_number": ("Staff number", "工号"),
    "pin": ("PIN", "PIN 码"),
    "wrong": ("Staff number or PIN is wrong.", "工号或 PIN 码错误。"),
    "wait": (
        "Too many wrong attempts. Try again in {minutes} min {seconds} s.",
        "错误次数过多，请在 {minutes} 分 {seconds} 秒后再试。",
    ),
    "busy": ("Busy. Try again in a moment.", "系统忙，请稍候再试。"),
    "no_staff": (
        "This gateway has no staff list yet. It comes from the controller.",
        "此网关尚未收到工作人员名单，名单由控制中心下发。",
    ),
    "signed_in_as": ("Signed in: {who}", "已登录：{who}"),
    "not_allowed": ("Your staff number may not use this page.", "您的工号无权使用此页面。"),
    "manual": ("Register by hand", "人工登记"),
    "manual_hint": (
        "Every entry goes on record with your staff number.",
        "每次登记都会连同您的工号一起记录。",
    ),
    "offline": ("Deciding without the controller", "离线判定中"),
    "portal": ("Entrance", "通道"),
    "way": ("Direction", "方向"),
    "way.in": ("In", "进入"),
    "way.out": ("Out", "离开"),
    "code": ("Code on the badge or label", "证件或标签上的编码"),
    "code_hint": (
        "Type it, or use a hand scanner. Leave it empty if there is none.",
        "手动输入或用扫码枪读取；没有则留空。",
    ),
    "subject.reference": ("Badge number or company reference", "工牌号或单位编号"),
    "subject.name": ("Name or reference", "姓名或编号"),
    "subject_hint": (
        "Stored encrypted; it is not shown again here.",
        "加密保存，本页不再显示。",
    ),
    "cause": ("Why by hand", "人工登记原因"),
    "choose": ("Choose", "请选择"),
    "cause.camera_failed": ("The camera failed", "摄像头故障"),
    "cause.phone_dead": ("The phone is dead", "手机没电"),
    "cause.badge_forgotten": ("Badge forgotten", "忘带证件"),
    "cause.badge_damaged": ("Badge damaged", "证件损坏"),
    "cause.visitor": ("Visitor without a code", "访客无码"),
    "cause.emergency": ("Emergency", "紧急情况"),
    "cause.power_failed": ("Power or network failed", "断电或断网"),
    "cause.other": ("Something else", "其他"),
    "note": ("Remark", "备注"),
    "note_needed": ("Write what the reason was.", "请填写具体原因。"),
    "check_and_open": ("Check and open", "核验并放行"),
    "opened": ("Opened and recorded.", "已放行并记录。"),
    "refused": ("Not opened. The refusal is recorded.", "未放行，拒绝已记录。"),
    "not_recorded": (
        "Nothing was opened: the gateway cannot record. Call a technician.",
        "未放行：网关无法记录，请联系技术人员。",
    ),
    "no_answer": (
        "The gateway did not answer in time. Nothing is opened by this entry.",
        "网关未及时响应，本次登记不会放行。",
    ),
    "overrule": ("Open nevertheless", "仍然放行"),
    "overrule_hint": (
        "You open against the rules. Your staff number and the reason go on record.",
        "您将违反规则放行，工号和原因将被记录。",
    ),
    "overrule_gone": ("That entry is over. Register again.", "该登记已失效，请重新登记。"),
    "next_person": ("Next person", "下一位"),
    "back": ("Back", "返回"),
    "paper": ("Enter a paper form", "补录纸质登记"),
    "inside": ("Who is inside", "在场人员"),
    "inside_hint": (
        "As this gateway knows it, by credential. Names are in the console.",
        "以本网关所知为准，按凭证列出；姓名请在管理台查看。",
    ),
    "inside_certain": ("These are all.", "名单完整。"),
    "inside_unheard": (
        "Nothing is heard of {gateways}: there may be others, or fewer.",
        "收不到 {gateways} 的消息，人数可能有出入。",
    ),
    "inside_incomplete": (
        "This gateway has not seen everything that counts: there may be others.",
        "本网关的记录不完整，可能还有其他人在场。",
    ),
    "inside_who": ("Credential", "凭证"),
    "inside_since": ("Since", "进入时间"),
    "inside_seen_by": ("Seen by", "记录网关"),
    "inside_again": ("Look again", "刷新"),
    "paper_hint": (
        "For what was written on paper during an outage. Nothing is opened.",
        "补录停机期间的纸质登记，不会放行。",
    ),
    "happened": ("When it happened", "发生时间"),
    "happened_hint": ("Local time of this site.", "本场所当地时间。"),
    "why_late": ("Why on paper", "纸质登记原因"),
    "paper_save": ("Put on record", "保存记录"),
    "paper_saved": ("The paper form is on record.", "纸质登记已保存。"),
    "bad_portal": ("Choose an entrance.", "请选择通道。"),
    "bad_way": ("Choose a direction.", "请选择方向。"),
    "bad_cause": ("Choose why it is done by hand.", "请选择人工登记原因。"),
    "bad_who": (
        "Give a code, or say who it is.",
        "请填写编码或说明是谁。",
    ),
    "bad_reference": (
        "Only letters, digits, spaces and . / - _ here, up to {most}.",
        "此处只能填写字母、数字、空格和 . / - _，最多 {most} 个字符。",
    ),
    "bad_length": ("At most {most} characters.", "最多 {most} 个字符。"),
    "bad_time": (
        "Give a date and a time within the last year, not in the future.",
        "请填写一年以内且不晚于当前的日期和时间。",
    ),
    "no_site_time": (
        "This gateway does not know the site's time yet.",
        "此网关尚不知道本场所的时间。",
    ),
    "mend": ("Please correct what is marked.", "请更正标出的内容。"),
    "service": ("Maintenance", "设备维护"),
    "label": ("Device label", "设备标签"),
    "label_hint": ("This text is what the label's code says.", "以下文字即标签二维码的内容。"),
    "meters": ("Meters", "计量"),
    "meter": ("Meter", "项目"),
    "value": ("Value", "数值"),
    "meter.scans": ("Scans", "扫码次数"),
    "meter.by_hand": ("Registered by hand", "人工登记次数"),
    "meter.lock_cycles": ("Lock cycles, {portal}", "锁动作次数（{portal}）"),
    "meter.hours": ("Hours in service", "运行小时"),
    "meter.mib_written": ("MiB written to the card", "存储写入（MiB）"),
    "journal": ("Service journal", "维护日志"),
    "journal_empty": ("Nothing was entered yet.", "暂无记录。"),
    "journal_new": ("New entry", "新增记录"),
    "what": ("What was done", "维护内容"),
    "part": ("Part", "部件"),
    "serial_old": ("Serial number, old", "旧序列号"),
    "serial_new": ("Serial number, new", "新序列号"),
    "minutes": ("Minutes", "用时（分钟）"),
    "remarks": ("Remarks", "备注"),
    "who": ("By", "人员"),
    "when": ("When", "时间"),
    "delivered": ("Delivered", "已送达"),
    "waiting": ("Waiting", "待发送"),
    "save": ("Save", "保存"),
    "saved": ("Saved and recorded.", "已保存并记录。"),
    "too_long": ("Too long all together. Shorten it.", "内容过长，请缩短。"),
    "bad_what": ("Say what was done.", "请填写维护内容。"),
    "bad_minutes": ("A number of 0 to 1440.", "请填写 0 到 1440 之间的数字。"),
    "too_much": ("Too many requests. Wait a moment.", "请求过多，请稍候。"),
    "over": (
        "The page was too old or your session has ended. Nothing was done.",
        "页面已过期或登录已失效，未执行任何操作。",
    ),
    "not_found": ("There is no such page.", "页面不存在。"),
    "screen_gone": ("No connection to the gateway", "与网关失去连接"),
    "hold_hint": ("Hold the code flat, a hand's width away", "将二维码平放，距镜头约一掌"),
}

CAUSE_KEYS = {cause: f"cause.{cause.value}" for cause in Cause}
WAY_KEYS = {way: f"way.{way.value}" for way in Way}
