"""Webhooks, notices outside the page, forms"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Webhooks, notices outside the page, forms"""
    op.create_table('form_sources',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('secret', sa.String(), nullable=False),
    sa.Column('fields', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('defaults', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key')
    )
    op.create_table('notice_position',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('webhook_endpoints',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('events', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('person', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('secret', sa.String(), nullable=False),
    sa.Column('former_secret', sa.String(), nullable=True),
    sa.Column('former_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resume_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_why', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('form_receipts',
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['source'], ['form_sources.key'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('source', 'digest')
    )
    op.create_index('form_receipts_at', 'form_receipts', ['at'], unique=False)
    op.create_table('notice_preferences',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('slack', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('user_id')
    )
    op.create_table('slack_users',
    sa.Column('slack_id', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('by_hand', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('slack_id')
    )
    op.create_index(op.f('ix_slack_users_user_id'), 'slack_users', ['user_id'], unique=False)
    op.create_table('notice_sendings',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('role', sa.String(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(), server_default=sa.text("'waiting'"), nullable=False),
    sa.Column('tries', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease', sa.Uuid(), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('lead_id', 'seq', 'kind', 'channel', 'user_id', 'role', postgresql_nulls_not_distinct=True)
    )
    op.create_index('notice_sendings_next', 'notice_sendings', ['next_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_table('webhook_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('endpoint_id', sa.Uuid(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('seq', sa.Integer(), nullable=True),
    sa.Column('life', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('data', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('state', sa.String(), server_default=sa.text("'waiting'"), nullable=False),
    sa.Column('tries', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('due_since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease', sa.Uuid(), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('why', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('endpoint_id', 'lead_id', 'seq', 'life', 'decided_at')
    )
    op.create_index('webhook_deliveries_lead', 'webhook_deliveries', ['lead_id', 'seq'], unique=False)
    op.create_index('webhook_deliveries_next', 'webhook_deliveries', ['endpoint_id', 'next_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('webhook_deliveries_number', 'webhook_deliveries', ['endpoint_id', 'number'], unique=False)
    op.create_index('webhook_deliveries_waiting', 'webhook_deliveries', ['endpoint_id', 'lead_id', 'seq'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    # What was told before there was another way to tell it is no news.
    op.execute('INSERT INTO notice_position (id, change) SELECT 1, CASE WHEN is_called THEN last_value ELSE 0 END FROM changes')


def downgrade() -> None:
    """Undo it."""
    op.drop_index('webhook_deliveries_waiting', table_name='webhook_deliveries', postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index('webhook_deliveries_number', table_name='webhook_deliveries')
    op.drop_index('webhook_deliveries_next', table_name='webhook_deliveries', postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index('webhook_deliveries_lead', table_name='webhook_deliveries')
    op.drop_table('webhook_deliveries')
    op.drop_index('notice_sendings_next', table_name='notice_sendings', postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table('notice_sendings')
    op.drop_index(op.f('ix_slack_users_user_id'), table_name='slack_users')
    op.drop_table('slack_users')
    op.drop_table('notice_preferences')
    op.drop_index('form_receipts_at', table_name='form_receipts')
    op.drop_table('form_receipts')
    op.drop_table('webhook_endpoints')
    op.drop_table('notice_position')
    op.drop_table('form_sources')
