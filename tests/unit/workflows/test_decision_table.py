"""The event table, cell by cell: what every event does in every stage, or why it is refused.

A row is an event, a column the stage it meets. A cell is the stage afterwards (`=` for no change of stage), or `!` and
the reason of the refusal. rita owns the lead in the owned stages; sam is another rep.
"""

from collections.abc import Callable
from typing import get_args

import pytest

from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    FastLaneRule,
    LeadState,
    RefusalReason,
    ReviewOutcome,
    Route,
    Score,
    Stage,
)
from models.messages import (
    Arrived,
    Claim,
    Consent,
    Contact,
    Disposition,
    Engage,
    Enriched,
    Erase,
    Event,
    Hold,
    Override,
    PlaceFreed,
    PolicyChanged,
    Release,
    Rescore,
    Resume,
    Retime,
    Review,
    Routed,
    Scored,
    Sent,
    Standing,
    Tick,
)
from tests.unit.leads import CRITERIA, DEFAULT, LEADS, MANAGER, MARKETER, NOBODY, REP, later, lead
from workflows.decision import decide

MATRIX = """
                            new   rev   cla   ass   wrk   hld   nur   lng   qua   dis   over  won   lost  era
arrives again               !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  new   new   new   !cls
claimed by rita             cla   cla   =     =     =     cla   cla   cla   =     cla   !cls  !cls  !cls  !cls
claimed by sam              cla   cla   !own  !own  !own  cla   cla   cla   !own  cla   !cls  !cls  !cls  !cls
claimed by no rep           !rep  !rep  !own  !own  !own  !rep  !rep  !rep  !own  !rep  !cls  !cls  !cls  !cls
claimed without standing    !rep  !rep  !own  !own  !own  !rep  !rep  !rep  !own  !rep  !cls  !cls  !cls  !cls
claimed with hands full     !full !full !own  !own  !own  !full !full !full !own  !full !cls  !cls  !cls  !cls
claimed too often today     !day  !day  !own  !own  !own  !day  !day  !day  !own  !day  !cls  !cls  !cls  !cls
reached by rita             !nob  !nob  wrk   wrk   =     !nob  !nob  !nob  =     !nob  !cls  !cls  !cls  !cls
tried by rita               !nob  !nob  =     =     =     !nob  !nob  !nob  =     !nob  !cls  !cls  !cls  !cls
reached by sam              !nob  !nob  !not  !not  !not  !nob  !nob  !nob  !not  !nob  !cls  !cls  !cls  !cls
qualified by rita           !nob  !nob  qua   qua   qua   !nob  !nob  !nob  !stg  !nob  !cls  !cls  !cls  !cls
qualified, need unknown     !nob  !nob  !crit !crit !crit !nob  !nob  !nob  !stg  !nob  !cls  !cls  !cls  !cls
not ready, says rita        !nob  !nob  nur   nur   nur   !nob  !nob  !nob  nur   !nob  !cls  !cls  !cls  !cls
disqualified by rita        !nob  !nob  dis   dis   dis   !nob  !nob  !nob  dis   !nob  !cls  !cls  !cls  !cls
disqualified, no reason     !nob  !nob  !why  !why  !why  !nob  !nob  !nob  !why  !nob  !cls  !cls  !cls  !cls
won, says rita              !nob  !nob  !stg  !stg  !stg  !nob  !nob  !nob  won   !nob  !cls  !cls  !cls  !cls
lost, says rita             !nob  !nob  !stg  !stg  !stg  !nob  !nob  !nob  lost  !nob  !cls  !cls  !cls  !cls
not ready, says sam         !nob  !nob  !not  !not  !not  !nob  !nob  !nob  !not  !nob  !cls  !cls  !cls  !cls
not ready, says a manager   !nob  !nob  nur   nur   nur   !nob  !nob  !nob  nur   !nob  !cls  !cls  !cls  !cls
won, says a manager         !nob  !nob  !stg  !stg  !stg  !nob  !nob  !nob  won   !nob  !cls  !cls  !cls  !cls
released by rita            !nob  !nob  lng   new   nur   !nob  !nob  !nob  nur   !nob  !cls  !cls  !cls  !cls
released without reason     !nob  !nob  !why  !why  !why  !nob  !nob  !nob  !why  !nob  !cls  !cls  !cls  !cls
released by sam             !nob  !nob  !not  !not  !not  !nob  !nob  !nob  !not  !nob  !cls  !cls  !cls  !cls
sam takes it                cla   cla   cla   cla   !own  cla   cla   cla   !own  cla   !cls  !cls  !cls  !cls
sam takes it for rita       !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may
sam sends it to nurture     !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may
nobody takes it             !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !may
taken without a reason      !why  !why  !why  !why  !why  !why  !why  !why  !why  !why  !cls  !cls  !cls  !cls
marketer gives it to sam    ass   ass   ass   ass   !own  ass   ass   ass   !own  ass   !cls  !cls  !cls  !cls
manager gives it to sam     ass   ass   ass   ass   ass   ass   ass   ass   =     ass   !cls  !cls  !cls  !cls
manager gives it to rita    ass   ass   !stg  !stg  !stg  ass   ass   ass   !stg  ass   !cls  !cls  !cls  !cls
manager: sam is working it  wrk   wrk   wrk   wrk   =     wrk   wrk   wrk   wrk   wrk   !cls  !cls  !cls  !cls
manager gives it to no rep  !rep  !rep  !rep  !rep  !rep  !rep  !rep  !rep  !rep  !rep  !cls  !cls  !cls  !cls
manager names nothing       !mal  !mal  !mal  !mal  !mal  !mal  !mal  !mal  !mal  !mal  !cls  !cls  !cls  !cls
manager sets new            !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
manager sets review         rev   !stg  rev   rev   rev   rev   rev   rev   rev   rev   !cls  !cls  !cls  !cls
manager sets claimed        !mal  !mal  !stg  cla   cla   !mal  !mal  !mal  cla   !mal  !cls  !cls  !cls  !cls
manager sets assigned       !mal  !mal  ass   !stg  ass   !mal  !mal  !mal  ass   !mal  !cls  !cls  !cls  !cls
manager sets working        !mal  !mal  wrk   wrk   !stg  !mal  !mal  !mal  wrk   !mal  !cls  !cls  !cls  !cls
manager sets held           !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
manager sets nurture        nur   nur   nur   nur   nur   nur   !stg  nur   nur   nur   !cls  !cls  !cls  !cls
manager sets long_term      lng   lng   lng   lng   lng   lng   lng   !stg  lng   lng   !cls  !cls  !cls  !cls
manager sets qualified      !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
manager sets disqualified   dis   dis   dis   dis   dis   dis   dis   dis   dis   !stg  !cls  !cls  !cls  !cls
manager sets won            !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
manager sets lost           !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
manager sets erased         !may  !may  !may  !may  !may  !may  !may  !may  !may  !may  !cls  !cls  !cls  !cls
marketer sets nurture       nur   nur   nur   nur   !own  nur   !stg  nur   !own  nur   !cls  !cls  !cls  !cls
review passes it            !stg  =     !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  !cls  !cls  !cls  !cls
review passes it to sam     !sta  ass   !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
review: nurture             !stg  nur   !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  !cls  !cls  !cls  !cls
review: disqualify          !stg  dis   !stg  !stg  !stg  !stg  !stg  !stg  !stg  !stg  !cls  !cls  !cls  !cls
held                        hld   hld   !own  !own  !own  !stg  hld   hld   !own  hld   !cls  !cls  !cls  !cls
resumed                     !stg  !stg  !stg  !stg  !stg  new   !stg  !stg  !stg  !stg  !cls  !cls  !cls  !cls
engages                     =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
engages, stirring           =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
asks for a consultation     =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
asks and is given to sam    ass   ass   !sta  !sta  !sta  ass   ass   ass   !sta  ass   !sta  !sta  !sta  !sta
asks and nobody is free     =     =     !sta  !sta  !sta  =     =     =     !sta  =     !sta  !sta  !sta  !sta
rescore asked by a marketer =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
rescored on schedule        =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
scored high                 =     =     =     =     =     =     =     =     =     nur   !sta  !sta  !sta  !sta
scored high, given to sam   !sta  !sta  !sta  !sta  !sta  !sta  ass   ass   !sta  !sta  !sta  !sta  !sta  !sta
scored medium               =     =     =     =     =     =     =     nur   =     nur   !sta  !sta  !sta  !sta
scored low                  =     =     =     =     =     =     =     =     =     =     !sta  !sta  !sta  !sta
scorer fails                =     =     =     =     =     =     =     =     =     =     !sta  !sta  !sta  !sta
enrichment nobody asked for !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
score nobody asked for      !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
route nobody asked for      !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
send nobody asked for       !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
unsubscribes                =     =     =     =     =     =     =     =     =     =     =     =     =     !cls
consents                    =     =     =     =     =     =     =     =     =     =     =     =     =     !cls
rita's absences change      !not  !not  =     =     =     !not  !not  !not  =     !not  !not  !not  !not  !not
sam's absences change       !not  !not  !not  !not  !not  !not  !not  !not  !not  !not  !not  !not  !not  !not
a place is freed            !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta  !sta
asked again, place freed    =     =     !sta  !sta  !sta  =     =     =     !sta  =     !sta  !sta  !sta  !sta
policy changes              =     =     =     =     =     =     =     =     =     =     !cls  !cls  !cls  !cls
erased                      era   era   era   era   era   era   era   era   era   era   era   era   era   !cls
time passes                 =     =     =     =     =     =     =     =     =     =     =     =     =     =
"""

