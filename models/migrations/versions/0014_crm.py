"""Links between leads and their records in a CRM"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Links between leads and their records in a CRM"""
    op.create_table('crm_cursors',
    sa.Column('crm', sa.String(), nullable=False),
    sa.Column('stream', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('position', sa.String(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('synced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.Column('problem', sa.String(), nullable=True),
    sa.Column('problem_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('crm', 'stream')
    )
    op.create_table('crm_inbox',
    sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
    sa.Column('crm', sa.String(), nullable=False),
    sa.Column('stream', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('version', sa.String(), nullable=False),
    sa.Column('document', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('email_key', sa.String(), nullable=True),
    sa.Column('landed', sa.Boolean(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('crm_inbox_record', 'crm_inbox', ['crm', 'stream', 'external_id'], unique=True)
    op.create_index('crm_inbox_email', 'crm_inbox', ['email_key'], unique=False)
    op.create_table('crm_refusals',
    sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
    sa.Column('crm', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('way', sa.String(), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=True),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('crm_refusals_record', 'crm_refusals', ['crm', 'external_id'], unique=False)
    op.create_index('crm_refusals_latest', 'crm_refusals', ['crm', sa.literal_column('id DESC')], unique=False)
    op.create_index('crm_refusals_lead', 'crm_refusals', ['lead_id'], unique=False)
    op.create_table('crm_links',
    sa.Column('crm', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('owner', sa.String(), nullable=True),
    sa.Column('lead_owner', sa.Uuid(), nullable=True),
    sa.Column('seen_version', sa.String(), nullable=True),
    sa.Column('pushed_hash', sa.String(), nullable=True),
    sa.Column('pushed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('form_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deal', sa.String(), nullable=True),
    sa.Column('due', sa.Boolean(), nullable=False),
    sa.Column('gone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('forgotten', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('crm', 'external_id')
    )
    op.create_index('crm_links_lead', 'crm_links', ['crm', 'lead_id'], unique=True)
    op.create_index('crm_links_of_lead', 'crm_links', ['lead_id'], unique=False)
    op.create_index('crm_links_due', 'crm_links', ['crm', 'lead_id'], unique=False, postgresql_where=sa.text('due'))


def downgrade() -> None:
    """Undo it."""
    op.drop_table('crm_links')
    op.drop_table('crm_refusals')
    op.drop_table('crm_inbox')
    op.drop_table('crm_cursors')
