"""Limits by zone; which staff list a gateway holds."""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do yet."""


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
