"""What the insights are counted from"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the insights are counted from"""
    op.create_table('insight_progress',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.execute('INSERT INTO insight_progress (id, change) VALUES (1, 0)')  # the API folds what is there already, in the background
    op.create_table('digests',
    sa.Column('week', sa.Date(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
    sa.PrimaryKeyConstraint('week', 'user_id')
    )
    op.create_table('journeys',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('to_mql', sa.Float(), nullable=True),
    sa.Column('to_sal', sa.Float(), nullable=True),
    sa.Column('to_sql', sa.Float(), nullable=True),
    sa.Column('to_contact', sa.Float(), nullable=True),
    sa.Column('to_won', sa.Float(), nullable=True),
    sa.Column('to_refused', sa.Float(), nullable=True),
    sa.Column('sql_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('waited_system', sa.Float(), nullable=True),
    sa.Column('waited_late', sa.Float(), nullable=True),
    sa.Column('waited_sales', sa.Float(), nullable=True),
    sa.Column('waited_owner', sa.Float(), nullable=True),
    sa.Column('waited_reviewer', sa.Float(), nullable=True),
    sa.Column('waited_marketer', sa.Float(), nullable=True),
    sa.Column('waited_agreed', sa.Float(), nullable=True),
    sa.Column('amount_usd', sa.Float(), nullable=True),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.Column('stage', sa.String(), nullable=False),
    sa.Column('tier', sa.String(), nullable=True),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('campaign', sa.String(), nullable=True),
    sa.Column('interest', sa.String(), nullable=True),
    sa.Column('segment', sa.String(), nullable=True),
    sa.Column('industry', sa.String(), nullable=True),
    sa.Column('country', sa.String(), nullable=True),
    sa.Column('rank', sa.String(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('refused_note', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id')
    )
    op.create_index('journeys_arrived', 'journeys', ['arrived_at'], unique=False)
    op.create_index('journeys_open', 'journeys', ['stage', 'since'], unique=False, postgresql_where=sa.text('NOT closed'))
    op.create_index('journeys_sql', 'journeys', [sa.literal_column('sql_at DESC')], unique=False, postgresql_where=sa.text('sql_at IS NOT NULL'))
    op.create_table('overruns',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('late_ms', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id', 'seq')
    )
    op.create_index('overruns_at', 'overruns', ['at'], unique=False)
    op.create_table('tenures',
    sa.Column('lead_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('rep_id', sa.Uuid(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contacted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sql_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('won_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('score', sa.Float(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('excused', sa.Boolean(), nullable=False),
    sa.Column('tier', sa.String(), nullable=True),
    sa.Column('began', sa.String(), nullable=False),
    sa.Column('ended', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['lead_id'], ['leads.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id', 'seq')
    )
    op.create_index('tenures_rep', 'tenures', ['rep_id', 'since'], unique=False)
    op.create_index('tenures_since', 'tenures', ['since'], unique=False)
    op.create_index('ledger_overridden', 'ledger', ['at'], unique=False, postgresql_where=sa.text("kind = 'overridden'"))
    op.add_column('users', sa.Column('digest', sa.Boolean(), server_default=sa.text('true'), nullable=False))


def downgrade() -> None:
    """Undo it."""
    op.drop_column('users', 'digest')
    op.drop_index('ledger_overridden', table_name='ledger', postgresql_where=sa.text("kind = 'overridden'"))
    op.drop_index('tenures_since', table_name='tenures')
    op.drop_index('tenures_rep', table_name='tenures')
    op.drop_table('tenures')
    op.drop_index('overruns_at', table_name='overruns')
    op.drop_table('overruns')
    op.drop_index('journeys_sql', table_name='journeys', postgresql_where=sa.text('sql_at IS NOT NULL'))
    op.drop_index('journeys_open', table_name='journeys', postgresql_where=sa.text('NOT closed'))
    op.drop_index('journeys_arrived', table_name='journeys')
    op.drop_table('journeys')
    op.drop_table('digests')
    op.drop_table('insight_progress')
