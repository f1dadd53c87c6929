"""Many processes on one database."""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do yet."""


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
