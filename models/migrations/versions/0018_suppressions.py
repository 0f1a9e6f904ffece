"""Suppressions say who added them, and are kept when they are lifted"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Suppressions say who added them, and are kept when they are lifted"""
    # The previous version goes on inserting without these: they have defaults, or may be empty.
    op.add_column('suppressions', sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False))
    op.add_column('suppressions', sa.Column('note', sa.String(), nullable=True))
    op.add_column('suppressions', sa.Column('by_id', sa.Uuid(), nullable=True))
    op.create_foreign_key('suppressions_by_id_fkey', 'suppressions', 'users', ['by_id'], ['id'])
    op.create_unique_constraint('suppressions_id_key', 'suppressions', ['id'])
    op.create_index('suppressions_at', 'suppressions', [sa.text('at DESC'), sa.text('id DESC')], unique=False)
    op.create_table('lifted_suppressions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=True),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lifted_by_id', sa.Uuid(), nullable=True),
    sa.Column('lifted_why', sa.String(), nullable=True),
    sa.Column('asked_again', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['users.id'], ),
    sa.ForeignKeyConstraint(['lifted_by_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('lifted_suppressions_address', 'lifted_suppressions', ['address'], unique=False)
    op.create_index('lifted_suppressions_at', 'lifted_suppressions', [sa.text('lifted_at DESC'), sa.text('id DESC')], unique=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_table('lifted_suppressions')
    op.drop_index('suppressions_at', table_name='suppressions')
    op.drop_constraint('suppressions_id_key', 'suppressions', type_='unique')
    op.drop_constraint('suppressions_by_id_fkey', 'suppressions', type_='foreignkey')
    op.drop_column('suppressions', 'by_id')
    op.drop_column('suppressions', 'note')
    op.drop_column('suppressions', 'id')
