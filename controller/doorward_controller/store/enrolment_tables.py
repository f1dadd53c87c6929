"""Claims by which gateways ask for their certificates, and the certificates that they got."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, metadata, number, reference, text

enrolment_claims = sa.Table(
    "enrolment_claims",
    metadata,
    text("id", primary_key=True),
    blob("secret_key", unique=True),
    text("gateway"),
    sa.Column("is_replacement", sa.Boolean, nullable=False),
    text("portals_json"),
    text("state"),
    text("made_by"),
    number("made_at_utc_ms"),
    number("ask_by_utc_s"),
    number("decide_by_utc_s", nullable=True),
    sa.Column("csr", sa.LargeBinary, nullable=True),
    sa.Column("record_key", sa.LargeBinary, nullable=True),
    text("code"),
    text("guard"),
    text("software"),
    text("asked_from"),
    number("asked_at_utc_ms", nullable=True),
    number("other_tries"),
    text("decided_by"),
    number("decided_at_utc_ms", nullable=True),
    text("serial"),
    number("fetched_at_utc_ms", nullable=True),
)
sa.Index("ix_enrolment_claims_gateway", enrolment_claims.c.gateway)
sa.Index("ix_enrolment_claims_made_at", enrolment_claims.c.made_at_utc_ms)

gateway_certificates = sa.Table(
    "gateway_certificates",
    metadata,
    text("serial", primary_key=True),
    reference("gateway_id", "gateways.id", index=True),
    text("sha256"),
    text("csr_sha256"),
    text("pem"),
    text("renews"),
    text("confirmed_by"),
    number("issued_at_utc_ms"),
    number("not_before_utc_s"),
    number("not_after_utc_s"),
    number("used_at_utc_ms", nullable=True),
    number("end_at_utc_s", nullable=True),
    text("end_reason"),
    number("listed_at_utc_ms", nullable=True),
)
sa.Index("ix_gateway_certificates_end_at", gateway_certificates.c.end_at_utc_s)
