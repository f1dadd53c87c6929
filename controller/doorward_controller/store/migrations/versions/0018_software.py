"""Nothing: releases lie in files, and what a gateway runs stands in what it reported."""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
