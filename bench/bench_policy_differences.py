"""Policy differences: two policies of 10,000 people and 100 portals compared, in processor time.

Nobody's groups are made to be alike: each person has one to three of 40 groups at random, so that
nearly every person has rights of their own, which is the hard case. Many sites have a few dozen.
"""

import random
import time

from bench.report import Report
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.policy import Policy
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.schedule import Schedule, SiteTime, Span
from doorward_controller.domain.policy_differences import differences

PEOPLE, PORTALS, GROUPS = 10_000, 100, 40
NOW_S = 1_790_000_000
WEEKDAYS, WEEKEND, ALL = 0b0011111, 0b1100000, 0b11111111


def run(report: Report) -> None:
    """Measure the comparison where one of 20 schedules ends 20 minutes earlier."""
    people = report.scaled(PEOPLE, 500)
    for name, most in (("rights of their own", 3), ("40 kinds of rights", 1)):
        before, after = (_policy(people, most, until) for until in (1380, 1360))
        seconds = []
        for _ in range(5):
            began = time.process_time()
            found = differences(before, after, now_utc_s=NOW_S, classes={})
            seconds.append(time.process_time() - began)
        report.samples(
            f"{people} people x {PORTALS} portals, {name}", seconds, unit="s of processor time"
        )
        report.note(f"{name}: {len(found.rights)} sentences about {found.affected} people.")


def _policy(people: int, most_groups: int, night_until: int) -> Policy:
    drawn = random.Random(1)  # the same on every run
    zones = tuple(f"zone-{n}" for n in range(PORTALS))
    groups = tuple(f"group-{n}" for n in range(GROUPS))
    schedules = (
        *(
            Schedule(
                name=f"s{n}",
                spans=(Span(WEEKDAYS, 400 + n * 10, 1000 + n * 20), Span(WEEKEND, 480, 720)),
            )
            for n in range(19)
        ),
        Schedule(name="night", spans=(Span(ALL, 1320, night_until),)),
    )
    draft = PolicyDraft(
        site=SiteId("main"),
        version=1,
        created_at=NOW_S,
        keyrings=(),
        time=SiteTime(zone="UTC", offsets=((0, 0),), day_types={}),
        zones=zones,
        groups=groups,
        schedules=schedules,
        grants=tuple(
            GrantDraft(group=group, zone=zone, schedule=drawn.choice(schedules).name)
            for zone in zones
            for group in drawn.sample(groups, 6)
        ),
        portals={
            PortalId(f"p{n}"): PortalDraft(zone=zones[n], gateway=GatewayId(f"g{n}"))
            for n in range(PORTALS)
        },
        people=[
            PersonDraft(
                credential_id=CredentialId((n + 1).to_bytes(8)),
                not_before=0,
                not_after=2**40,
                groups=tuple(sorted(drawn.sample(groups, drawn.randint(1, most_groups)))),
            )
            for n in range(people)
        ],
    )
    return Policy.from_body(build_body(draft))
