"""What would have been under another agreement: leads of the past, told again what they were told, through the same tree.

Pure, like the tree itself: no clock, no database, no chance of its own. From the bottom up:

- `record`: what is known of a lead's past, and its story in a form that can be compared.
- `crowd`: what reps were seen to do, and drawing from it.
- `life`: one lead's life as it is told again; `outlook`: what is expected in it; `telling`: telling it, step by step.
- `team`: who may get leads, and how many they have; `world`: all lives side by side.
- `figures`: what a life counts for, and sums of it with their uncertainty; `differences`: what is different, and for which leads.
- `comparison`: many lives under two agreements.
"""
