"""Leads keep the priority they came in with"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

UNSTARTED = sa.text('swept_at IS NULL AND seq = first_seq')
STARTING = sa.text('swept_at IS NOT NULL AND seq = first_seq')


def upgrade() -> None:
    """Leads keep the priority they came in with"""
    op.add_column('leads', sa.Column('priority', sa.SmallInteger(), server_default=sa.text('2'), nullable=False))
    op.drop_index('leads_unstarted', table_name='leads')
    op.create_index('leads_unstarted', 'leads', ['priority', 'arrived_at'], unique=False, postgresql_where=UNSTARTED)
    op.create_index('leads_starting', 'leads', ['swept_at'], unique=False, postgresql_where=STARTING)


def downgrade() -> None:
    """Undo it."""
    op.drop_index('leads_starting', table_name='leads')
    op.drop_index('leads_unstarted', table_name='leads')
    op.create_index('leads_unstarted', 'leads', ['arrived_at'], unique=False, postgresql_where=UNSTARTED)
    op.drop_column('leads', 'priority')
