"""The verbs in time: the decision tree, and the durable workflows that carry it out."""
