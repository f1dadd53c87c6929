"""Groups of a directory and who belongs to them; how much each caller may still ask."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _groups()
    _buckets()


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _groups() -> None:
    op.create_table(
        "directory_groups",
        _text("id"),
        _text("name"),
        _text("folded"),
        _text("external_id"),
        _number("version"),
        _number("created_at_utc_ms"),
        _number("changed_at_utc_ms"),
        sa.PrimaryKeyConstraint("id", name="pk_directory_groups"),
        sa.UniqueConstraint("folded", name="uq_directory_groups_folded"),
    )
    op.create_index("ix_directory_groups_external_id", "directory_groups", ["external_id"])
    op.create_table(
        "directory_members",
        _text("group_id"),
        _text("holder_id"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["directory_groups.id"], name="fk_directory_members_group_id"
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["directory_people.holder_id"], name="fk_directory_members_holder_id"
        ),
        sa.PrimaryKeyConstraint("group_id", "holder_id", name="pk_directory_members"),
    )
    op.create_index("ix_directory_members_holder_id", "directory_members", ["holder_id"])


def _buckets() -> None:
    """What is lost with a crash fills up again by itself: it need not be written twice."""
    op.create_table(
        "request_buckets",
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        _number("granted"),
        _number("at_utc_ms"),
        sa.PrimaryKeyConstraint("caller", name="pk_request_buckets"),
        prefixes=["UNLOGGED"] if op.get_bind().dialect.name == "postgresql" else [],
    )
    op.create_index("ix_request_buckets_at_utc_ms", "request_buckets", ["at_utc_ms"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
