"""Companies, buying signals, and what sources said"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Companies, buying signals, and what sources said"""
    op.create_table('companies',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('domain', sa.String(), nullable=True),
    sa.Column('name', sa.String(), nullable=True),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('same_as', sa.Uuid(), nullable=True),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('refreshed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['same_as'], ['companies.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key')
    )
    op.create_table('signals',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('url', sa.String(), nullable=True),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('company_id', 'kind', 'key')
    )
    op.create_index('signals_company', 'signals', ['company_id', sa.literal_column('at DESC')], unique=False)
    op.create_table('source_answers',
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('about', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=True),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('claim', sa.Uuid(), nullable=True),
    sa.Column('claimed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ask_again_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('subject_id', 'source')
    )
    op.create_index('source_answers_due', 'source_answers', ['ask_again_at'], unique=False)
    op.create_table('source_gates',
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('tokens', sa.Float(), nullable=False),
    sa.Column('filled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('day', sa.String(), nullable=False),
    sa.Column('spent', sa.Float(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('shut_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('source')
    )
    op.add_column('leads', sa.Column('company_id', sa.Uuid(), nullable=True))
    op.create_foreign_key('leads_company_id_fkey', 'leads', 'companies', ['company_id'], ['id'], ondelete='SET NULL')
    op.create_index('leads_company_record', 'leads', ['company_id'], unique=False, postgresql_where=sa.text('company_id IS NOT NULL'))


def downgrade() -> None:
    """Undo it."""
    op.drop_index('leads_company_record', table_name='leads')
    op.drop_constraint('leads_company_id_fkey', 'leads', type_='foreignkey')
    op.drop_column('leads', 'company_id')
    op.drop_table('source_gates')
    op.drop_index('source_answers_due', table_name='source_answers')
    op.drop_table('source_answers')
    op.drop_index('signals_company', table_name='signals')
    op.drop_table('signals')
    op.drop_table('companies')
