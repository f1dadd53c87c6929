"""What the interface keeps: answers to repeated requests."""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do yet."""


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
