"""The audit log: every act and every refusal is an entry, in one chain."""

import threading

import pytest

from doorward_controller.domain.permissions import Role
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import accounts, audit_check, holders, rules
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from tests.controller.conftest import ADMIN, AUDITOR, ISSUER, SECURITY


def fill(backend: Backend, entries: int = 4) -> None:
    for _ in range(entries):
        rules.save_rules(backend, SECURITY, rules.current(backend))


def verified(backend: Backend) -> audit_check.Verified:
    return audit_check.verify(backend.config, backend.store, backend.keys.audit.public)


def entries(backend: Backend) -> list[tuple[str, str, str]]:
    rows = audit_trail.page(backend.store, limit=500).items
    return [(row.actor, row.action, row.outcome) for row in reversed(rows)]


def test_act_is_one_entry(backend: Backend) -> None:
    fill(backend, 1)
    assert entries(backend) == [("sam", "save_rules", "done")]


def test_refused_attempt_is_an_entry(backend: Backend) -> None:
    with pytest.raises(ForbiddenError):
        rules.save_rules(backend, AUDITOR, rules.current(backend))
    assert entries(backend) == [("ada", "save_rules", "forbidden")]


def test_act_that_fails_is_an_entry_with_its_code(backend: Backend) -> None:
    with pytest.raises(ActError):
        accounts.create_operator(backend, ADMIN, name="x", password="short", role=Role.ADMIN)
    assert entries(backend) == [("local", "create_operator", "password_length")]


def test_every_look_at_personal_data_is_an_entry(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"))
    holders.read_holders(backend, SECURITY, [holder])
    row = audit_trail.page(backend.store, AuditFilter(action="read_personal")).items[0]
    assert (row.actor, row.subject) == ("sam", holder)


def test_entries_of_many_threads_make_one_chain(backend: Backend) -> None:
    threads = [threading.Thread(target=fill, args=(backend, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verified(backend).finding is None
    assert len(entries(backend)) == 20