COLUMNS = dict(zip(MATRIX.split("\n")[1].split(), LEADS, strict=True))
STAGES = {short: Stage.DISQUALIFIED if name == "over" else Stage(name) for short, name in COLUMNS.items()}
REASONS = {
    "own": RefusalReason.OWNED,
    "not": RefusalReason.NOT_OWNER,
    "nob": RefusalReason.NOT_OWNED,
    "stg": RefusalReason.WRONG_STAGE,
    "cls": RefusalReason.CLOSED,
    "crit": RefusalReason.CRITERIA_MISSING,
    "why": RefusalReason.REASON_MISSING,
    "full": RefusalReason.TOO_MANY_OPEN,
    "day": RefusalReason.TOO_MANY_TODAY,
    "may": RefusalReason.NOT_ALLOWED,
    "rep": RefusalReason.UNKNOWN_REP,
    "sta": RefusalReason.STALE_ANSWER,
    "mal": RefusalReason.MALFORMED,
}

Step = Callable[[LeadState], Event]
_FULL = Standing(roles=REP.roles, open=25)
_TODAY = Standing(roles=REP.roles, today=50)
_SAM = {"owner": "sam", "owner_standing": REP}
_MANAGER = {"actor": "mona", "standing": MANAGER, "note": "n1"}
_MARKETER = {"actor": "mark", "standing": MARKETER, "note": "n1"}
_TAKE = {"actor": "sam", "standing": REP, "note": "n1"}


