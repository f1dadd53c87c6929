"""`doorward-controller policy`: what is released, what a release would change, the release."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated

import typer

from doorward_controller.cli.speaking import (
    AsJson,
    DryRun,
    actor_of,
    backend_of,
    in_columns,
    say,
)
from doorward_controller.domain.difference_words import (
    say_named,
    say_rights,
    say_roster,
    say_too_old,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.policy_differences import Differences
from doorward_controller.domain.software_age import TooOld
from doorward_controller.queries import policies
from doorward_controller.services import policy_preview, policy_release, proposing, rules
from doorward_controller.services.acting import check_read

policy_app = typer.Typer(no_args_is_help=True, help="The policy that gateways decide by.")


@policy_app.command("show")
def show(ctx: typer.Context, json_: AsJson = False) -> None:
    """The saved rules, and the newest releases."""
    backend = backend_of(ctx)
    check_read(backend, actor_of(backend), Action.READ_FLEET)
    releases = policies.releases(backend.store, limit=10)
    is_ahead = policies.has_unreleased_rules(backend.store)
    book = rules.current(backend)
    lines = [(f"version {row.version}", row.released_by, row.credentials) for row in releases]
    head = "the saved rules are newer than the released ones\n" if is_ahead else ""
    said = {
        "rules": book.model_dump(mode="json"),
        "releases": [asdict(row) for row in releases],
        "has_unreleased_rules": is_ahead,
    }
    say(json_, said, head + in_columns(lines, "nothing was released yet"))


@policy_app.command("differences")
def differences(ctx: typer.Context, json_: AsJson = False) -> None:
    """What a release would change, in words."""
    backend = backend_of(ctx)
    found = policy_preview.compare(backend, actor_of(backend))
    say(json_, _as_json(found), "\n".join(_sentences(found)))


@policy_app.command("release")
def release(
    ctx: typer.Context,
    propose: Annotated[
        str, typer.Option(help="Propose it to a second person, for this reason.")
    ] = "",
    dry_run: DryRun = False,
    json_: AsJson = False,
) -> None:
    """Release the saved rules to every gateway."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    if dry_run:
        found = policy_preview.compare(backend, actor)
        say(json_, _as_json(found), "\n".join(_sentences(found)))
        return
    if propose:
        made = proposing.propose_release(backend, actor, propose)
        say(json_, {"proposal": made.id}, f"proposed: {made.id}; somebody else decides")
        return
    done = policy_release.release(backend, actor)
    said = f"version {done.version} is released, with {done.credentials} badges"
    value = {
        "version": done.version,
        "credentials": done.credentials,
        "too_old": [asdict(each) for each in done.too_old],
    }
    say(json_, value, "\n".join([said, *_warnings(done.too_old)]))


def _sentences(found: Differences) -> list[str]:
    warnings = _warnings(found.too_old)
    if found.is_none:
        return ["nothing would change", *warnings]
    said = [*map(say_rights, found.rights), *map(say_named, found.named)]
    return [*(each.en for each in (*said, *say_roster(found.roster))), *warnings]


def _warnings(found: Sequence[TooOld]) -> list[str]:
    return [f"too old: {say_too_old(each).en}" for each in found]


def _as_json(found: Differences) -> dict[str, object]:
    return {
        "people": found.people,
        "affected": found.affected,
        "changes": [] if found.is_none else _sentences(replace(found, too_old=())),
        "too_old": [asdict(each) for each in found.too_old],
    }
