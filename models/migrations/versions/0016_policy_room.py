"""The policy room: proposals, signatures, comments and votes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

FOR_GOOD = ('policy_proposals', 'policy_revisions', 'policy_signatures', 'policy_comments', 'policy_outcomes')
REFUSE = """
    CREATE FUNCTION kept_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is kept for good', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$"""


def _people(*names: str) -> list[SchemaItem]:
    return [sa.ForeignKeyConstraint([name], ['users.id']) for name in names]


def _of_proposal() -> SchemaItem:
    return sa.ForeignKeyConstraint(['proposal_id'], ['policy_proposals.id'])


def _at(name: str = 'at') -> SchemaItem:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    """The policy room: proposals, signatures, comments and votes"""
    op.create_table('policy_proposals',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    _at('created_at'),
    *_people('author_id'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('policy_revisions',
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('based_on', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('document', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('takes_effect', sa.String(), nullable=False),
    _at('created_at'),
    *_people('author_id'),
    _of_proposal(),
    sa.PrimaryKeyConstraint('proposal_id', 'number')
    )
    op.create_table('policy_signatures',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('team', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    _at(),
    *_people('user_id'),
    _of_proposal(),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('proposal_id', 'revision', 'team'),
    sa.UniqueConstraint('proposal_id', 'revision', 'user_id')
    )
    op.create_table('policy_comments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    _at(),
    *_people('author_id'),
    _of_proposal(),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('policy_comments_proposal', 'policy_comments', ['proposal_id', 'at'], unique=False)
    op.create_table('policy_outcomes',
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('why', sa.String(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=True),
    _at(),
    *_people('by_id'),
    _of_proposal(),
    sa.PrimaryKeyConstraint('proposal_id')
    )
    op.create_table('policy_votes',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('point', sa.String(), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('stance', sa.Integer(), nullable=True),
    _at(),
    *_people('user_id'),
    sa.PrimaryKeyConstraint('user_id', 'point')
    )
    op.execute(REFUSE)
    for table in FOR_GOOD:
        op.execute(f"CREATE TRIGGER {table}_for_good BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION kept_for_good()")
    # Constant defaults: the previous version goes on publishing without these columns.
    op.add_column('policies', sa.Column('origin', sa.String(), server_default=sa.text("'file'"), nullable=False))
    op.add_column('policies', sa.Column('proposal_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(None, 'policies', 'policy_proposals', ['proposal_id'], ['id'])
    op.add_column('policies', sa.Column('why', sa.String(), nullable=True))
    op.add_column('policies', sa.Column('takes_effect', sa.String(), server_default=sa.text("'now'"), nullable=False))
    op.add_column('policies', sa.Column('told', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('policies', sa.Column('written', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('policies', sa.Column('told_upto', sa.Uuid(), nullable=True))
    op.add_column('policies', sa.Column('solved', postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    """Undo it."""
    for column in ('solved', 'told_upto', 'written', 'told', 'takes_effect', 'why', 'proposal_id', 'origin'):
        op.drop_column('policies', column)
    for table in ('policy_votes', *reversed(FOR_GOOD)):
        op.drop_table(table)
    op.execute("DROP FUNCTION kept_for_good")
