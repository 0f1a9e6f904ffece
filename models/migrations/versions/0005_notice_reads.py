"""Each member of a role reads for themself"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each member of a role reads for themself"""
    op.create_table('notice_reads',
    sa.Column('notice_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['notice_id'], ['notices.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('notice_id', 'user_id')
    )
    op.create_index('notices_role', 'notices', ['role', sa.literal_column('at DESC')], unique=False, postgresql_where=sa.text('role IS NOT NULL'))


def downgrade() -> None:
    """One who reads reads for all"""
    op.drop_index('notices_role', table_name='notices')
    op.drop_table('notice_reads')
