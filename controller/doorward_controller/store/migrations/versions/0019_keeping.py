"""How long what is kept; and folding everybody anew in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _fold_in_pieces()


def _fold_in_pieces() -> None:
    op.add_column("presence_rules", sa.Column("anew_to_id", sa.BigInteger, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
