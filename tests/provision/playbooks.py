"""Runs the playbooks as an installer does, against machines of these tests."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.provision.machines import House, Machine
from tests.provision.tree import ROOT

ANSIBLE = ROOT / ".tools" / "ansible" / "bin"
HOME = ROOT / "ansible"
LONGEST_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recap:
    """What a playbook did to one host."""

    ok: int
    changed: int
    failures: int
    unreachable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a run."""

    status: int
    said: str
    hosts: Mapping[str, Recap]
    changed: tuple[str, ...]


def is_unchanged(played: Played) -> bool:
    """Whether a run reached all hosts, and nothing was to be done at any."""
    recaps = played.hosts.values()
    return bool(recaps) and all(
        not (each.changed or each.failures or each.unreachable) for each in recaps
    )


class Installer:
    """Somebody with an inventory and the playbooks."""

    def __init__(self, house: House, folder: Path) -> None:
        """Keeps the inventory in a folder."""
        self._house = house
        self.folder = folder
        self._groups: dict[str, dict[str, dict[str, Any]]] = {}
        self._variables: dict[str, Any] = {}

    def know(self, group: str, machine: Machine, **variables: object) -> None:
        """Adds a host to the inventory."""
        reached = {
            "ansible_host": machine.address,
            "ansible_user": "root",
            "ansible_ssh_common_args": " ".join(self._house.ssh_options()),
        }
        self._groups.setdefault(group, {})[machine.name] = {**reached, **variables}

    def forget(self, group: str, name: str) -> None:
        """Takes a host out of the inventory."""
        del self._groups[group][name]

    def set(self, **variables: object) -> None:
        """Sets variables of all hosts."""
        self._variables |= variables

    def play(self, name: str, *arguments: str, **more: object) -> Played:
        """Runs a playbook; `more` are variables of this run."""
        inventory = self.folder / "hosts.json"
        children = {group: {"hosts": hosts} for group, hosts in self._groups.items()}
        whole = {"all": {"vars": self._variables, "children": children}}
        inventory.write_text(json.dumps(whole), "utf-8")
        argv = [
            *self._house.inside(),
            *(str(ANSIBLE / "ansible-playbook"), "-i", str(inventory)),
            *("-e", json.dumps(more), *arguments, str(HOME / "playbooks" / f"{name}.yml")),
        ]
        env = os.environ | {
            "ANSIBLE_CONFIG": str(HOME / "ansible.cfg"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, env=env, timeout=LONGEST_S
        )
        said = done.stdout + done.stderr
        (self.folder / f"{name}.log").write_text(said, "utf-8")
        return Played(
            status=done.returncode, said=said, hosts=_recap(said), changed=tuple(_changed(said))
        )


def _recap(said: str) -> dict[str, Recap]:
    """Reads the last lines of a run: `host : ok=1 changed=0 unreachable=0 failed=0 …`."""
    _, _, lines = said.partition("PLAY RECAP")
    hosts = {}
    for line in lines.splitlines():
        name, colon, rest = line.partition(" : ")
        if not colon:
            continue
        counts = dict(pair.split("=") for pair in rest.split())
        hosts[name.strip()] = Recap(
            ok=int(counts["ok"]),
            changed=int(counts["changed"]),
            failures=int(counts["failed"]),
            unreachable=int(counts["unreachable"]),
        )
    return hosts


def _changed(said: str) -> list[str]:
    """Returns the names of tasks that changed something."""
    found, task = [], ""
    for line in said.splitlines():
        if line.startswith(("TASK [", "RUNNING HANDLER [")):
            task = line.partition("[")[2].partition("]")[0]
        elif line.startswith("changed: ["):
            found.append(task)
    return found
