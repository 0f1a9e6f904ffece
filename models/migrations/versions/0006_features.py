"""What was known of a lead when, when an engagement became a lead's and whose it was thought to be, and how long pages are read"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# What models may learn from. Names, the address and the phone number say who somebody is, not how good a lead.
PERSON_FACTS = """
    CREATE FUNCTION person_facts(l leads) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT jsonb_strip_nulls(jsonb_build_object(
            'mail_domain', nullif(split_part(lower(l.email), '@', 2), ''), 'domain', l.domain, 'company', l.company IS NOT NULL,
            'title', l.title, 'phone', l.phone IS NOT NULL, 'country', l.country, 'source', l.source, 'campaign', l.campaign,
            'interest', l.interest, 'message', l.message, 'consent', l.consent, 'named_account', l.account_id IS NOT NULL,
            'attributes', l.attributes))
    $$"""
# Whose company it is stands with the findings, for that is found out with them. Leads may have no such column yet.
FOUND_FACTS = """
    CREATE FUNCTION found_facts(l leads) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT l.enrichment || jsonb_strip_nulls(jsonb_build_object('company_id', to_jsonb(l) -> 'company_id'))
    $$"""

# A trigger, so that no way of writing a lead, of today's or of the previous version, can forget it. A new lead's facts
# are as old as the lead; later ones are stamped when they are written, by the database's clock.
REMEMBER = """
    CREATE FUNCTION remember_lead() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        seen timestamptz := clock_timestamp();
    BEGIN
        IF TG_OP = 'INSERT' THEN
            seen := least(seen, NEW.created_at);
        END IF;
        IF TG_OP = 'INSERT' OR person_facts(OLD) <> person_facts(NEW) THEN
            INSERT INTO lead_facts (lead_id, seen_at, kind, facts) VALUES (NEW.id, seen, 'person', person_facts(NEW));
        END IF;
        IF (TG_OP = 'INSERT' AND NEW.enrichment <> '{}') OR (TG_OP = 'UPDATE' AND found_facts(OLD) <> found_facts(NEW)) THEN
            INSERT INTO lead_facts (lead_id, seen_at, kind, facts) VALUES (NEW.id, seen, 'enrichment', found_facts(NEW));
        END IF;
        RETURN NULL;
    END $$"""
ON_ARRIVAL = """
    CREATE TRIGGER leads_remembered_on_arrival AFTER INSERT ON leads
    FOR EACH ROW WHEN (NEW.stage <> 'erased') EXECUTE FUNCTION remember_lead()"""
ON_NEWS = """
    CREATE TRIGGER leads_remembered_on_news AFTER UPDATE OF email, domain, company, title, phone, country, source, campaign, interest,
        message, consent, account_id, attributes, enrichment ON leads
    FOR EACH ROW WHEN (NEW.stage <> 'erased') EXECUTE FUNCTION remember_lead()"""

# A visitor's doings become a new lead's in the transaction it arrives in: then they are as old as what is known of it, or
# features as of its arrival would lack them. A verdict that changes leaves behind what was thought until then.
REMEMBER_DEED = """
    CREATE FUNCTION remember_engagement() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was text := to_jsonb(OLD) ->> 'verdict';
    BEGIN
        IF NEW.lead_id IS NOT NULL AND NEW.lead_id IS DISTINCT FROM OLD.lead_id AND NEW.linked_at IS NOT DISTINCT FROM OLD.linked_at THEN
            NEW.linked_at := coalesce((SELECT CASE WHEN first.xmin = pg_current_xact_id()::xid THEN first.seen_at END FROM (
                SELECT f.xmin, f.seen_at FROM lead_facts f WHERE f.lead_id = NEW.lead_id ORDER BY f.id LIMIT 1) first), clock_timestamp());
        END IF;
        IF was IS DISTINCT FROM to_jsonb(NEW) ->> 'verdict' THEN
            NEW.verdicts := coalesce(OLD.verdicts, '[]') || jsonb_build_array(jsonb_build_object('was', was, 'until', clock_timestamp()));
        END IF;
        RETURN NEW;
    END $$"""
ON_DEED = """
    CREATE TRIGGER engagements_remembered BEFORE UPDATE ON engagements FOR EACH ROW EXECUTE FUNCTION remember_engagement()"""

# What was known before is dated as late as it may have become known: a form by the latest one the person sent, findings by the
# latest of them. Dated earlier, an old lead would seem to have been known better than it was.
PERSONS_BEFORE = """
    INSERT INTO lead_facts (lead_id, seen_at, kind, facts)
    SELECT l.id, greatest(l.created_at, (SELECT max(e.received_at) FROM engagements e WHERE e.lead_id = l.id AND e.kind = 'form_submitted')),
        'person', person_facts(l)
    FROM leads l WHERE l.stage <> 'erased'"""
FINDINGS_BEFORE = """
    INSERT INTO lead_facts (lead_id, seen_at, kind, facts)
    SELECT l.id, greatest(l.created_at, (SELECT max((origin.value ->> 'at')::timestamptz) FROM jsonb_each(l.enrichment -> 'provenance') origin)),
        'enrichment', found_facts(l)
    FROM leads l WHERE l.stage <> 'erased' AND l.enrichment <> '{}'"""


def upgrade() -> None:
    """What was known of a lead when, when an engagement became a lead's and whose it was thought to be, and how long pages are read"""
    op.create_table('lead_facts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('lead_facts_lead', 'lead_facts', ['lead_id', 'kind', 'seen_at', 'id'], unique=False)
    op.create_table('page_stays',
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('measure', sa.String(), nullable=False),
    sa.Column('path', sa.String(), nullable=False),
    sa.Column('views', sa.Integer(), nullable=False),
    sa.Column('usual', sa.Float(), nullable=True),
    sa.PrimaryKeyConstraint('at', 'measure', 'path')
    )
    op.add_column('engagements', sa.Column('linked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('engagements', sa.Column('verdicts', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('leads', sa.Column('judgement', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    for statement in (PERSON_FACTS, FOUND_FACTS, REMEMBER, ON_ARRIVAL, ON_NEWS, REMEMBER_DEED, ON_DEED, PERSONS_BEFORE, FINDINGS_BEFORE):
        op.execute(statement)


def downgrade() -> None:
    """Undo it."""
    op.execute("DROP TRIGGER engagements_remembered ON engagements")
    op.execute("DROP TRIGGER leads_remembered_on_news ON leads")
    op.execute("DROP TRIGGER leads_remembered_on_arrival ON leads")
    for function in ("remember_engagement()", "remember_lead()", "found_facts(leads)", "person_facts(leads)"):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column('leads', 'judgement')
    op.drop_column('engagements', 'verdicts')
    op.drop_column('engagements', 'linked_at')
    op.drop_table('page_stays')
    op.drop_index('lead_facts_lead', table_name='lead_facts')
    op.drop_table('lead_facts')
