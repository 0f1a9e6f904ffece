"""The verbs in the world: one module for each outside system, every activity idempotent."""
