"""The playbooks as files: the linter's strictest profile, and every role says what it takes."""

import os
import subprocess

import pytest

from tests.provision.playbooks import ANSIBLE, HOME

ROLES = sorted(path.name for path in (HOME / "roles").iterdir() if path.is_dir())


@pytest.mark.timeout(600)
def test_the_linter_finds_nothing_in_its_strictest_profile() -> None:
    env = os.environ | {"PATH": f"{ANSIBLE}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(
        [str(ANSIBLE / "ansible-lint"), "--offline", "--profile=production"],
        cwd=HOME,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("role", ROLES)
def test_every_role_says_what_it_takes(role: str) -> None:
    assert (HOME / "roles" / role / "meta" / "argument_specs.yml").is_file()
