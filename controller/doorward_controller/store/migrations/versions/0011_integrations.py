"""What other systems are told and tell: webhooks, directories of people."""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do yet."""


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
