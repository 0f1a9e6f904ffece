"""How many leads a second are told again under another agreement, on one core, and what reading them from JSON costs."""

from datetime import timedelta
from random import Random
from time import process_time

from bench.lives import BEGIN, Company, lived
from bench.measure import Result, p50
from models.policy import Policy
from workflows.whatif.comparison import Comparison, Question, Watched
from workflows.whatif.life import live
from workflows.whatif.record import Past, past_of

_OTHER = {"deadlines": {"contact": "12h"}, "score": {"tiers": {"high": 62}}}


async def run(*, quick: bool) -> list[Result]:
    """Lives of a month told again with twelve hours for the first contact and a higher threshold, in CPU time."""
    company = Company(Policy().numbered(1), after=0.0)  # as is asked when nothing is said: the last month, until now
    texts = [lived(company, number) for number in range(1_000 if quick else 5_000)]
    other = Policy.model_validate(_OTHER).numbered(2)
    question = Question(other, {1: company.policy}, BEGIN, BEGIN + timedelta(days=company.days), company.as_of)
    read, told, compared = [], [], []
    for _ in range(3 if quick else 7):
        begun = process_time()
        pasts = [past_of(*text) for text in texts]
        read.append(len(pasts) / (process_time() - begun))
        crowd = _watched(pasts, question).crowd
        begun = process_time()
        for past in pasts:
            live(past, lambda _: other, question.as_of, crowd, Random(1))  # noqa: S311 - so that every run does the same
        told.append(len(pasts) / (process_time() - begun))
        compared.append(_compared(pasts, question))
    events = sum(len(past.told) for past in pasts) / len(pasts)
    return [
        Result("whatif_replay_rate", p50(told[1:]), "leads/s per core", "higher", bar=5_000),
        Result("whatif_compare_rate", p50(compared[1:]), "leads/s per core", "higher"),
        Result("whatif_read_rate", p50(read[1:]), "leads/s per core", "higher"),
        Result("whatif_events_per_lead", events, "events", "higher"),
    ]


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
