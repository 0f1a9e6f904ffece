"""Tests of bad days build what they break themselves, and share the API's fixtures for the rest."""

from tests.stack import api, people, stack

__all__ = ["api", "people", "stack"]
