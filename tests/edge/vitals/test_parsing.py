"""What the kernel's files say, from samples as they stand on boards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.vitals import parsing
from doorward_edge.vitals.parsing import CpuTime, Mount

# /proc/self/mountinfo of a Raspberry Pi OS card, one mount with a blank in its name added.
MOUNTINFO = """\
21 26 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
22 26 0:21 / /proc rw,relatime shared:14 - proc proc rw
26 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
36 26 179:1 / /boot/firmware rw,relatime shared:19 - vfat /dev/mmcblk0p1 rw,fmask=0022
40 26 179:3 / /var/lib/doorward rw,noatime - ext4 /dev/mmcblk0p3 rw,errors=remount-ro
44 26 8:1 / /media/my\\040disk ro,relatime master:3 shared:9 - vfat /dev/sda1 ro
"""
# /sys/block/mmcblk0/stat, with the 17 fields of a current kernel.
STAT = (
    "   26338     8765  1835306    97217    81873    44552  2610922  1064211        0   252424 "
    " 1224733        0        0        0        0     7821    63304\n"
)
MEMINFO = "MemTotal:         947732 kB\nMemFree:          104012 kB\nMemAvailable:     601216 kB\n"
PROC_STAT = "cpu  4705 150 1120 163850 321 0 56 0 0 0\ncpu0 1200 30 300 41000 80 0 20 0 0 0\n"


@pytest.mark.parametrize(
    ("text", "bits"),
    [("0\n", 0), ("50005\n", 0x50005), ("d0008", 0xD0008), ("", None), ("0x5", None), ("x", None)],
)
def test_the_kernels_hexadecimal_flags(text: str, bits: int | None) -> None:
    assert parsing.throttled(text) == bits


def test_each_bit_of_the_firmwares_flags_has_its_name() -> None:
    flags = parsing.throttled_flags(0x50005)
    assert {name for name, is_set in flags.items() if is_set} == {
        "undervoltage_now",
        "throttled_now",
        "undervoltage_seen",
        "throttled_seen",
    }
    assert len(flags) == 8
    assert not any(parsing.throttled_flags(0).values())


def test_bytes_written_are_counted_in_the_kernels_sectors() -> None:
    assert parsing.written_bytes(STAT) == 2610922 * 512
    assert parsing.written_bytes("1 2 3") is None
    assert parsing.written_bytes("") is None


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("0x01 0x01\n", 10),
        ("0x02 0x03\n", 30),
        ("0x00 0x04\n", 40),
        ("0x0b 0x01\n", 110),
        ("0x00 0x00\n", None),
        ("0xff 0x00\n", None),
        ("", None),
    ],
)
def test_the_life_of_an_emmc(text: str, percent: int | None) -> None:
    assert parsing.life_used_percent(text) == percent


@pytest.mark.parametrize(
    ("text", "level"), [("0x01\n", 1), ("0x03", 3), ("0x00", None), ("", None)]
)
def test_the_reserve_of_an_emmc(text: str, level: int | None) -> None:
    assert parsing.reserve(text) == level


def test_memory_is_counted_in_bytes() -> None:
    assert parsing.meminfo_bytes(MEMINFO, "MemAvailable") == 601216 * 1024
    assert parsing.meminfo_bytes(MEMINFO, "Mem") is None


def test_the_load_of_all_cores_between_two_readings() -> None:
    first = parsing.cpu_time(PROC_STAT)
    assert first == CpuTime(
        busy=4705 + 150 + 1120 + 56, total=4705 + 150 + 1120 + 163850 + 321 + 56
    )
    later = CpuTime(busy=first.busy + 25, total=first.total + 100)
    assert parsing.busy_permille(first, later) == 250
    assert parsing.busy_permille(first, first) is None
    assert parsing.cpu_time("intr 5") is None


def test_a_folder_lies_on_the_deepest_mount_that_holds_it() -> None:
    held = parsing.mount_of(MOUNTINFO, "/var/lib/doorward/journal")
    assert held == Mount(
        device="179:3",
        point="/var/lib/doorward",
        kind="ext4",
        source="/dev/mmcblk0p3",
        is_read_only=False,
    )
    root = parsing.mount_of(MOUNTINFO, "/var/lib/doorward-old")
    assert root is not None
    assert root.point == "/"


def test_a_file_system_that_was_made_read_only_is_seen() -> None:
    broken = MOUNTINFO.replace("ext4 /dev/mmcblk0p3 rw,errors", "ext4 /dev/mmcblk0p3 ro,errors")
    held = parsing.mount_of(broken, "/var/lib/doorward")
    assert held is not None
    assert held.is_read_only
    disk = parsing.mount_of(MOUNTINFO, "/media/my disk/x")
    assert disk is not None
    assert (disk.point, disk.is_read_only) == ("/media/my disk", True)


def test_how_long_the_board_is_on() -> None:
    assert parsing.uptime_s("350735.47 234388.90\n") == 350735
    assert parsing.uptime_s("nan 1") is None
    assert parsing.uptime_s("") is None


@given(st.text(max_size=60))
def test_no_text_breaks_a_parser(text: str) -> None:
    parsing.number(text)
    parsing.throttled(text)
    parsing.written_bytes(text)
    parsing.life_used_percent(text)
    parsing.reserve(text)
    parsing.meminfo_bytes(text, "MemFree")
    parsing.cpu_time(text)
    parsing.uptime_s(text)
    parsing.mount_of(text, "/")
