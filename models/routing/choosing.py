"""The choice of a rep: the account's owner, who has the company already, the agreement's rules, whose turn it is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from models.policy.reps import Routing
from models.routing.people import Candidate, Choice, Wanted
from models.routing.turns import Turns, added, entitlements, moved, next_in_turn

_HAD_IT = "had this lead before"


def choose(lead: Wanted, reps: Sequence[Candidate], rules: Routing, turns: Turns, at: datetime) -> Choice:
    """Choose a rep for a lead.

    Args:
        lead: what is known of it.
        reps: everybody with the role of a rep or a manager.
        rules: the agreement's.
        turns: how many leads each one is owed, over all leads.
        at: as of when.

    Returns:
        In this order: the owner of its named account, whatever they have on their hands; who has its company already and has
        room; of those the rules name, who is there, at work and has room, the one whose turn it is; after
        `rules.fallback_after` what `rules.fallback` says; nobody.
    """
    if rules.fallback != "manager":
        reps = [c for c in reps if c.sells]
    out = {c.rep: why for c in reps if (why := c.absent(at) or (_HAD_IT if lead.excluded and c.rep in lead.excluded else None))}
    named = _account_owner(lead, reps, out) or _existing_owner(lead, reps, rules, out)
    if named:
        return named
    pool, narrowed = _pool(lead, [c for c in reps if c.sells], rules)
    refused = out | _refused(pool, [c for c in reps if c.rep not in out] if out else reps, rules, at)
    free = [c for c in pool if c.rep not in refused] if refused else pool
    by_name = [c for c in free if c.territories]
    if narrowed and by_name and len(by_name) < len(free):
        refused |= {c.rep: "comes after those who serve this territory by name" for c in free if not c.territories}
        free = by_name
    if free:
        owed = [*free, *(c for c in _catching_up(pool, lead, rules, at) if c.rep in refused)] if rules.catch_up else free
        return _by_turn(free, owed, reps, refused, turns, narrowed)
    return _fallback(lead, reps, rules, out, turns, narrowed, at) or _nobody(lead, reps, pool, rules, refused, narrowed, at)


def in_turn(lead: Wanted, ahead: Iterable[Wanted], reps: Sequence[Candidate], rules: Routing, turns: Turns, at: datetime) -> Choice:
    """Choose a rep for a lead while others wait before it: the places they would get are kept for them.

    Args:
        lead: what is known of it.
        ahead: the leads before it, the first one first.
        reps: everybody with the role of a rep or a manager.
        rules: the agreement's.
        turns: how many leads each one is owed, over all leads.
        at: as of when.

    Returns:
        The choice for `lead`, its turns as moved by it alone.
    """
    for other in ahead:
        first = choose(other, reps, rules, turns, at)
        if first.rep is not None:
            reps = [c.keeping() if c.rep == first.rep.rep else c for c in reps]
            turns = added(turns, first.turns)
    return choose(lead, reps, rules, turns, at)


def _account_owner(lead: Wanted, reps: Sequence[Candidate], out: Mapping[UUID, str]) -> Choice | None:
    wanted = lead.account_owner
    owner = next((c for c in reps if c.rep == wanted and c.sells and c.rep not in out), None) if wanted is not None else None
    if owner is None:
        return None
    others = _others(reps, owner, out, "does not own the account")
    return Choice(owner, ("owns the account",), account_owner=True, others=others, pool=(owner.rep,))


def _existing_owner(lead: Wanted, reps: Sequence[Candidate], rules: Routing, out: Mapping[UUID, str]) -> Choice | None:
    if not rules.existing_owner or lead.existing_owner is None:
        return None
    owner = next((c for c in reps if c.rep == lead.existing_owner and c.sells and c.rep not in out), None)
    if owner is None or full(owner, rules):
        return None
    others = _others(reps, owner, out, "has no other lead of this company")
    return Choice(owner, ("has another lead of this company",), others=others, pool=(owner.rep,))


def _pool(lead: Wanted, reps: Sequence[Candidate], rules: Routing) -> tuple[list[Candidate], tuple[str, ...]]:
    """Those a lead may go to, and a sentence about what made it these.

    The first rule that holds decides; without one, the country, where somebody serves it by name. Who names territories
    serves these only, as long as there is somebody for all the others.
    """
    for number, (conditions, to) in enumerate(rules.parsed, 1):
        if all(condition.holds(lead.facts) for condition in conditions):
            if to.territory is None:
                return [c for c in reps if c.rep in to.reps], (f"Rule {number} of the agreement names who may have it.",)
            return _serving(reps, to.territory.strip().lower()), (f"Rule {number} of the agreement sends it to territory {to.territory}.",)
    country = lead.facts.get("country")
    for name in sorted(country) if isinstance(country, frozenset) else [str(country or "").strip().lower()]:
        if any(name in c.territories for c in reps):
            return _serving(reps, name), ("Its country is somebody's territory.",)
    everywhere = [c for c in reps if not c.territories]
    if everywhere and len(everywhere) < len(reps):
        return everywhere, ("It belongs to nobody's territory.",)
    return list(reps), ()


def _serving(reps: Sequence[Candidate], territory: str) -> list[Candidate]:
    """Who serves a territory: those who name it, and those who name none and so serve them all."""
    return [c for c in reps if not c.territories or territory in c.territories]


def _refused(pool: Collection[Candidate], here: Sequence[Candidate], rules: Routing, at: datetime) -> dict[UUID, str]:
    """Why not, for each of those who are there but cannot have it now."""
    members = {c.rep for c in pool}
    found, left = {}, []
    for c in here:
        if c.rep not in members:
            found[c.rep] = "is not one of those it may go to" if c.sells else "is no rep"
        elif why := full(c, rules) or (None if c.weight > 0 else "takes no turns: weight 0"):
            found[c.rep] = why
        else:
            left.append(c)
    off = {c.rep for c in left if not c.at_work(at)} if rules.working_hours != "ignored" else set()
    if rules.working_hours == "required" or len(off) < len(left):
        found |= dict.fromkeys(off, "is not at work now")
    return found


def full(c: Candidate, rules: Routing) -> str | None:
    """Why somebody can have no further lead, with as many as they have, as a sentence; None when they can."""
    kept = f", {c.kept} of them kept for leads that come first" if c.kept else ""
    if c.load >= c.capacity:
        return f"is full: {c.load} of {c.capacity} leads{kept}"
    if rules.per_rep_daily is not None and c.today >= rules.per_rep_daily:
        return f"had enough for today: {c.today} of {rules.per_rep_daily} leads{kept}"
    return None


def _catching_up(pool: Iterable[Candidate], lead: Wanted, rules: Routing, at: datetime) -> list[Candidate]:
    """Those who would have a turn were they not away: they are owed it for when they are back."""
    return [c for c in pool if c.active and c.absent(at) and c.rep not in lead.excluded and not full(c, rules)]


def _by_turn(
    free: Sequence[Candidate],
    owed: Sequence[Candidate],
    reps: Sequence[Candidate],
    refused: Mapping[UUID, str],
    turns: Turns,
    narrowed: tuple[str, ...],
) -> Choice:
    shares = entitlements(owed)
    best = next_in_turn(free, shares, turns)
    part = f"weight {best.weight:g} of {sum(c.weight for c in free):g}"
    why = f"it is their turn ({part})" if len(free) > 1 else "is the only one who is free"
    others = tuple((c, refused.get(c.rep, "comes later: it is not their turn")) for c in reps if c is not best)
    return Choice(best, (*narrowed, why), others=others, turns=moved(shares, best.rep), pool=tuple(c.rep for c in free))


def _fallback(
    lead: Wanted,
    reps: Sequence[Candidate],
    rules: Routing,
    out: Mapping[UUID, str],
    turns: Turns,
    narrowed: tuple[str, ...],
    at: datetime,
) -> Choice | None:
    """What the agreement says for when nobody is free; None while the lead shall wait."""
    if rules.fallback == "wait" or at < (lead.since or at) + rules.fallback_after:
        return None
    here = [c for c in reps if c.rep not in out and (c.manages if rules.fallback == "manager" else c.sells)]
    if not here:
        return None
    if rules.fallback == "manager":
        best = min(here, key=lambda c: (c.load, c.last_at is not None, c.last_at.timestamp() if c.last_at else 0.0, c.rep))
        why = "is a manager, and no rep is free: the agreement's fallback"
        return Choice(best, (*narrowed, why), others=_others(reps, best, out, "is not free, or not a manager"), fallback=True)
    some = [c for c in here if not full(c, rules)] or here
    takes_turns = [c for c in some if c.weight > 0]
    shares = entitlements(takes_turns)
    best = next_in_turn(takes_turns, shares, turns) if takes_turns else min(some, key=lambda c: (c.load, c.rep))
    why = "is there, and nobody the lead belongs to is free: the agreement's fallback"
    moves = moved(shares, best.rep) if shares else {}
    return Choice(best, (*narrowed, why), others=_others(reps, best, out, "comes later: it is not their turn"), turns=moves, fallback=True)


def _nobody(
    lead: Wanted,
    reps: Sequence[Candidate],
    pool: Sequence[Candidate],
    rules: Routing,
    refused: Mapping[UUID, str],
    narrowed: tuple[str, ...],
    at: datetime,
) -> Choice:
    fallback = () if rules.fallback == "wait" else ((lead.since or at) + rules.fallback_after,)
    moments = [moment for moment in (*(_there(c, rules, at) for c in pool), *fallback) if moment is not None and moment > at]
    others = tuple((c, refused[c.rep]) for c in reps)
    why = "nobody is free" if pool else "there is nobody it could go to"
    return Choice(None, (*narrowed, why), others=others, pool=tuple(c.rep for c in pool), again_at=min(moments, default=None))


def _there(c: Candidate, rules: Routing, at: datetime) -> datetime | None:
    """When time alone may make somebody free: back from an absence, at work again, a new day."""
    absence = next((away for away in c.away if away.covers(at)), None)
    if not c.active or c.load >= c.capacity or (absence and absence.until is None):
        return None
    back = absence.until if absence and absence.until else at
    if rules.per_rep_daily is not None and c.today >= rules.per_rep_daily and c.next_day:
        back = max(back, c.next_day)
    if rules.working_hours == "required" and c.clock:
        return c.clock.next_start(back)
    return back


def _others(reps: Iterable[Candidate], best: Candidate, out: Mapping[UUID, str], why: str) -> tuple[tuple[Candidate, str], ...]:
    return tuple((c, out.get(c.rep, why)) for c in reps if c is not best)