def _say(event: Event) -> list[Step]:
    return [lambda _: event]


def _number(state: LeadState, kind: type[Score | Route]) -> int:
    return next((effect.number for effect in state.effects if isinstance(effect, kind)), 999)


def _contact(rep: str, outcome: ContactOutcome = ContactOutcome.REACHED) -> list[Step]:
    return _say(Contact(rep=rep, channel=ContactChannel.CALL, outcome=outcome))


def _concludes(outcome: DispositionOutcome, actor: str = "rita", by_manager: bool = False, has_reason: bool = True) -> list[Step]:
    return _say(Disposition(actor=actor, outcome=outcome, by_manager=by_manager, criteria=CRITERIA, has_reason=has_reason))


def _routed(first: list[Step], rep: str | None) -> list[Step]:
    return [*first, lambda state: Routed(number=_number(state, Route), rep=rep)]


def _scored(score: float | None) -> list[Step]:
    return [lambda _: Rescore(actor="mark"), lambda state: Scored(number=_number(state, Score), score=score)]


_PASS = _say(Review(actor="rex", outcome=ReviewOutcome.PASS))
_ASK = _say(Engage(rule=FastLaneRule.CONSULTATION))

EVENTS: dict[str, list[Step]] = {
    "arrives again": _say(Arrived()),
    "claimed by rita": _say(Claim(rep="rita", standing=REP)),
    "claimed by sam": _say(Claim(rep="sam", standing=REP)),
    "claimed by no rep": _say(Claim(rep="mark", standing=MARKETER)),
    "claimed without standing": _say(Claim(rep="sam")),
    "claimed with hands full": _say(Claim(rep="sam", standing=_FULL)),
    "claimed too often today": _say(Claim(rep="sam", standing=_TODAY)),
    "reached by rita": _contact("rita"),
    "tried by rita": _contact("rita", ContactOutcome.NO_ANSWER),
    "reached by sam": _contact("sam"),
    "qualified by rita": _concludes(DispositionOutcome.QUALIFIED),
    "qualified, need unknown": _say(
        Disposition(actor="rita", outcome=DispositionOutcome.QUALIFIED, criteria={"budget_usd": 20000.0, "authority": True})
    ),
    "not ready, says rita": _concludes(DispositionOutcome.NOT_READY),
    "disqualified by rita": _concludes(DispositionOutcome.DISQUALIFIED),
    "disqualified, no reason": _concludes(DispositionOutcome.DISQUALIFIED, has_reason=False),
    "won, says rita": _concludes(DispositionOutcome.WON),
    "lost, says rita": _concludes(DispositionOutcome.LOST),
    "not ready, says sam": _concludes(DispositionOutcome.NOT_READY, "sam"),
    "not ready, says a manager": _concludes(DispositionOutcome.NOT_READY, "mona", by_manager=True),
    "won, says a manager": _concludes(DispositionOutcome.WON, "mona", by_manager=True),
    "released by rita": _say(Release(rep="rita", note="n1")),
    "released without reason": _say(Release(rep="rita")),
    "released by sam": _say(Release(rep="sam", note="n1")),
    "sam takes it": _say(Override(**_TAKE)),
    "sam takes it for rita": _say(Override(**_TAKE, owner="rita", owner_standing=REP)),
    "sam sends it to nurture": _say(Override(**_TAKE, stage=Stage.NURTURE)),
    "nobody takes it": _say(Override(actor="sam", standing=NOBODY, note="n1")),
    "taken without a reason": _say(Override(actor="sam", standing=REP)),
    "marketer gives it to sam": _say(Override(**_MARKETER, **_SAM)),
    "manager gives it to sam": _say(Override(**_MANAGER, **_SAM)),
    "manager gives it to rita": _say(Override(**_MANAGER, owner="rita", owner_standing=REP)),
    "manager: sam is working it": _say(Override(**_MANAGER, **_SAM, stage=Stage.WORKING)),
    "manager gives it to no rep": _say(Override(**_MANAGER, owner="sam")),
    "manager names nothing": _say(Override(**_MANAGER)),
    **{f"manager sets {stage}": _say(Override(**_MANAGER, stage=stage)) for stage in Stage},
    "marketer sets nurture": _say(Override(**_MARKETER, stage=Stage.NURTURE)),
    "review passes it": _PASS,
    "review passes it to sam": _routed(_PASS, "sam"),
    "review: nurture": _say(Review(actor="rex", outcome=ReviewOutcome.NURTURE)),
    "review: disqualify": _say(Review(actor="rex", outcome=ReviewOutcome.DISQUALIFY)),
    "held": _say(Hold(actor="mark")),
    "resumed": _say(Resume(actor="mark")),
    "engages": _say(Engage()),
    "engages, stirring": _say(Engage(stirring=True)),
    "asks for a consultation": _ASK,
    "asks and is given to sam": _routed(_ASK, "sam"),
    "asks and nobody is free": _routed(_ASK, None),
    "rescore asked by a marketer": _say(Rescore(actor="mark")),
    "rescored on schedule": _say(Rescore()),
    "scored high": _scored(80.0),
    "scored high, given to sam": _routed(_scored(80.0), "sam"),
    "scored medium": _scored(40.0),
    "scored low": _scored(10.0),
    "scorer fails": _scored(None),
    "enrichment nobody asked for": _say(Enriched(number=999)),
    "score nobody asked for": _say(Scored(number=999, score=99.0)),
    "route nobody asked for": _say(Routed(number=999, rep="sam")),
    "send nobody asked for": _say(Sent(number=999)),
    "unsubscribes": _say(Consent(stopped=tuple(Channel))),
    "consents": _say(Consent(granted=tuple(Channel))),
    "rita's absences change": _say(Retime(rep="rita")),
    "sam's absences change": _say(Retime(rep="sam")),
    "a place is freed": _say(PlaceFreed()),
    "asked again, place freed": [*_routed(_ASK, None), lambda _: PlaceFreed()],
    "policy changes": _say(PolicyChanged(version=2, document=DEFAULT.model_dump_json())),
    "erased": _say(Erase(actor="ada")),
    "time passes": _say(Tick()),
}


