"""Operators, how they prove who they are, their sessions and their API tokens."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

operators = sa.Table(
    "operators",
    metadata,
    id_column(),
    text("name", unique=True),
    text("role"),
    text("password_hash"),
    sa.Column("disabled", sa.Boolean, nullable=False),
    number("failures"),
    number("locked_until_utc_s"),
    number("created_at_utc_s"),
    text("language"),
    sa.Column("password_set_at_utc_s", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()),
    blob("totp_sealed", nullable=True),
    sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"),
    number("signed_in_at_utc_s", nullable=True),
    sa.Column("zones", sa.Text, nullable=True),
)
"""`totp_step` is the newest step whose code was accepted: none is accepted twice. `zones` are names
with blanks between, to which the operator is limited; NULL for the whole site."""

sessions = sa.Table(
    "sessions",
    metadata,
    blob("token_hash", primary_key=True),
    reference("operator_id", "operators.id", nullable=False),
    text("csrf"),
    number("created_at_utc_s"),
    number("seen_at_utc_s"),
    number("expires_at_utc_s", index=True),
    text("client"),
    sa.Column("browser", sa.Text, nullable=False, server_default=""),
    sa.Column("factor", sa.Text, nullable=False, server_default="password"),
    sa.Column("proved_at_utc_s", sa.BigInteger, nullable=False, server_default="0"),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    blob("token_hash", primary_key=True),
    reference("operator_id", "operators.id", nullable=False),
    text("label"),
    number("created_at_utc_s"),
    number("expires_at_utc_s"),
    sa.Column("scope", sa.Text, nullable=False, server_default=""),
    sa.Column("created_by", sa.Text, nullable=False, server_default=""),
    number("used_at_utc_s", nullable=True),
    sa.Column("zones", sa.Text, nullable=True),
)
"""`scope` names actions with blanks between; an empty one is everything that programs may do.
`zones` limit as those of an operator do, whose own count as well."""

sign_in_steps = sa.Table(
    "sign_in_steps",
    metadata,
    blob("token_hash", primary_key=True),
    text("purpose"),
    reference("operator_id", "operators.id", nullable=True),
    blob("challenge"),
    number("expires_at_utc_s", index=True),
)
"""What was begun and not finished: a second factor to come, a passkey's challenge."""

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    blob("code_hash", primary_key=True),
    reference("operator_id", "operators.id", nullable=False, index=True),
)

passkeys = sa.Table(
    "passkeys",
    metadata,
    blob("credential_id", primary_key=True),
    reference("operator_id", "operators.id", nullable=False, index=True),
    text("label"),
    blob("public_key"),
    number("sign_count"),
    number("created_at_utc_s"),
    number("used_at_utc_s", nullable=True),
)

outside_accounts = sa.Table(
    "outside_accounts",
    metadata,
    text("issuer", primary_key=True),
    text("subject", primary_key=True),
    reference("operator_id", "operators.id", nullable=False, index=True),
    text("linked_by"),
    number("linked_at_utc_s"),
    number("used_at_utc_s", nullable=True),
)
"""Accounts at an OpenID provider by which operators sign in: by the pair alone, never by a name."""

outside_invitations = sa.Table(
    "outside_invitations",
    metadata,
    blob("token_hash", primary_key=True),
    reference("operator_id", "operators.id", nullable=False, index=True),
    text("invited_by"),
    number("expires_at_utc_s"),
)
"""Who holds one may link the outside account that they sign in with to the operator."""
