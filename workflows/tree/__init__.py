"""The branches of the decision tree, one idea a file; `workflows.decision` is where to begin.

From the bottom up, each builds only on those before it (`make lint` holds it to that):

- `draft`: the copy of the lead that one decision works on.
- `deadlines`, `nurture`, `refusals`: by when somebody must act, the campaign beside, and shared reasons to say no.
- `moves`: the one place where a stage or an owner changes; looking for a rep.
- `promotion`, `handover`: what a score is worth; how reps get leads and give them back.
- `clock`: what time alone brings about.
- `prospect`, `rep`, `override`, `marketing`, `terms`, `answers`: what each message does, by who or what sends it.
"""
