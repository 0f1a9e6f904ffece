"""Turns, weights, and the leads that wait for a rep"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Turns, weights, and the leads that wait for a rep"""
    op.add_column('users', sa.Column('weight', sa.Float(), server_default=sa.text('1'), nullable=False))
    op.create_table('routing_turns',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('turns', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('routing_queue',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('excluded', postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('reps', postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('explanation', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('lead_id')
    )
    op.create_index('leads_company', 'leads', [sa.literal_column('lower(company)')], unique=False, postgresql_where=sa.text("owner_id IS NOT NULL OR stage = 'won'"))


def downgrade() -> None:
    """Undo it."""
    op.drop_index('leads_company', table_name='leads')
    op.drop_table('routing_queue')
    op.drop_table('routing_turns')
    op.drop_column('users', 'weight')
