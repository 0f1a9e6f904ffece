"""The API's tests speak to the whole program."""

from tests.browsing import visitors
from tests.stack import address, api, people, stack

__all__ = ["address", "api", "people", "stack", "visitors"]
