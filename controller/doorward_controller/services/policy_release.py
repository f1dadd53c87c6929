"""Releasing a policy: the bundle is built from what the store holds, signed, kept, published."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from doorward import topics
from doorward.credential import Form
from doorward.envelope import Kind, seal_envelope
from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy_draft import PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.roster import StickerRow
from doorward.status import Status
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.rule_book import PortalOptions, RuleBook
from doorward_controller.errors import ConflictError
from doorward_controller.services import configuring, foreign_codes, staff, status_publishing
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, gateways, policies
from doorward_controller.store.credentials import RosterRow
from doorward_controller.store.gateways import PortalRow
from doorward_controller.store.policies import StoredBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The new version that the gateways are to apply."""

    version: int
    digest: str
    credentials: int


def release(backend: Backend, actor: Actor) -> Released:
    """Builds, signs, keeps, publishes the next bundle. Raises ForbiddenError or ConflictError."""
    site = backend.config.site
    check_read(backend, actor, Action.RELEASE_POLICY, site)
    # A million credentials take seconds: built from a snapshot, while intake goes on writing.
    with backend.store.read() as connection:
        bundle = _build(backend, connection, actor)
    with act(backend, actor, Action.RELEASE_POLICY, subject=site) as doing:
        policies.lock_site(doing.connection, site)
        if policies.newest_bundle_version(doing.connection, site) >= bundle.version:
            raise ConflictError("somebody else released in this moment", code="released_already")
        policies.add_bundle(doing.connection, site, bundle)
        doing.detail.update(version=bundle.version, credentials=bundle.credentials)
    _released_here.add(site)
    publish_bundle(backend)
    status_publishing.announce(backend, "bundle", bundle.version)
    return Released(version=bundle.version, digest=bundle.sha256, credentials=bundle.credentials)


_released_here: set[str] = set()
"""Sites for which this process has released a policy."""


def _next_version(backend: Backend, connection: sa.Connection, now_utc_s: int) -> int:
    """Returns the next version; the first one of a process is one that time alone has reached.

    The database may be an older one, restored from a backup: versions above its own were signed
    before, with other content. There were never more of them than seconds since the site began.
    """
    site = backend.config.site
    newest = policies.newest_bundle_version(connection, site)
    if newest == 0 or site in _released_here:
        return newest + 1
    return max(newest + 1, now_utc_s - policies.site_created_at(connection, site))


def publish_bundle(backend: Backend) -> None:
    """Publishes the newest bundle, retained."""
    site = backend.config.site
    with backend.store.read() as connection:
        bundle = policies.newest_bundle(connection, site)
    if bundle is not None:
        topic = topics.policy(site, topics.Policy.BUNDLE)
        backend.publisher.publish(topic, bundle.wire, retain=True)


def publish_current(backend: Backend) -> None:
    """Publishes everything retained again: whatever the broker lost, it has now."""
    publish_bundle(backend)
    status_publishing.publish(backend, full=True)
    staff.publish(backend)
    configuring.publish_all(backend)


