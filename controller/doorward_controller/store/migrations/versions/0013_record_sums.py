"""Sums of records by the hour, for charts."""

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do yet."""


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
