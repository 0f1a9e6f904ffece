"""Microsoft Teams: an Adaptive Card posted to the address of a workflow ("When a Teams webhook request is received")."""

import json
import re

from activities.posting import Poster, Reply

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!<>|~])")


def plain(words: str) -> str:
    """Text that a card shows as it is: cards read Markdown, and a prospect's words must not become a link."""
    return _SPECIAL.sub(r"\\\1", words)


def card(title: str, text: str, quote: str | None, link: str) -> dict[str, object]:
    """A card that tells something about a lead.

    Args:
        title: the headline.
        text: who it is about.
        quote: what somebody wrote, if anything.
        link: where to read on.
    """
    blocks = [
        {"type": "TextBlock", "text": plain(title), "weight": "Bolder", "size": "Medium", "wrap": True},
        {"type": "TextBlock", "text": plain(text), "wrap": True, "spacing": "None"},
    ]
    if quote:
        blocks.append({"type": "TextBlock", "text": plain(quote), "wrap": True, "isSubtle": True})
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": [{"type": "Action.OpenUrl", "title": "Open the lead", "url": link}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


async def tell(poster: Poster, url: str, message: dict[str, object]) -> Reply:
    """Post a card.

    Args:
        poster: the guarded way out.
        url: of the workflow.
        message: from `card`.
    """
    return await poster.post(url, json.dumps(message).encode(), {"content-type": "application/json"})
