"""Who gets a lead, and why: pure rules, no I/O and no clock of their own.

`choose` is given a lead, all reps, the agreement's rules and how the turns stand; it answers with a rep, a sentence about
everybody, and how the turns stand afterwards. `in_turn` does so with other leads waiting before this one. Whoever reads the
database carries the answer out (`activities.routing`), shows it (a preview), or plays it through (a simulation).
"""

from models.routing.choosing import choose, full, in_turn
from models.routing.people import Candidate, Choice, Wanted
from models.routing.turns import Turns, entitlements, next_in_turn

__all__ = ["Candidate", "Choice", "Turns", "Wanted", "choose", "entitlements", "full", "in_turn", "next_in_turn"]
