"""Models that score, who made one the champion, and notices that are about no lead"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Models that score, who made one the champion, and notices that are about no lead"""
    op.create_table('models',
    sa.Column('version', sa.String(), nullable=False),
    sa.Column('number', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('request', sa.String(), nullable=True),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('columns', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('learned_from', sa.DateTime(timezone=True), nullable=True),
    sa.Column('learned_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('successes', sa.Integer(), nullable=False),
    sa.Column('verdict', sa.String(), nullable=True),
    sa.Column('why', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('metrics', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('report', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('figures', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('compared', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('watch', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('progress', sa.String(), nullable=True),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('trained_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('promoted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('version'),
    sa.UniqueConstraint('number'),
    sa.UniqueConstraint('request')
    )
    op.create_index('models_champion', 'models', ['state'], unique=True, postgresql_where=sa.text("state = 'champion'"))
    op.create_index('models_latest', 'models', [sa.literal_column('number DESC')], unique=False)
    op.create_table('model_changes',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('from_version', sa.String(), nullable=False),
    sa.Column('to_version', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('rescored_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.add_column('scores', sa.Column('probability', sa.Float(), nullable=True))
    op.alter_column('scores', 'number', existing_type=sa.Integer(), nullable=True)
    op.alter_column('notices', 'lead_id', existing_type=sa.Uuid(), nullable=True)


def downgrade() -> None:
    """Undo it."""
    op.execute('DELETE FROM notices WHERE lead_id IS NULL')
    op.alter_column('notices', 'lead_id', existing_type=sa.Uuid(), nullable=False)
    op.execute('DELETE FROM scores WHERE number IS NULL')
    op.alter_column('scores', 'number', existing_type=sa.Integer(), nullable=False)
    op.drop_column('scores', 'probability')
    op.drop_table('model_changes')
    op.drop_index('models_latest', table_name='models')
    op.drop_index('models_champion', table_name='models', postgresql_where=sa.text("state = 'champion'"))
    op.drop_table('models')
