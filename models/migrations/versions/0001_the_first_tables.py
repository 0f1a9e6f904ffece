"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The first tables"""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE SEQUENCE changes")
    op.create_table('idempotency',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('body', sa.String(), nullable=True),
    sa.Column('media_type', sa.String(), nullable=True),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'key')
    )
    op.create_index('idempotency_created', 'idempotency', ['created_at'], unique=False)
    op.create_index(op.f('ix_idempotency_lead_id'), 'idempotency', ['lead_id'], unique=False)
    op.create_table('users',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('roles', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=True),
    sa.Column('territories', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('working_hours', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('timezone', sa.String(), nullable=False),
    sa.Column('absences', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('email')
    )
    op.create_table('accounts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('domain', sa.String(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('domain')
    )
    op.create_index(op.f('ix_accounts_owner_id'), 'accounts', ['owner_id'], unique=False)
    op.create_table('policies',
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('document', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('version')
    )
    op.create_table('tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('digest')
    )
    op.create_index(op.f('ix_tokens_user_id'), 'tokens', ['user_id'], unique=False)
    op.create_table('leads',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email_key', sa.String(), nullable=True),
    sa.Column('email', sa.String(), nullable=True),
    sa.Column('first_name', sa.String(), nullable=True),
    sa.Column('last_name', sa.String(), nullable=True),
    sa.Column('company', sa.String(), nullable=True),
    sa.Column('title', sa.String(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('country', sa.String(), nullable=True),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('campaign', sa.String(), nullable=True),
    sa.Column('interest', sa.String(), nullable=True),
    sa.Column('message', sa.String(), nullable=True),
    sa.Column('consent', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('anonymous_id', sa.String(), nullable=True),
    sa.Column('attributes', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('domain', sa.String(), nullable=True),
    sa.Column('zone', sa.String(), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('search', sa.String(), nullable=False),
    sa.Column('enrichment', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('reasons', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stirred_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('swept_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('first_seq', sa.Integer(), nullable=False),
    sa.Column('life', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('change', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('stage', sa.String(), nullable=False),
    sa.Column('tier', sa.String(), nullable=True),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('owned_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deadline_kind', sa.String(), nullable=True),
    sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contacted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('mql_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sal_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sql_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('amount_usd', sa.Float(), nullable=True),
    sa.Column('policy_version', sa.Integer(), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.Column('state', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], ),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('email_key')
    )
    op.create_index(op.f('ix_leads_anonymous_id'), 'leads', ['anonymous_id'], unique=False)
    op.create_index(op.f('ix_leads_domain'), 'leads', ['domain'], unique=False)
    op.create_index('leads_account', 'leads', ['account_id'], unique=False, postgresql_where=sa.text('account_id IS NOT NULL'))
    op.create_index('leads_campaign', 'leads', ['campaign', sa.literal_column('arrived_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_change', 'leads', ['change'], unique=False)
    op.create_index('leads_deadline', 'leads', ['deadline_at', 'id'], unique=False, postgresql_where=sa.text('NOT closed'))
    op.create_index('leads_newest', 'leads', [sa.literal_column('arrived_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_owner', 'leads', ['owner_id', 'stage'], unique=False, postgresql_where=sa.text('owner_id IS NOT NULL'))
    op.create_index('leads_score', 'leads', [sa.literal_column('score DESC NULLS LAST'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_search', 'leads', ['search'], unique=False, postgresql_using='gin', postgresql_ops={'search': 'gin_trgm_ops'})
    op.create_index('leads_source', 'leads', ['source', sa.literal_column('arrived_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_stage_deadline', 'leads', ['stage', 'deadline_at', 'id'], unique=False)
    op.create_index('leads_stage_newest', 'leads', ['stage', sa.literal_column('arrived_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_stage_score', 'leads', ['stage', sa.literal_column('score DESC NULLS LAST'), sa.literal_column('id DESC')], unique=False)
    op.create_index('leads_unstarted', 'leads', ['arrived_at'], unique=False, postgresql_where=sa.text('swept_at IS NULL AND seq = first_seq'))
    op.create_table('assignments',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('rep_id', sa.Uuid(), nullable=True),
    sa.Column('account_owner', sa.Boolean(), nullable=False),
    sa.Column('settled', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('explanation', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.ForeignKeyConstraint(['rep_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('lead_id', 'number')
    )
    op.create_index('assignments_open', 'assignments', ['rep_id'], unique=False, postgresql_where=sa.text('NOT settled'))
    op.create_index('assignments_rep', 'assignments', ['rep_id', 'at'], unique=False)
    op.create_table('engagements',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('event_id', sa.String(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('anonymous_id', sa.String(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('properties', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('event_id')
    )
    op.create_index('engagements_lead', 'engagements', ['lead_id', 'at'], unique=False)
    op.create_index('engagements_visitor', 'engagements', ['anonymous_id'], unique=False, postgresql_where=sa.text('lead_id IS NULL'))
    op.create_table('ledger',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('from_stage', sa.String(), nullable=False),
    sa.Column('to_stage', sa.String(), nullable=False),
    sa.Column('actor_kind', sa.String(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('tier', sa.String(), nullable=True),
    sa.Column('policy_version', sa.Integer(), nullable=False),
    sa.Column('deadline_kind', sa.String(), nullable=True),
    sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note_id', sa.Uuid(), nullable=True),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('lead_id', 'seq')
    )
    op.create_index('ledger_actor', 'ledger', ['actor_id', 'at'], unique=False)
    op.create_index('ledger_at', 'ledger', ['at'], unique=False)
    op.create_table('messages',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('campaign', sa.String(), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('template', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=True),
    sa.Column('recipient', sa.String(), nullable=True),
    sa.Column('subject', sa.String(), nullable=True),
    sa.Column('body', sa.String(), nullable=True),
    sa.Column('provider_id', sa.String(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('clicked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('lead_id', 'key')
    )
    op.create_index('messages_at', 'messages', [sa.literal_column('decided_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_table('notes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], ),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_notes_lead_id'), 'notes', ['lead_id'], unique=False)
    op.create_table('notices',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('role', sa.String(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('lead_id', 'seq', 'kind', 'user_id', 'role', postgresql_nulls_not_distinct=True)
    )
    op.create_index('notices_change', 'notices', ['change'], unique=False)
    op.create_index('notices_user', 'notices', ['user_id', sa.literal_column('at DESC')], unique=False)
    op.create_table('outbox',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('signal', sa.String(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_outbox_lead_id'), 'outbox', ['lead_id'], unique=False)
    op.create_table('scores',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('score', sa.Float(), nullable=False),
    sa.Column('points', sa.Float(), nullable=False),
    sa.Column('model_version', sa.String(), nullable=False),
    sa.Column('reasons', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('lead_id', 'number')
    )
    op.create_index('scores_lead', 'scores', ['lead_id', 'at'], unique=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_index('scores_lead', table_name='scores')
    op.drop_table('scores')
    op.drop_index(op.f('ix_outbox_lead_id'), table_name='outbox')
    op.drop_table('outbox')
    op.drop_index('notices_user', table_name='notices')
    op.drop_index('notices_change', table_name='notices')
    op.drop_table('notices')
    op.drop_index(op.f('ix_notes_lead_id'), table_name='notes')
    op.drop_table('notes')
    op.drop_index('messages_at', table_name='messages')
    op.drop_table('messages')
    op.drop_index('ledger_at', table_name='ledger')
    op.drop_index('ledger_actor', table_name='ledger')
    op.drop_table('ledger')
    op.drop_index('engagements_visitor', table_name='engagements', postgresql_where=sa.text('lead_id IS NULL'))
    op.drop_index('engagements_lead', table_name='engagements')
    op.drop_table('engagements')
    op.drop_index('assignments_rep', table_name='assignments')
    op.drop_index('assignments_open', table_name='assignments', postgresql_where=sa.text('NOT settled'))
    op.drop_table('assignments')
    op.drop_index('leads_unstarted', table_name='leads', postgresql_where=sa.text('swept_at IS NULL AND seq = first_seq'))
    op.drop_index('leads_stage_score', table_name='leads')
    op.drop_index('leads_stage_newest', table_name='leads')
    op.drop_index('leads_stage_deadline', table_name='leads')
    op.drop_index('leads_source', table_name='leads')
    op.drop_index('leads_search', table_name='leads', postgresql_using='gin', postgresql_ops={'search': 'gin_trgm_ops'})
    op.drop_index('leads_score', table_name='leads')
    op.drop_index('leads_owner', table_name='leads', postgresql_where=sa.text('owner_id IS NOT NULL'))
    op.drop_index('leads_newest', table_name='leads')
    op.drop_index('leads_deadline', table_name='leads', postgresql_where=sa.text('NOT closed'))
    op.drop_index('leads_change', table_name='leads')
    op.drop_index('leads_campaign', table_name='leads')
    op.drop_index('leads_account', table_name='leads', postgresql_where=sa.text('account_id IS NOT NULL'))
    op.drop_index(op.f('ix_leads_domain'), table_name='leads')
    op.drop_index(op.f('ix_leads_anonymous_id'), table_name='leads')
    op.drop_table('leads')
    op.drop_index(op.f('ix_tokens_user_id'), table_name='tokens')
    op.drop_table('tokens')
    op.drop_table('policies')
    op.drop_index(op.f('ix_accounts_owner_id'), table_name='accounts')
    op.drop_table('accounts')
    op.drop_table('users')
    op.drop_index(op.f('ix_idempotency_lead_id'), table_name='idempotency')
    op.drop_index('idempotency_created', table_name='idempotency')
    op.drop_table('idempotency')
    op.execute("DROP SEQUENCE changes")
