"""The board and its storage in a health message: a part of `doorward.health_metrics`."""

from doorward.health import Group, Limits, Unit, described

YES_IS_ALARM = Limits(alarm=1)
YES_IS_WARNING = Limits(warning=1)
_MB = 1_000_000


BOARD = (
    described(
        "temperature_mc",
        Group.BOARD,
        Unit.MILLI_CELSIUS,
        ("Temperature", "温度"),
        (
            "Of the processor. From 80 °C on it slows itself down: shade the housing, clean it.",
            "处理器温度。超过 80 °C 会自动降速：请遮阳并清洁散热口。",
        ),
        Limits(warning=75_000, alarm=80_000, clear_by=5_000),
    ),
    described(
        "undervoltage_now",
        Group.BOARD,
        Unit.FLAG,
        ("Undervoltage now", "当前欠压"),
        (
            "The supply sags below 4.63 V: cards break and locks stick. Exchange supply or cable.",
            "供电低于 4.63 V：会损坏存储卡、使锁失灵。请更换电源或电源线。",
        ),
        YES_IS_ALARM,
    ),
    described(
        "undervoltage_seen",
        Group.BOARD,
        Unit.FLAG,
        ("Undervoltage since boot", "启动后曾欠压"),
        (
            "The supply has sagged at least once since the board started.",
            "自开机以来供电至少跌落过一次。",
        ),
        YES_IS_WARNING,
    ),
    described(
        "throttled_now",
        Group.BOARD,
        Unit.FLAG,
        ("Slowed down now", "当前降速"),
        (
            "The board runs slower because of heat or supply.",
            "主板因过热或供电不足正在降速运行。",
        ),
        YES_IS_WARNING,
    ),
    described(
        "throttled_seen",
        Group.BOARD,
        Unit.FLAG,
        ("Slowed down since boot", "启动后曾降速"),
        (
            "The board has run slower at least once since it started.",
            "自开机以来主板至少降速过一次。",
        ),
    ),
    described(
        "frequency_capped_now",
        Group.BOARD,
        Unit.FLAG,
        ("Frequency capped now", "当前限频"),
        (
            "The processor may not reach its full frequency, because of the supply.",
            "因供电问题，处理器频率被限制。",
        ),
        YES_IS_WARNING,
    ),
    described(
        "frequency_capped_seen",
        Group.BOARD,
        Unit.FLAG,
        ("Frequency capped since boot", "启动后曾限频"),
        (
            "The frequency was capped at least once since the board started.",
            "自开机以来频率至少被限制过一次。",
        ),
    ),
    described(
        "soft_temperature_limit_now",
        Group.BOARD,
        Unit.FLAG,
        ("Soft temperature limit now", "当前达到软温度限制"),
        (
            "The board keeps itself cooler by running slower.",
            "主板正通过降速来控制温度。",
        ),
        YES_IS_WARNING,
    ),
    described(
        "soft_temperature_limit_seen",
        Group.BOARD,
        Unit.FLAG,
        ("Soft temperature limit since boot", "启动后曾达到软温度限制"),
        (
            "The soft limit was reached at least once since the board started.",
            "自开机以来至少达到过一次软温度限制。",
        ),
    ),
    described(
        "cpu_permille",
        Group.BOARD,
        Unit.PERMILLE,
        ("Processor load", "处理器负载"),
        (
            "Share of all cores that was busy since the message before.",
            "自上次报告以来所有核心的忙碌比例。",
        ),
        Limits(warning=850, alarm=970, clear_by=100),
    ),
    described(
        "memory_available_bytes",
        Group.BOARD,
        Unit.BYTES,
        ("Memory available", "可用内存"),
        (
            "What programs can still take before the board begins to swap or kills one.",
            "在系统开始换页或结束进程之前仍可使用的内存。",
        ),
        Limits(warning=80 * _MB, alarm=40 * _MB, clear_by=20 * _MB, is_low_bad=True),
    ),
    described(
        "uptime_s",
        Group.BOARD,
        Unit.SECONDS,
        ("Board on since", "主板运行时间"),
        ("Since the board started.", "自主板启动以来的时间。"),
    ),
)

STORAGE = (
    described(
        "disk_free_bytes",
        Group.STORAGE,
        Unit.BYTES,
        ("Disk free", "磁盘可用空间"),
        (
            "On the disk that holds the gateway's data. The journal's room is set aside already.",
            "网关数据所在磁盘的可用空间（日志空间已预留）。",
        ),
        Limits(warning=500 * _MB, alarm=150 * _MB, clear_by=50 * _MB, is_low_bad=True),
    ),
    described(
        "disk_written_bytes",
        Group.STORAGE,
        Unit.BYTES,
        ("Written since boot", "启动后写入量"),
        (
            "By all programs, to the disk that holds the gateway's data.",
            "所有程序写入网关数据磁盘的总量。",
        ),
    ),
    described(
        "disk_written_bytes_a_day",
        Group.STORAGE,
        Unit.BYTES_A_DAY,
        ("Written a day", "每日写入量"),
        (
            "At the pace of the last day. A card of 32 GB bears some tens of TB in its life.",
            "按最近一天的速度估算。32 GB 存储卡寿命约为数十 TB 写入量。",
        ),
        Limits(warning=3_000 * _MB, alarm=15_000 * _MB, clear_by=500 * _MB),
    ),
    described(
        "storage_life_used_percent",
        Group.STORAGE,
        Unit.PERCENT,
        ("Storage life used", "存储寿命已用"),
        (
            "What an eMMC says of itself, in steps of ten. SD cards do not tell.",
            "eMMC 自报的寿命，以 10% 为步长。SD 卡不提供此信息。",
        ),
        Limits(warning=80, alarm=100),
    ),
    described(
        "storage_reserve",
        Group.STORAGE,
        Unit.COUNT,
        ("Storage reserve", "存储备用块状态"),
        (
            "Spare blocks of an eMMC: 1 enough, 2 four fifths used, 3 hardly any: exchange it.",
            "eMMC 备用块：1 充足，2 已用 80%，3 即将耗尽。为 3 时请更换主板。",
        ),
        Limits(warning=2, alarm=3),
    ),
    described(
        "storage_read_only",
        Group.STORAGE,
        Unit.FLAG,
        ("Storage is read-only", "存储只读"),
        (
            "The system took the disk for broken and writes no more: exchange the card.",
            "系统判定磁盘损坏并停止写入：请更换存储卡。",
        ),
        YES_IS_ALARM,
    ),
    described(
        "filesystem_errors",
        Group.STORAGE,
        Unit.COUNT,
        ("File system errors", "文件系统错误"),
        (
            "Counted by ext4 since the file system was last repaired: exchange the card soon.",
            "ext4 自上次修复以来的错误计数：请尽快更换存储卡。",
        ),
        Limits(warning=1, alarm=10),
    ),
)
