"""Signed checkpoints of the audit log, and triggers that keep both as they are.

Whoever owns the database can drop a trigger; the chain of hashes and the checkpoints find what he
then changes. The triggers are against everybody else, our own program first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBERS = {"audit_log": "id", "audit_checkpoints": "number"}


def upgrade() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_checkpoints")),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at_utc_ms", "id"], unique=False)
    op.create_index("ix_audit_log_actor", "audit_log", ["actor", "id"], unique=False)
    op.create_index("ix_audit_log_action", "audit_log", ["action", "id"], unique=False)
    op.create_index("ix_audit_log_outcome", "audit_log", ["outcome", "id"], unique=False)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _for_sqlite() if is_sqlite else _for_postgresql():
        op.execute(statement)


def _for_sqlite() -> list[str]:
    """REPLACE deletes without asking a delete trigger: the one for INSERT stops it."""
    statements = []
    for table, number in _NUMBERS.items():
        for act in ("UPDATE", "DELETE"):
            statements.append(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} BEGIN"
                f" SELECT RAISE(ABORT, '{table} cannot be changed'); END"
            )
        statements.append(
            f"CREATE TRIGGER {table}_only_next BEFORE INSERT ON {table}"
            f" WHEN NEW.{number} IS NOT (SELECT coalesce(max({number}), 0) + 1 FROM {table}) BEGIN"
            f" SELECT RAISE(ABORT, '{table} only grows at its end'); END"
        )
    return statements


def _for_postgresql() -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION doorward_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% cannot be changed', TG_TABLE_NAME; END $$"
    ]
    for table, number in _NUMBERS.items():
        statements += [
            f"CREATE OR REPLACE FUNCTION {table}_only_next() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.{number} IS DISTINCT FROM"
            f" (SELECT coalesce(max({number}), 0) + 1 FROM {table}) THEN"
            f" RAISE EXCEPTION '{table} only grows at its end'; END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION doorward_refuse_change()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION doorward_refuse_change()",
            f"CREATE TRIGGER {table}_only_next BEFORE INSERT ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {table}_only_next()",
        ]
    return statements


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
