"""Who lives in the demonstration: its site, its three portals, its people and their badges."""

from dataclasses import dataclass

from doorward.credential import CredentialClass
from doorward.ids import GatewayId, SiteId

SITE = SiteId("demo")
TIME_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPortal:
    """A gateway and the one portal that it serves; both have the same name.

    Attributes:
        label: for people, Chinese and English.
        zone: what lies behind it.
    """

    name: GatewayId
    label: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """A holder and what their badge says.

    Attributes:
        begins_tomorrow: the badge does not count yet, so that every portal refuses it today.
    """

    name: str
    credential_class: CredentialClass
    groups: tuple[str, ...]
    begins_tomorrow: bool = False


PORTALS = (
    DemoPortal(name=GatewayId("north-gate"), label="北门 / North gate", zone="campus"),
    DemoPortal(name=GatewayId("lab"), label="实验楼 / Laboratory", zone="lab"),
    DemoPortal(name=GatewayId("dormitory"), label="宿舍楼 / Dormitory", zone="dormitory"),
)

CAMPUS = PORTALS[0].zone
"""The zone that the others lie within."""

ZONES = tuple(portal.zone for portal in PORTALS)

STAFF, RESEARCHERS, RESIDENTS, GUESTS = "staff", "researchers", "residents", "guests"
GROUPS = (STAFF, RESEARCHERS, RESIDENTS, GUESTS)

STAFF_RANK = 5

RIGHTS = (
    (STAFF, "campus"),
    (STAFF, "lab"),
    (STAFF, "dormitory"),
    (RESEARCHERS, "campus"),
    (RESEARCHERS, "lab"),
    (RESIDENTS, "campus"),
    (RESIDENTS, "dormitory"),
    (GUESTS, "campus"),
)
"""Which group may enter which zone, at all times."""

PEOPLE = (
    DemoPerson(
        name="Maria Rossi",
        credential_class=CredentialClass.VISITOR,
        groups=(GUESTS,),
        begins_tomorrow=True,
    ),
    DemoPerson(name="刘洋 Liu Yang", credential_class=CredentialClass.VISITOR, groups=(GUESTS,)),
    DemoPerson(
        name="Omar Haddad", credential_class=CredentialClass.CONTRACTOR, groups=(RESEARCHERS,)
    ),
    DemoPerson(
        name="陈静 Chen Jing", credential_class=CredentialClass.RESIDENT, groups=(RESIDENTS,)
    ),
    DemoPerson(
        name="张伟 Zhang Wei", credential_class=CredentialClass.RESIDENT, groups=(RESIDENTS,)
    ),
    DemoPerson(
        name="李强 Li Qiang", credential_class=CredentialClass.EMPLOYEE, groups=(RESEARCHERS,)
    ),
    DemoPerson(name="Anna Keller", credential_class=CredentialClass.EMPLOYEE, groups=(STAFF,)),
    DemoPerson(name="王芳 Wang Fang", credential_class=CredentialClass.EMPLOYEE, groups=(STAFF,)),
)
"""In the order in which their badges are issued; lists show the newest first, one of the staff."""

FOREIGN_CODES = (
    ("网址 / A web address", "https://example.org/menu"),
    ("Wi-Fi 二维码 / Wi-Fi code", "WIFI:T:WPA;S:guest;P:not-a-badge;;"),
)
"""What people hold up by mistake: label and text."""
