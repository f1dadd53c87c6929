"""The registry of every number in a health message (`doorward.health` says how they are read)."""

from doorward.health import Group, Level, Limits, Metric, Unit, described, kind_of, level_of
from doorward.health_board import BOARD, STORAGE, YES_IS_ALARM

_MB = 1_000_000
_DAY_S = 86_400

_JOURNAL = (
    described(
        "journal.pending",
        Group.JOURNAL,
        Unit.COUNT,
        ("Journal: waiting", "日志：待上传"),
        (
            "Records that the controller has not acknowledged.",
            "尚未得到控制中心确认的记录。",
        ),
    ),
    described(
        "journal.used_bytes",
        Group.JOURNAL,
        Unit.BYTES,
        ("Journal: used", "日志：已用空间"),
        ("What the journal takes of its room.", "日志占用的空间。"),
    ),
    described(
        "journal.capacity_bytes",
        Group.JOURNAL,
        Unit.BYTES,
        ("Journal: room", "日志：总空间"),
        ("What the journal may take.", "日志允许使用的空间。"),
    ),
    described(
        "journal.alarm",
        Group.JOURNAL,
        Unit.FLAG,
        ("Journal: filling", "日志：即将写满"),
        (
            "Four fifths are used by records that wait. Bring the network back.",
            "待上传记录已占用五分之四。请恢复网络。",
        ),
        YES_IS_ALARM,
    ),
    described(
        "journal_free_days",
        Group.JOURNAL,
        Unit.DAYS,
        ("Journal: days left", "日志：剩余天数"),
        (
            "How long the free room lasts at the pace of the last day, without the controller.",
            "在无法联系控制中心时，按最近一天的速度剩余空间可用的天数。",
        ),
        Limits(warning=14, alarm=3, clear_by=1, is_low_bad=True),
    ),
    described(
        "journal_silent_s",
        Group.JOURNAL,
        Unit.SECONDS,
        ("Journal: last write", "日志：上次写入"),
        (
            "Since the journal was last seen to write. It is tried at least once a minute.",
            "距上次确认日志写入的时间，至少每分钟检查一次。",
        ),
        Limits(warning=150, alarm=300),
    ),
)

