"""Who would get a lead, and why: the router's own choice, shown and not carried out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies, roster, routing
from activities.database import Database, driver
from activities.ledger import stored_state
from activities.roster import Asked
from activities.scoring.facts import facts_of
from activities.scoring.points import score_points
from api.errors import NotFound, Refused
from api.services import persons
from models.lifecycle import RefusalReason
from models.policy import Policy
from models.routing import Choice
from models.schemas.common import Person
from models.schemas.leads import Submission
from models.schemas.routing import NotThem, RoutingPreview, RoutingQuestion, RoutingView
from workflows.tree.moves import never_again

_STATE = text("SELECT state FROM leads WHERE id = :lead AND stage <> 'erased'")
_WAITING = text("SELECT count(*) FROM routing_queue")
_NAMES = text("SELECT id, name FROM users WHERE id = ANY(:ids)")


async def preview(database: Database, question: RoutingQuestion) -> RoutingPreview:
    """Who would get a lead now, and why, writing nothing.

    Raises:
        NotFound: when there is no lead of that id.
        Refused: when its life is over, so that nobody is looked for any more.
    """
    async with database.connection() as connection:
        if question.lead_id is not None:
            policy, asked = await _existing(connection, question.lead_id)
        else:
            policy, asked = await _thought_of(connection, question)
        choice = await routing.preview(connection, policy, asked)
        return await _shown(connection, choice, policy)


async def waiting(database: Database) -> int:
    """How many leads wait for a rep now."""
    async with database.connection() as connection:
        found: int = (await connection.execute(_WAITING)).scalar_one()
    return found


async def _existing(connection: AsyncConnection, lead: UUID) -> tuple[Policy, Asked]:
    document = (await connection.execute(_STATE, {"lead": lead})).scalar_one_or_none()
    if document is None:
        raise NotFound("lead")
    state = stored_state(document)
    if state.closed:
        raise Refused(RefusalReason.CLOSED, "The lead is closed, so no rep is looked for.")
    policy = await policies.of_version(connection, state.policy_version)
    person = (await roster.leads(await driver(connection), [lead]))[lead]
    return policy, Asked(person, routing.ids(never_again(state, policy, datetime.now(UTC))), lead)


async def _thought_of(connection: AsyncConnection, question: RoutingQuestion) -> tuple[Policy, Asked]:
    policy = await policies.latest(connection)
    form = Submission.model_construct(None, **question.model_dump(exclude={"lead_id", "score"}))
    person = await persons.of_form(connection, form)
    score, facts = question.score, facts_of(person, {})
    if score is None:
        score = policy.points_as_score(score_points(facts, (), policy, datetime.now(UTC)).total)
    owner = await roster.account_owner(await driver(connection), person["account_id"])
    more: dict[str, Any] = {"enrichment": {}, "account_owner": owner, "score": score, "tier": policy.tier(score).value}
    return policy, Asked(person | more)


async def _shown(connection: AsyncConnection, choice: Choice, policy: Policy) -> RoutingPreview:
    everybody = [c.rep for c, _ in choice.others] + ([choice.rep.rep] if choice.rep else [])
    names = {row.id: row.name for row in await connection.execute(_NAMES, {"ids": everybody})}
    return RoutingPreview(
        rep=Person(id=choice.rep.rep, name=names[choice.rep.rep]) if choice.rep else None,
        why=list(choice.why),
        others=[NotThem(rep=Person(id=c.rep, name=names[c.rep]), why_not=why) for c, why in choice.others],
        account_owner=choice.account_owner,
        fallback=policy.routing.fallback,
        by_fallback=choice.fallback,
        again_at=choice.again_at,
        policy_version=policy.version,
    )


def view(assigned: Mapping[str, Any] | None, queued: Mapping[str, Any] | None, names: Mapping[str, str]) -> RoutingView | None:
    """How the latest choice of a rep went, from how it stands in the database.

    Args:
        assigned: `at`, `rep` and `explanation` of the latest reservation, if there was one.
        queued: `at`, `since` and `explanation` while the lead waits.
        names: of users, by id.
    """
    found = queued or assigned
    if not found or not found["explanation"]:
        return None
    told = found["explanation"]
    why, chosen = told["why"], None if queued else found["rep"]
    others = [NotThem(rep=_person(rep, names), why_not=same["why"]) for same in told["others"] for rep in _meant(same)]
    return RoutingView(
        at=found["at"],
        rep=_person(chosen, names) if chosen else None,
        why=[why] if isinstance(why, str) else why,
        others=others,
        account_owner=told["account_owner"],
        fallback=told.get("fallback", False),
        waits_since=found.get("since"),
    )


def _meant(same: Mapping[str, Any]) -> list[str]:
    """Whom a reason is about; before there were turns each had one of their own."""
    reps: list[str] = same["reps"] if "reps" in same else [same["rep"]]
    return reps


def _person(user: str, names: Mapping[str, str]) -> Person:
    return Person(id=UUID(user), name=names.get(user, "a former user"))
