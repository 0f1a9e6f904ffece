"""Visitors who name themselves, and machines kept apart from people"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Visitors who name themselves, and machines kept apart from people"""
    op.create_table('namings',
    sa.Column('anonymous_id', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('how', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ),
    sa.PrimaryKeyConstraint('anonymous_id', 'at')
    )
    op.create_index('namings_lead', 'namings', ['lead_id'], unique=False)
    op.create_table('robots',
    sa.Column('anonymous_id', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('anonymous_id')
    )
    # With a default that is a constant PostgreSQL adds the column without writing the table anew; the previous version
    # goes on inserting rows without it.
    op.add_column('engagements', sa.Column('verdict', sa.String(), server_default=sa.text("'human'"), nullable=False))
    op.add_column('engagements', sa.Column('sign', sa.String(), nullable=True))
    op.add_column('engagements', sa.Column('agent', sa.String(), nullable=True))
    op.create_index('engagements_nobodys', 'engagements', ['received_at'], unique=False, postgresql_where=sa.text('lead_id IS NULL'))
    op.create_index('engagements_agent', 'engagements', ['agent', 'received_at'], unique=False, postgresql_where=sa.text('agent IS NOT NULL'))
    op.execute("""
        INSERT INTO namings (anonymous_id, at, lead_id, how)
        SELECT anonymous_id, created_at, id, 'form' FROM leads WHERE anonymous_id IS NOT NULL ON CONFLICT DO NOTHING""")


def downgrade() -> None:
    """Undo it."""
    op.drop_index('engagements_nobodys', table_name='engagements', postgresql_where=sa.text('lead_id IS NULL'))
    op.drop_index('engagements_agent', table_name='engagements', postgresql_where=sa.text('agent IS NOT NULL'))
    op.drop_column('engagements', 'agent')
    op.drop_column('engagements', 'sign')
    op.drop_column('engagements', 'verdict')
    op.drop_table('robots')
    op.drop_index('namings_lead', table_name='namings')
    op.drop_table('namings')
