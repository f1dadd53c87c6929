"""Timed work: vouching for the status list, and ending commands of which nothing more is heard.

Every gate knows by the first how fresh its rules are.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from doorward_controller.errors import ControllerError
from doorward_controller.services import (
    audit_checkpoints,
    backups,
    bulk_revocation,
    certificates,
    command_outcomes,
    disk_room,
    keeping_runs,
    kept_answers,
    key_rotation,
    plan_rounds,
    policy_release,
    postures,
    presence_folding,
    proposing,
    record_months,
    roll_out_steps,
    site_certificates,
    software,
    status_publishing,
    sum_keeping,
    webhook_delivering,
)
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.backend import Backend
from doorward_controller.services.cutting_off import CuttingOff
from doorward_controller.services.home_assistant import HomeAssistant
from doorward_controller.services.pausing import Pace

REFRESH_S = 15 * 60
"""A gateway calls its rules stale after 72 h by default; it hears from us 288 times before."""

EXPIRE_S = 2.0
"""Who watches a command sees its end about when its seconds are over."""

SIGN_S = 5.0
"""How often is looked whether the audit log's end is to be signed: a step along two indexes."""

ALERTS_S = 15.0
"""A gateway that is lost, or a number out of bounds, is told so soon; events are told at once."""

PLANS_S = 60.0
"""As often as gateways report their health: a meter that falls back is seen within a report."""

PURGE_S = 15 * 60.0
"""How often the answers to repeated requests that are older than their day are forgotten."""

PROPOSALS_S = 30.0
"""Who decides on a proposal whose time is over is refused anyway; this is for the list."""

CUT_OFF_S = 3.0
"""A revoked gateway is off the broker well within its minute, also when the broker was away."""

KEYS_S = 5.0
"""How soon a new key is used once the last gateway holds the keyring that brings it."""

CERTIFICATES_S = 5.0
"""How soon the broker refuses a certificate whose time is over; a look along an index."""

MONTHS_S = 600.0
"""Months lie ready a quarter of a year ahead; this is how soon a try that found no lock is made
again."""

SUMS_S = 5.0
"""What intake noted meanwhile is counted all the same, only more slowly; whoever asks who is inside
folds what waits to be."""

KEEPING_S = 5.0
"""How often a run that takes away what is kept no longer goes on, for half a second each."""

PRUNE_S = 600.0
"""Events are kept for weeks; what waits for a webhook that takes nothing may not grow for long."""

RELEASES_S = 10 * 60.0
"""What is newest is said anew every six hours; this is how soon a try that failed is made again."""

BACKUPS_S = 300.0
"""A backup is late after hours; who looks at the page sees it at once."""

DISKS_S = 30.0
"""A disk fills within minutes when something goes wrong on it."""

ENDS_S = 3_600.0
"""A certificate ends after years, and is warned of for weeks."""

_JOIN_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """Something to do every so often; `left_s` counts down to the next time."""

    name: str
    every_s: float
    act: Callable[[], int]
    left_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.left_s = self.every_s


class Jobs:
    """One thread that wakes for whatever is due; of many processes the leader's does the work."""

    def __init__(
        self, backend: Backend, refresh_s: float = REFRESH_S, expire_s: float = EXPIRE_S
    ) -> None:
        """Prepares; `start` runs it."""
        self._jobs = (
            _Job("status.refresh", refresh_s, partial(status_publishing.refresh, backend)),
            _Job("audit.sign", SIGN_S, partial(audit_checkpoints.sign_when_due, backend)),
            _Job("alerts.look", ALERTS_S, AlertWatch(backend).turn),
            _Job("commands.expire", expire_s, partial(command_outcomes.expire, backend)),
            _Job("postures.settle", expire_s, partial(postures.settle, backend)),
            _Job("suspensions.end", expire_s, partial(bulk_revocation.end_suspensions, backend)),
            _Job("keys.take_up", KEYS_S, lambda: len(key_rotation.take_up_due(backend))),
            _Job("policy.overtake", expire_s, partial(policy_release.publish_if_new, backend)),
            _Job("proposals.expire", PROPOSALS_S, partial(proposing.expire, backend)),
            _Job("presence.fold", SUMS_S, partial(_fold, backend, Pace(backend))),
            _Job("sums.add_up", SUMS_S, partial(_add_up, backend, Pace(backend))),
            _Job("proposals.resume", PROPOSALS_S, partial(proposing.resume, backend)),
            _Job("home_assistant.tell", ALERTS_S, HomeAssistant(backend).turn),
            _Job("webhooks.prune", PRUNE_S, partial(webhook_delivering.prune, backend)),
            _Job("answers.purge", PURGE_S, partial(kept_answers.purge, backend)),
            _Job("backups.look", BACKUPS_S, partial(backups.look, backend)),
            _Job("disks.look", DISKS_S, partial(disk_room.look, backend)),
            _Job("certificates.ends", ENDS_S, partial(site_certificates.look, backend)),
            _Job("plans.look", PLANS_S, partial(plan_rounds.make_round, backend)),
            _Job("gateways.cut_off", CUT_OFF_S, CuttingOff(backend).turn),
            _Job("certificates.settle", CERTIFICATES_S, partial(certificates.settle, backend)),
            _Job("records.months", MONTHS_S, partial(record_months.keep_ahead, backend)),
            _Job("keeping.take", KEEPING_S, partial(keeping_runs.turn, backend)),
            _Job("roll_outs.step", expire_s, partial(roll_out_steps.advance, backend)),
            _Job("releases.refresh", RELEASES_S, partial(software.refresh, backend)),
        )
        self._resume = _Job("proposals.resume_at_start", 0, partial(proposing.resume, backend, 0))
        self._backend, self._leading = backend, backend.leading
        self._sign_off = _Job("audit.sign_off", SIGN_S, partial(audit_checkpoints.sign, backend))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the work at hand."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)

    def sign_off(self) -> None:
        """Signs the audit log's end; call it when nothing else is going to be written."""
        if self._leading.is_held:
            _do(self._sign_off, self._backend)

    def _run(self) -> None:
        if self._leading.is_held:
            _do(self._resume, self._backend)
        while not self._stopping.wait(wait_s := min(job.left_s for job in self._jobs)):
            self._backend.measures.jobs_turned(self._backend.clock.now().mono_ms)
            for job in self._jobs:
                job.left_s -= wait_s
                if job.left_s <= 0:
                    job.left_s = job.every_s
                    if self._leading.is_held:
                        _do(job, self._backend)


def _add_up(backend: Backend, pace: Pace) -> int:
    """What intake noted is counted all the same, only more slowly."""
    return sum_keeping.add_up(backend, pace) if pace.may_begin() else 0


def _fold(backend: Backend, pace: Pace) -> int:
    """Whoever asks who is inside folds what waits; until then it can wait for the end of a rush."""
    if not pace.may_begin():
        return 0
    return presence_folding.settle(backend, presence_folding.JOB_S, pace)


def _do(job: _Job, backend: Backend) -> None:
    began_ms = backend.clock.now().mono_ms
    try:
        result = job.act()
    except ControllerError as err:
        backend.measures.job_failed(job.name)
        _log.warning("%s_failed problem=%s", job.name, err)
    except Exception:  # noqa: BLE001  # one failure must not end the work for good
        backend.measures.job_failed(job.name)
        _log.exception("%s_failed", job.name)
    else:
        now = backend.clock.now()
        backend.measures.job_done(job.name, at_utc_s=now.utc_s, took_ms=now.mono_ms - began_ms)
        _log.log(logging.INFO if result else logging.DEBUG, "%s result=%d", job.name, result)
