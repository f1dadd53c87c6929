"""What a bundle would be made of, by what the store holds now: rules, people, portals.

The release signs it; what is shown before the release (differences, simulation) reads it back, so
that both speak of the same thing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from doorward.credential import Form
from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy_draft import PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.roster import StickerRow
from doorward.status import Status
from doorward_controller.domain.rule_book import PortalOptions, RuleBook
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services import directory_groups, foreign_codes
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, gateways, policies
from doorward_controller.store.credentials import RosterRow
from doorward_controller.store.gateways import PortalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """The body of a bundle, not signed.

    Attributes:
        credentials: how many it lists.
    """

    body: bytes
    book_id: int
    credentials: int


def draft(
    backend: Backend,
    connection: sa.Connection,
    *,
    version: int,
    now_utc_s: int,
    book_id: int | None = None,
) -> Drafted:
    """Builds a body.

    Args:
        backend: the controller's parts.
        connection: reads one snapshot.
        version: that it is to have.
        now_utc_s: when it is made; who has expired by then is left out.
        book_id: the edition of the rules; None: the newest.

    Raises:
        NotFoundError: there is no such edition.
        ConflictError: the rules do not make a policy.
    """
    site = backend.config.site
    found = policies.rule_book(connection, site, book_id)
    if found is None:
        raise NotFoundError(f"there is no rule book {book_id}", code="no_rule_book")
    number, body_json = found
    book = RuleBook.model_validate_json(body_json)
    roster = _Roster(
        credentials.roster(connection, now_utc_s),
        frozenset(book.groups),
        frozenset(book.qualifications),
        credentials.first_of_holders(connection, now_utc_s),
        directory_groups.brought_to(connection, book.brought()),
    )
    people = list(roster.people())
    made = PolicyDraft(
        site=site,
        version=version,
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
        body = build_body(made)
    except ValueError as err:
        raise ConflictError(f"the rules do not make a policy: {err}", code="rules_unfit") from err
    return Drafted(body=body, book_id=number, credentials=roster.read)


@dataclass(slots=True)
class _Roster:
    """Reads the credentials once and collects the stickers among them on the way."""

    rows: Iterator[RosterRow]
    groups: frozenset[str]
    qualifications: frozenset[str]
    first_of_holders: Mapping[str, bytes]
    of_directory: Mapping[str, tuple[str, ...]]
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
        named = {
            *_parsed(row.groups_json),
            *_parsed(row.holder_groups_json or "[]"),
            *self.of_directory.get(row.holder_id or "", ()),
        }
        return tuple(sorted(named & self.groups))

    def _qualifications(self, row: RosterRow) -> tuple[tuple[str, int], ...]:
        held = dict(_parsed(row.holder_qualifications_json or "[]"))
        return tuple(sorted((n, until) for n, until in held.items() if n in self.qualifications))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Any, ...]:
    """Thousands of people share the same few lists of groups."""
    return tuple(json.loads(text))


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