_CAMERA = (
    described(
        "camera_fault",
        Group.CAMERA,
        Unit.FLAG,
        ("Camera fault", "摄像头故障"),
        (
            "The camera gives no pictures, always the same, black ones or white ones.",
            "摄像头无图像、图像不变、全黑或过曝。",
        ),
        YES_IS_ALARM,
    ),
    described(
        "frame_rate_mhz",
        Group.CAMERA,
        Unit.MILLI_HERTZ,
        ("Pictures a second", "每秒帧数"),
        ("Since the message before.", "自上次报告以来。"),
    ),
    described(
        "frame_rate_permille",
        Group.CAMERA,
        Unit.PERMILLE,
        ("Pictures, of those asked for", "帧率达成率"),
        (
            "A slow camera reads late. Look for heat, a loose cable or too dark a place.",
            "帧率过低会导致识读变慢。请检查温度、接线和光线。",
        ),
        Limits(warning=700, alarm=300, clear_by=100, is_low_bad=True),
    ),
    described(
        "capture_starts",
        Group.CAMERA,
        Unit.COUNT,
        ("Camera process starts", "摄像进程启动次数"),
        ("Since the gateway started; one is normal.", "自网关启动以来；1 为正常。"),
    ),
    described(
        "decode_p50_us",
        Group.CAMERA,
        Unit.MICROSECONDS,
        ("Decoding, median", "解码时间（中位数）"),
        ("Of one picture, over the last 512.", "最近 512 帧中单帧的解码时间。"),
    ),
    described(
        "decode_p99_us",
        Group.CAMERA,
        Unit.MICROSECONDS,
        ("Decoding, slowest 1 %", "解码时间（最慢 1%）"),
        (
            "Of one picture, over the last 512. Longer than from picture to picture: people wait.",
            "最近 512 帧中最慢的 1%。若超过帧间隔，人员需要等待。",
        ),
        Limits(warning=150_000, alarm=600_000, clear_by=30_000),
    ),
    described(
        "reads",
        Group.CAMERA,
        Unit.COUNT,
        ("Codes read by", "识读次数"),
        (
            "Which reader and which pass saw a code first, since the gateway started.",
            "自网关启动以来，由哪个识读器、哪一遍首先识读到。",
        ),
    ),
    described(
        "decoder.restarts",
        Group.CAMERA,
        Unit.COUNT,
        ("Decoder restarts", "解码进程重启次数"),
        (
            "Each was a picture that killed the decoder, or took too long.",
            "每次重启对应一帧使解码进程崩溃或超时的图像。",
        ),
    ),
    described(
        "decoder.frames",
        Group.CAMERA,
        Unit.COUNT,
        ("Pictures taken", "采集帧数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
    described(
        "decoder.camera_faults",
        Group.CAMERA,
        Unit.COUNT,
        ("Camera errors", "摄像头错误次数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
)

_DOOR_AND_LINK = (
    described(
        "lock_cycles",
        Group.DOOR,
        Unit.COUNT,
        ("Lock cycles", "锁动作次数"),
        ("How often the lock was released since the gateway started.", "自网关启动以来开锁次数。"),
    ),
    described(
        "uplink.round_trip_ms",
        Group.LINK,
        Unit.MILLISECONDS,
        ("Answer time", "应答时间"),
        (
            "From a message to the broker's acknowledgement, the last one.",
            "最近一条消息到代理服务器确认的时间。",
        ),
        Limits(warning=1_000, alarm=5_000, clear_by=200),
    ),
    described(
        "uplink.reconnects",
        Group.LINK,
        Unit.COUNT,
        ("Reconnections", "重连次数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
    described(
        "uplink.in_flight",
        Group.LINK,
        Unit.COUNT,
        ("Batches on their way", "传输中的批次"),
        ("Sent and not yet acknowledged.", "已发送尚未确认。"),
    ),
    described(
        "certificate_days_left",
        Group.LINK,
        Unit.DAYS,
        ("Certificate: days left", "证书剩余天数"),
        (
            "Renewed by itself in time. After its end the broker refuses this gateway: new keys.",
            "证书会自动及时续签；到期后代理服务器将拒绝本网关，需更换密钥。",
        ),
        Limits(warning=21, alarm=7, is_low_bad=True),
    ),
)

_TIME_AND_POLICY = (
    described(
        "clock_offset_us",
        Group.TIME,
        Unit.MICROSECONDS,
        ("Clock: off by", "时钟偏差"),
        (
            "How far the kernel still has to move the clock, either way.",
            "内核尚需校正的时钟偏差（绝对值）。",
        ),
        Limits(warning=500_000, alarm=5_000_000, clear_by=100_000),
    ),
    described(
        "clock_error_ms",
        Group.TIME,
        Unit.MILLISECONDS,
        ("Clock: may be off by", "时钟最大误差"),
        (
            "The bound of the error: what the source says, and drift since it was last heard.",
            "误差上限：时间源声明的误差加上失步后的漂移。",
        ),
        Limits(warning=2_000, alarm=30_000, clear_by=500),
    ),
    described(
        "clock_unsynchronised_s",
        Group.TIME,
        Unit.SECONDS,
        ("Clock: alone for", "时钟失步时间"),
        (
            "Since the time source was last heard. See that the gateway reaches a time server.",
            "距上次与时间源同步的时间。请确认网关可访问时间服务器。",
        ),
        Limits(warning=3_600, alarm=3 * _DAY_S),
    ),
    described(
        "policy_age_s",
        Group.POLICY,
        Unit.SECONDS,
        ("Policy: age", "策略时效"),
        (
            "Since the controller last confirmed what applies. Each portal has its own bound.",
            "距控制中心上次确认策略的时间。每个通道有各自的时限。",
        ),
        Limits(warning=_DAY_S, alarm=3 * _DAY_S),
    ),
)

_PROCESS = (
    described(
        "memory_bytes",
        Group.PROCESS,
        Unit.BYTES,
        ("Memory", "内存占用"),
        (
            "Of all the gateway's processes, what they share counted once.",
            "网关所有进程的内存，共享部分只计一次。",
        ),
        Limits(warning=220 * _MB, alarm=300 * _MB, clear_by=20 * _MB),
    ),
    described(
        "memory_growth_bytes_a_day",
        Group.PROCESS,
        Unit.BYTES_A_DAY,
        ("Memory growth", "内存增长"),
        (
            "The trend of the last hours. What keeps growing must be reported to the maker.",
            "最近数小时的趋势。若持续增长，请向厂商报告。",
        ),
        Limits(warning=20 * _MB, alarm=100 * _MB, clear_by=5 * _MB),
    ),
    described(
        "file_descriptors",
        Group.PROCESS,
        Unit.COUNT,
        ("Open files", "打开文件数"),
        ("Of the gateway's main process.", "网关主进程打开的文件数。"),
        Limits(warning=300, alarm=800, clear_by=50),
    ),
    described(
        "running_s",
        Group.PROCESS,
        Unit.SECONDS,
        ("Gateway on since", "网关运行时间"),
        ("Since the gateway's program started.", "自网关程序启动以来的时间。"),
    ),
    described(
        "counters.scans",
        Group.COUNTERS,
        Unit.COUNT,
        ("Scans", "扫描次数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
    described(
        "counters.granted",
        Group.COUNTERS,
        Unit.COUNT,
        ("Granted", "放行次数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
    described(
        "counters.denied",
        Group.COUNTERS,
        Unit.COUNT,
        ("Refused", "拒绝次数"),
        ("Since the gateway started.", "自网关启动以来。"),
    ),
    described(
        "counters.late",
        Group.COUNTERS,
        Unit.COUNT,
        ("Written late", "延迟写入次数"),
        (
            "The lock was told before the record was on the disk: the disk is slow.",
            "开锁先于记录落盘：磁盘较慢。",
        ),
    ),
    described(
        "counters.not_recorded",
        Group.COUNTERS,
        Unit.COUNT,
        ("Refused because not recorded", "因无法记录而拒绝"),
        (
            "The disk took no record, so nobody was let in.",
            "磁盘无法写入记录，因此未放行。",
        ),
        Limits(warning=1),
    ),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *BOARD,
        *STORAGE,
        *_JOURNAL,
        *_CAMERA,
        *_DOOR_AND_LINK,
        *_TIME_AND_POLICY,
        *_PROCESS,
    )
}
"""Every number that this version knows, by name."""


def metric_of(name: str) -> Metric | None:
    """Returns what a number means, or None for one of a newer gateway's."""
    return METRICS.get(kind_of(name))


def judge(name: str, value: int, before: Level = Level.OK) -> Level:
    """Returns how bad a number is; one that is not known is well."""
    metric = metric_of(name)
    return level_of(metric.limits, value, before) if metric else Level.OK
