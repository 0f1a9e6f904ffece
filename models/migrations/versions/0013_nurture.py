"""Templates of one's own, what providers say later, and whom nothing is sent to"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Templates of one's own, what providers say later, and whom nothing is sent to"""
    op.create_table('templates',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('variant', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(), nullable=True),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name', 'channel', 'language', 'variant', 'version')
    )
    op.create_table('suppressions',
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('channel', 'address')
    )
    op.create_table('delivery_reports',
    sa.Column('message_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('message_id', 'kind')
    )
    op.create_table('consents',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('granted', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('how', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id', 'channel', 'granted')
    )
    # A trigger, so that no way in (form, import, CRM, the previous version while it still runs) can forget it.
    op.execute("""
        CREATE FUNCTION keep_consent() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO consents (lead_id, channel, granted, at, how, source)
            SELECT NEW.id, said.key, true, CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE clock_timestamp() END, 'form',
                CASE TG_OP WHEN 'INSERT' THEN NEW.source ELSE (SELECT e.properties ->> 'source' FROM engagements e
                    WHERE e.lead_id = NEW.id AND e.kind = 'form_submitted' ORDER BY e.received_at DESC, e.id DESC LIMIT 1) END
            FROM jsonb_each(NEW.consent) said
            WHERE said.value = 'true'::jsonb ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$""")
    for moment in ("INSERT ON leads FOR EACH ROW WHEN (NEW.consent <> '{}')",
                   "UPDATE OF consent ON leads FOR EACH ROW WHEN (NEW.consent IS DISTINCT FROM OLD.consent AND NEW.consent <> '{}')"):
        name = "consent_begun" if moment.startswith("INSERT") else "consent_changed"
        op.execute(f"CREATE TRIGGER {name} AFTER {moment} EXECUTE FUNCTION keep_consent()")
    op.execute("""
        INSERT INTO consents (lead_id, channel, granted, at, how, source)
        SELECT l.id, said.key, true, l.created_at, 'form', l.source FROM leads l, jsonb_each(l.consent) said
        WHERE said.value = 'true'::jsonb ON CONFLICT DO NOTHING""")
    # Columns without a default are added without writing the table anew; the previous version inserts rows without them.
    op.add_column('messages', sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('messages', sa.Column('language', sa.String(), nullable=True))
    op.add_column('messages', sa.Column('variant', sa.String(), nullable=True))
    op.add_column('messages', sa.Column('template_version', sa.Integer(), nullable=True))
    op.create_index('messages_sms', 'messages', ['recipient'], unique=False, postgresql_where=sa.text("channel = 'sms'"))


def downgrade() -> None:
    """Undo it."""
    op.drop_index('messages_sms', table_name='messages', postgresql_where=sa.text("channel = 'sms'"))
    op.drop_column('messages', 'template_version')
    op.drop_column('messages', 'variant')
    op.drop_column('messages', 'language')
    op.drop_column('messages', 'delivered_at')
    op.execute("DROP TRIGGER consent_begun ON leads")
    op.execute("DROP TRIGGER consent_changed ON leads")
    op.execute("DROP FUNCTION keep_consent()")
    op.drop_table('consents')
    op.drop_table('delivery_reports')
    op.drop_table('suppressions')
    op.drop_table('templates')
