"""What the board shows"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the board shows"""
    op.add_column('leads', sa.Column('handed_back_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        UPDATE leads SET handed_back_at = since
        WHERE owner_id IS NULL AND NOT closed AND stage <> 'disqualified' AND (state #>> '{holders,-1,until}')::timestamptz = since""")
    op.create_index('leads_handed_back', 'leads', [sa.literal_column('handed_back_at DESC NULLS LAST'), sa.literal_column('id DESC')], unique=False, postgresql_where=sa.text('handed_back_at IS NOT NULL'))


def downgrade() -> None:
    """Forget what the board shows"""
    op.drop_index('leads_handed_back', table_name='leads')
    op.drop_column('leads', 'handed_back_at')
