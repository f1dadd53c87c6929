"""What is missing is seen by itself, and installed only by who may."""

import io
import subprocess
from pathlib import Path

import pytest

from tools.bootstrapping.failures import SetupError
from tools.bootstrapping.packages import NEEDS, Purpose, install, missing_needs, root_prefix
from tools.bootstrapping.progress import Progress

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "install-packages"


def _names(purpose: Purpose, root: Path) -> list[str]:
    return [need.package for need in missing_needs(purpose, root=root)]


def test_an_empty_machine_lacks_everything_and_lint_needs_none_of_it(tmp_path: Path) -> None:
    assert _names(Purpose.PROVISION, tmp_path) == [need.package for need in NEEDS]
    assert set(_names(Purpose.PROVISION, tmp_path)) > set(_names(Purpose.TEST, tmp_path))
    assert _names(Purpose.DEMO, tmp_path) == ["mosquitto", "libzbar0", "libseccomp2"]
    assert _names(Purpose.LINT, tmp_path) == []


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("usr/sbin/mosquitto", "mosquitto"),
        ("usr/local/sbin/mosquitto", "mosquitto"),
        ("usr/lib/aarch64-linux-gnu/libzbar.so.0.3.0", "libzbar0"),
        ("usr/lib/x86_64-linux-gnu/libseccomp.so.2", "libseccomp2"),
        ("usr/lib/postgresql/17/bin/initdb", "postgresql"),
        ("usr/bin/chromium-headless-shell", "chromium-headless-shell"),
        ("usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "fonts-wqy-zenhei"),
    ],
)
def test_a_thing_counts_wherever_it_came_from(tmp_path: Path, file: str, package: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.touch()
    assert package not in _names(Purpose.TEST, tmp_path)


def test_root_needs_no_prefix_and_sudo_is_used_only_where_it_asks_nothing() -> None:
    assert root_prefix(0, which=lambda _: None) == []
    sudo = "/usr/bin/sudo"
    assert root_prefix(1000, which=lambda _: sudo, status_of=lambda _: 0) == ["sudo", "-n"]
    assert root_prefix(1000, which=lambda _: sudo, status_of=lambda _: 1) is None
    assert root_prefix(1000, which=lambda _: None) is None


def test_who_may_not_install_is_told_the_exact_command(tmp_path: Path) -> None:
    progress = Progress(io.StringIO(), tmp_path / "log")
    with pytest.raises(SetupError) as caught:
        install(NEEDS[:2], progress, tmp_path, has_apt=True, prefix=None)
    assert "the Mosquitto broker (mosquitto)" in caught.value.sentence
    assert "sudo tools/install-packages mosquitto libzbar0" in caught.value.advice


def test_a_machine_without_apt_is_told_what_to_install(tmp_path: Path) -> None:
    progress = Progress(io.StringIO(), tmp_path / "log")
    with pytest.raises(SetupError, match=r"the Mosquitto broker \(mosquitto\).*no apt-get"):
        install(NEEDS[:1], progress, tmp_path, has_apt=False, prefix=[])


class _Apt:
    """A folder with programs that stand for apt and note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()

    def program(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\n{body}\n')
        path.chmod(0o755)

    def run(self, *names: str) -> subprocess.CompletedProcess[str]:
        # The paths that the script writes to are moved below the folder: a test is no root.
        text = SCRIPT.read_text(encoding="utf-8")
        for place in ("/usr/sbin/policy-rc.d", "/etc/postgresql-common"):
            assert place in text
            text = text.replace(place, f"{self.folder}/root{place}")
        (self.folder / "root/usr/sbin").mkdir(parents=True, exist_ok=True)
        env = {"PATH": f"{self.folder}:/usr/bin:/bin"}
        argv = ["/bin/sh", "-c", text, "install-packages", *names]
        return subprocess.run(argv, env=env, check=False, capture_output=True, text=True)

    def left_behind(self) -> list[str]:
        return [str(path) for path in self.folder.joinpath("root").rglob("*") if path.is_file()]


@pytest.fixture
def apt(tmp_path: Path) -> _Apt:
    made = _Apt(tmp_path)
    made.program("apt-cache", "exit 0")
    made.program("apt-get", "exit 0")
    made.program("update-rc.d", "exit 0")
    return made


def test_known_packages_are_installed_without_fetching_the_lists(apt: _Apt) -> None:
    assert apt.run("libzbar0").returncode == 0
    calls = apt.calls.read_text()
    assert "install --no-install-recommends libzbar0" in calls
    assert "update" not in calls


def test_lists_are_fetched_when_a_package_is_unknown(apt: _Apt) -> None:
    apt.program("apt-cache", "exit 100")
    assert apt.run("libzbar0").returncode == 0
    lines = apt.calls.read_text().splitlines()
    assert lines[1] == "apt-get -q update"
    assert lines[2].endswith("--download-only libzbar0")
    assert lines[3].endswith("--no-install-recommends libzbar0")


def test_services_are_kept_off_during_the_installation_and_nothing_is_left_behind(
    apt: _Apt,
) -> None:
    policy = apt.folder / "root/usr/sbin/policy-rc.d"
    clusters = apt.folder / "root/etc/postgresql-common/createcluster.d"
    apt.program(
        "apt-get",
        f'sh "{policy}" mosquitto start; echo "start $?" >>"{apt.calls}"\n'
        f'sh "{policy}" --quiet dbus "(start)" 2; echo "bracketed $?" >>"{apt.calls}"\n'
        f'sh "{policy}" ssh restart; echo "restart $?" >>"{apt.calls}"\n'
        f'cat "{clusters}"/* >>"{apt.calls}"',
    )
    assert apt.run("mosquitto", "postgresql").returncode == 0
    calls = apt.calls.read_text()
    assert "start 101\nbracketed 101\nrestart 0\ncreate_main_cluster = false" in calls
    assert "update-rc.d mosquitto disable" in calls
    assert apt.left_behind() == []


def test_a_machines_own_policy_is_kept(apt: _Apt) -> None:
    policy = apt.folder / "root/usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text("its own")
    assert apt.run("libzbar0").returncode == 0
    assert policy.read_text() == "its own"


def test_outdated_lists_are_fetched_anew_when_a_download_fails(apt: _Apt) -> None:
    fetched = apt.folder / "fetched"
    apt.program(
        "apt-get",
        f'case "$*" in *update*) touch "{fetched}" ;;'
        f' *--download-only*) [ -e "{fetched}" ] || exit 100 ;; esac',
    )
    assert apt.run("libzbar0").returncode == 0
    calls = apt.calls.read_text()
    assert [line.split()[-2] for line in calls.splitlines()][1:] == [
        *("--download-only", "-q", "--download-only", "--no-install-recommends"),
    ]


def test_a_package_that_cannot_be_set_up_ends_it_and_nothing_is_left_behind(apt: _Apt) -> None:
    apt.program("apt-get", 'case "$*" in *--download-only*) ;; *install*) exit 100 ;; esac')
    assert apt.run("mosquitto").returncode == 100
    assert "update" not in apt.calls.read_text()
    assert apt.left_behind() == []
