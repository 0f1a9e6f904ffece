"""What marketers, reviewers and managers do with a lead that no rep works."""

from models.lifecycle import OWNED, EntryKind, Nurture, Refusal, RefusalReason, ReviewOutcome, Score, Stage
from models.messages import Erase, Hold, Rescore, Resume, Review
from workflows.tree.draft import Draft, by_user
from workflows.tree.handover import return_from_hold
from workflows.tree.moves import look_for_rep, move
from workflows.tree.promotion import remember_promotion
from workflows.tree.refusals import closed, in_words


def review(d: Draft, e: Review) -> Refusal | None:
    """A reviewer concludes: pass to sales, nurture, or disqualify."""
    s = d.state
    if s.stage is not Stage.REVIEW:
        return closed(d) or Refusal(RefusalReason.WRONG_STAGE, f"This lead is not in review but {in_words(s.stage)}.", owner=s.owner)
    by = by_user(e.actor)
    match e.outcome:
        case ReviewOutcome.PASS:
            look_for_rep(d, EntryKind.REVIEWED, Stage.REVIEW, actor=e.actor)
            d.write(EntryKind.REVIEWED, by, note=e.note, outcome=e.outcome)
        case ReviewOutcome.NURTURE:
            move(d, Stage.NURTURE, EntryKind.REVIEWED, by, note=e.note, outcome=e.outcome)
        case ReviewOutcome.DISQUALIFY:
            remember_promotion(d)
            move(d, Stage.DISQUALIFIED, EntryKind.REVIEWED, by, note=e.note, outcome=e.outcome)
    return None


def hold(d: Draft, e: Hold) -> Refusal | None:
    """Marketing works the lead in person, unless a rep has it."""
    s = d.state
    if s.stage in OWNED:
        return Refusal(RefusalReason.OWNED, "A rep has this lead; marketing cannot hold it.", owner=s.owner)
    if s.closed or s.stage is Stage.HELD:
        return closed(d) or Refusal(RefusalReason.WRONG_STAGE, "This lead is held already.")
    held_from = s.stage
    s.held_from = held_from
    move(d, Stage.HELD, EntryKind.HELD, by_user(e.actor), note=e.note)
    return None


def resume(d: Draft, e: Resume) -> Refusal | None:
    """Marketing gives a held lead back."""
    if d.state.stage is not Stage.HELD:
        return closed(d) or Refusal(RefusalReason.WRONG_STAGE, f"This lead is not held but {in_words(d.state.stage)}.", owner=d.state.owner)
    return_from_hold(d, by_user(e.actor), e.note)
    return None


def rescore(d: Draft, e: Rescore) -> Refusal | None:
    """Ask for a score now, whether a person or a schedule wants it."""
    if d.state.closed:
        return closed(d)
    d.state.rescore_at = None
    d.ask(Score, asked_by_person=e.actor is not None)
    return None


def erase(d: Draft, e: Erase) -> Refusal | None:
    """Forget the person: the lead closes for good, and nothing is owed or sent any more."""
    if d.state.stage is Stage.ERASED:
        return closed(d)
    d.state.effects = ()
    move(d, Stage.ERASED, EntryKind.ERASED, by_user(e.actor))
    d.state.nurture, d.state.rescore_at = Nurture(), None
    return None