@dataclass(slots=True)
class _Roster:
    """Reads the credentials once and collects the stickers among them on the way."""

    rows: Iterator[RosterRow]
    groups: frozenset[str]
    qualifications: frozenset[str]
    first_of_holders: Mapping[str, bytes]
    _labels: dict[bytes, tuple[bool, StickerRow]] = field(default_factory=dict)
    has_foreign: bool = False
    read: int = 0

    def people(self) -> Iterator[PersonDraft]:
        for row in self.rows:
            self.read += 1
            id_ = CredentialId(row.id)
            if row.sticker_hash is not None:
                self.has_foreign |= row.form == Form.FOREIGN
                self._add(row.sticker_hash, StickerRow(id_, row.status_index), row.status)
            yield PersonDraft(
                credential_id=id_,
                not_before=row.not_before,
                not_after=row.expires,
                groups=self._groups(row),
                qualifications=self._qualifications(row),
                holder=self._holder(row),
            )

    def stickers(self) -> Iterator[tuple[bytes, StickerRow]]:
        """Where each label leads, once `people` was read to its end."""
        return ((digest, label) for digest, (_, label) in self._labels.items())

    def _add(self, digest: bytes, label: StickerRow, status: int) -> None:
        """A number that was linked anew leads to what counts, or to what was revoked last."""
        counts = status != Status.REVOKED
        rank = (counts, label.status_index)
        known = self._labels.get(digest)
        if known is None or rank > (known[0], known[1].status_index):
            self._labels[digest] = (counts, label)

    def _holder(self, row: RosterRow) -> CredentialId | None:
        """Where a holder has several credentials, presence is kept under the first of them."""
        first = self.first_of_holders.get(row.holder_id or "", row.id)
        return None if first == row.id else CredentialId(first)

    def _groups(self, row: RosterRow) -> tuple[str, ...]:
        """A group that the rule book no longer has opens nothing and is left out."""
        named = {*_parsed(row.groups_json), *_parsed(row.holder_groups_json or "[]")}
        return tuple(sorted(named & self.groups))

    def _qualifications(self, row: RosterRow) -> tuple[tuple[str, int], ...]:
        held = dict(_parsed(row.holder_qualifications_json or "[]"))
        return tuple(sorted((n, until) for n, until in held.items() if n in self.qualifications))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Any, ...]:
    """Thousands of people share the same few lists of groups."""
    return tuple(json.loads(text))


def _build(backend: Backend, connection: sa.Connection, actor: Actor) -> StoredBundle:
    site, now_utc_s = backend.config.site, backend.clock.now().utc_s
    book_id, body_json = policies.newest_rule_book(connection, site)
    book = RuleBook.model_validate_json(body_json)
    roster = _Roster(
        credentials.roster(connection, now_utc_s),
        frozenset(book.groups),
        frozenset(book.qualifications),
        credentials.first_of_holders(connection, now_utc_s),
    )
    people = list(roster.people())
    draft = PolicyDraft(
        site=site,
        version=_next_version(backend, connection, now_utc_s),
        created_at=now_utc_s,
        keyrings=policies.keyring_wires(connection, site),
        time=book.site_time(now_utc_s),
        zones=book.zones,
        zone_rules=book.zone_rule_drafts(),
        groups=book.groups,
        group_rules=book.group_rule_drafts(),
        qualifications=book.qualifications,
        schedules=book.schedule_drafts(),
        grants=book.grant_drafts(),
        classes=book.class_groups(),
        portals=_portals(book, gateways.portals_of_site(connection, site)),
        gateways=gateways.record_keys(connection, site),
        forget_s=book.forget_s,
        people=people,
        stickers=roster.stickers(),
        foreign_salt=foreign_codes.salt_of(backend, site) if roster.has_foreign else b"",
    )
    try:
        body = build_body(draft)
    except ValueError as err:
        raise ConflictError(f"the rules do not make a policy: {err}", code="rules_unfit") from err
    return StoredBundle(
        version=draft.version,
        rule_book_id=book_id,
        released_at_utc_s=now_utc_s,
        released_by=actor.name,
        sha256=hashlib.sha256(body).hexdigest(),
        credentials=roster.read,
        wire=seal_envelope(Kind.BUNDLE, body, [backend.keys.policy]),
    )


def _portals(book: RuleBook, rows: tuple[PortalRow, ...]) -> dict[PortalId, PortalDraft]:
    """The enrolment says where a portal is, the rule book how it behaves."""
    drafts = {}
    for row in rows:
        options = book.portals.get(row.name) or PortalOptions.model_validate_json(row.options_json)
        drafts[PortalId(row.name)] = PortalDraft(
            zone=row.zone,
            gateway=GatewayId(row.gateway),
            **{name: getattr(options, name) for name in PortalOptions.model_fields},
        )
    return drafts
