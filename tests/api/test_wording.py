"""A change that was made in a form, by a vote or as a document goes into the text that people wrote, whose comments stay."""

import json
from typing import Any
from uuid import uuid4

import pytest

from activities.database import Database
from api.auth import Principal
from api.errors import NotFound
from api.services import votes
from api.services.whatif.orders import adapted, order
from api.services.wording import NotAPolicy, of_replay, understood
from models.lifecycle import Role
from models.policy import parse_policy
from models.schemas.policy import Proposed, Vote, Votes, VotesProposed
from models.schemas.whatif import SimulationOrder
from tests.activities.rows import TODAY, hire, published

OURS = """\
# Agreed in Lisbon.
name: ours
deadlines:
  contact: 24h   # as sales wanted it
score:
  points:
    implicit: {page_view: 10, demo_view: 60}   # sales votes on these
"""


async def replay(database: Database, policy: str | dict[str, Any]) -> tuple[str, str]:
    """The text and the reason of a proposal to agree on a policy that was tried out."""
    who = await hire(database, roles=["marketer"])
    return await of_replay(database, await order(database, who, SimulationOrder(policy=policy)))


async def test_what_a_replay_tried_goes_into_the_text_in_force(database: Database) -> None:
    policy = await published(database, OURS)
    source, why = await replay(database, adapted(policy, {"deadlines.contact": "12h"}).model_dump(mode="json"))
    assert source == OURS.replace("24h", "12h")
    assert why.startswith("What it would have done to the leads that arrived from ")
    assert "/what-if/" in why


async def test_a_whole_policy_that_was_pasted_stays_as_it_was_pasted(database: Database) -> None:
    await published(database, OURS)
    pasted = "# mine\ndeadlines: {contact: 6h}\n"
    assert (await replay(database, pasted))[0] == pasted


async def test_a_replay_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await of_replay(database, uuid4())


async def test_medians_of_votes_go_into_the_points_table_where_it_stands(database: Database) -> None:
    await published(database, OURS)
    me = Principal(await hire(database), "Rosa", frozenset({Role.REP}))
    await votes.vote(database, me, Votes(votes=[Vote(point="implicit/page_view", points=4)]))
    proposed = await votes.as_proposal(database, me, VotesProposed())
    assert proposed.source == OURS.replace("page_view: 10", "page_view: 4")
    assert proposed.based_on == 1


async def test_a_document_changes_the_text_it_is_sent_for() -> None:
    document = json.loads(parse_policy(OURS, today=TODAY).document)
    document["deadlines"]["hold"] = "6d"
    policy, source = await understood(Proposed(document=document), OURS)
    assert source == OURS.replace("wanted it\n", "wanted it\n  hold: 6d\n")
    assert policy.digest == parse_policy(source, today=TODAY).digest
    assert await understood(Proposed(source=OURS), "name: other") == (parse_policy(OURS, today=TODAY), OURS)


async def test_a_document_that_is_no_policy_names_its_keys() -> None:
    with pytest.raises(NotAPolicy) as caught:
        await understood(Proposed(document={"max_assignments": 0, "deadlines": {"hold": "soon"}}), OURS)
    assert sorted(error["field"] for error in caught.value.fields["errors"]) == ["document.deadlines.hold", "document.max_assignments"]
