"""Claims by which a gateway asks for its certificate."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _claims()
    _certificates()


def _claims() -> None:
    op.create_table(
        "enrolment_claims",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_key", sa.LargeBinary(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("is_replacement", sa.Boolean(), nullable=False),
        sa.Column("portals_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("ask_by_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("decide_by_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("csr", sa.LargeBinary(), nullable=True),
        sa.Column("record_key", sa.LargeBinary(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("guard", sa.Text(), nullable=False),
        sa.Column("software", sa.Text(), nullable=False),
        sa.Column("asked_from", sa.Text(), nullable=False),
        sa.Column("asked_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("other_tries", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("fetched_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment_claims"),
        sa.UniqueConstraint("secret_key", name="uq_enrolment_claims_secret_key"),
    )
    op.create_index("ix_enrolment_claims_gateway", "enrolment_claims", ["gateway"])
    op.create_index("ix_enrolment_claims_made_at", "enrolment_claims", ["made_at_utc_ms"])


def _certificates() -> None:
    op.create_table(
        "gateway_certificates",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("gateway_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("csr_sha256", sa.Text(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("renews", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("issued_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_before_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("not_after_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("used_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("listed_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("serial", name="pk_gateway_certificates"),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name="fk_gateway_certificates_gateway_id"
        ),
    )
    op.create_index("ix_gateway_certificates_gateway_id", "gateway_certificates", ["gateway_id"])
    op.create_index("ix_gateway_certificates_end_at", "gateway_certificates", ["end_at_utc_s"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
