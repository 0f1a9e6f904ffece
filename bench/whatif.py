"""How many leads a second are told again under another agreement, on one core, and what reading them from JSON costs."""

import gc
from datetime import timedelta
from random import Random
from time import process_time
from uuid import UUID

from bench.lives import BEGIN, Company, lived
from bench.measure import Result, p50
from models.policy import Policy
from models.routing import Candidate
from workflows.whatif.comparison import Comparison, Question, Watched
from workflows.whatif.crowd import Crowd
from workflows.whatif.record import Past, past_of
from workflows.whatif.team import Member, Team
from workflows.whatif.telling import Telling
from workflows.whatif.world import World

_OTHER = {"deadlines": {"contact": "12h"}, "score": {"tiers": {"high": 62}}}


async def run(*, quick: bool) -> list[Result]:
    """Lives of a month told again with twelve hours for the first contact and a higher threshold, in CPU time."""
    leads = 1_000 if quick else 5_000
    # As is asked when nothing is said: the last month, until now. Twenty reps.
    reps = tuple(f"00000000-0000-7000-8000-{number:012d}" for number in range(20))
    company = Company(Policy().numbered(1), reps, after=0.0)
    texts = [lived(company, number) for number in range(leads)]
    other = Policy.model_validate(_OTHER).numbered(2)
    question = Question(
        other, {1: company.policy}, BEGIN, BEGIN + timedelta(days=company.days), company.as_of, team=tuple(map(_member, company.reps))
    )
    read, told, compared = [], [], []
    gc.disable()  # as the replay's own process does
    for _ in range(3 if quick else 7):
        begun = process_time()
        pasts = sorted((past_of(*text) for text in texts), key=lambda past: past.told[0].event.at)
        read.append(len(pasts) / (process_time() - begun))
        crowd = _watched(pasts, question).crowd
        told.append(_told(pasts, question, crowd))
        compared.append(_compared(pasts, question))
    events = sum(len(past.told) for past in pasts) / len(pasts)
    return [
        Result("whatif_replay_rate", p50(told[1:]), "leads/s per core", "higher", bar=5_000),
        Result("whatif_compare_rate", p50(compared[1:]), "leads/s per core", "higher"),
        Result("whatif_read_rate", p50(read[1:]), "leads/s per core", "higher"),
        Result("whatif_events_per_lead", events, "events", "higher"),
    ]


def _member(rep: str) -> Member:
    return Member(Candidate(UUID(rep), capacity=0))


def _told(pasts: list[Past], question: Question, crowd: Crowd) -> float:
    """One telling of all leads, side by side."""
    begun = process_time()
    team = Team(question.team, question.policy, question.own)
    over: list[int] = []
    world = World(team, crowd, lambda _: question.policy, question.as_of, "1", lambda number, _: over.append(number))
    for number, past in enumerate(pasts):
        world.run(past.told[0].event.at)
        world.add(number, past, Telling(past, lambda _: question.policy, question.as_of).alone())
    world.run()
    if len(over) != len(pasts):
        raise RuntimeError("some lives were not told to the end")
    return len(pasts) / (process_time() - begun)


def _watched(pasts: list[Past], question: Question) -> Watched:
    watched, chance = Watched(), Random(1)  # noqa: S311 - so that every run does the same
    for past in pasts:
        watched.watch(past, question.as_of, chance)
    return watched


def _compared(pasts: list[Past], question: Question) -> float:
    """Both looks at every lead, all seeds, the figures and their intervals."""
    begun = process_time()
    comparison = Comparison(question, _watched(pasts, question))
    for past in pasts:
        comparison.add(past)
    comparison.result()
    return len(pasts) / (process_time() - begun)
