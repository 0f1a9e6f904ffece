"""The search attributes by which leads are found in the Temporal UI: typed, and registered once per namespace."""

import re
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.lifecycle import LeadState

STAGE = SearchAttributeKey.for_keyword("LeadStage")
TIER = SearchAttributeKey.for_keyword("LeadTier")
OWNER = SearchAttributeKey.for_keyword("LeadOwner")
SOURCE = SearchAttributeKey.for_keyword("LeadSource")
DEADLINE = SearchAttributeKey.for_datetime("LeadDeadline")

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

TYPES = {
    STAGE.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    TIER.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    OWNER.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SOURCE.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    DEADLINE.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


def of(state: LeadState, source: str | None = None) -> TypedSearchAttributes:
    """A lead's search attributes, as its workflow is started with.

    Args:
        state: the lead.
        source: where it came from; left out when it does not look like the name of a source, since anything
            typed into a form could be personal.
    """
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(STAGE, state.stage.value)]
    if source:
        pairs.append(SearchAttributePair(SOURCE, source.lower() if _SOURCE.fullmatch(source.lower()) else "other"))
    if state.tier:
        pairs.append(SearchAttributePair(TIER, state.tier.value))
    if state.owner:
        pairs.append(SearchAttributePair(OWNER, state.owner))
    if state.deadline:
        pairs.append(SearchAttributePair(DEADLINE, state.deadline.at))
    return TypedSearchAttributes(pairs)


async def missing(client: Client) -> list[str]:
    """The search attributes the namespace does not know yet.

    Raises:
        temporalio.service.RPCError: when Temporal is out of reach.
    """
    known = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    return [name for name in TYPES if name not in known.custom_attributes]


async def register(client: Client) -> None:
    """Make the namespace know them; does nothing where it does.

    Raises:
        temporalio.service.RPCError: when Temporal is out of reach or does not allow it.
    """
    names = await missing(client)
    if names:
        wanted = {name: TYPES[name] for name in names}
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
        )