def _cells() -> list[tuple[str, str, str]]:
    rows = [(line[:28].strip(), line[28:].split()) for line in MATRIX.strip("\n").split("\n")[1:]]
    return [(name, column, cell) for name, cells in rows for column, cell in zip(COLUMNS, cells, strict=True)]


@pytest.mark.parametrize(("event", "column", "cell"), _cells(), ids=lambda value: value)
def test_an_event_in_a_stage_does_what_the_table_says(event: str, column: str, cell: str) -> None:
    state = lead(COLUMNS[column])
    decisions = []
    for step in EVENTS[event]:
        before = state
        decision = decide(state, step(state).model_copy(update={"at": later(state)}), DEFAULT)
        decisions.append(decision)
        state = decision.state
    refusal = decisions[-1].refusal
    if cell.startswith("!"):
        assert refusal is not None, f"granted; now {state.stage}"
        assert refusal.reason == REASONS[cell[1:]]
        assert refusal.message.endswith(".")
        assert state is before
        assert decisions[-1].entries == ()
    else:
        assert refusal is None
        assert state.stage == STAGES[column if cell == "=" else cell]


def test_every_event_kind_meets_every_stage() -> None:
    rows = {name for name, _, _ in _cells()}
    tried = {type(step(lead("new"))) for name in rows for step in EVENTS[name]}
    kinds = set(get_args(get_args(Event)[0]))
    assert rows == set(EVENTS)
    assert tried == kinds
    assert set(STAGES.values()) == set(Stage)


def test_the_table_holds_no_cell_twice() -> None:
    cells = [(name, column) for name, column, _ in _cells()]
    assert len(set(cells)) == len(cells) == len(EVENTS) * len(COLUMNS)
