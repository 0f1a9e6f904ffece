"""Whose doing a signal is: a person's, or a machine's that only looks like one."""

from enum import StrEnum


class Verdict(StrEnum):
    """Who opened, clicked or visited. Only what a person did counts."""

    HUMAN = "human"
    SCANNER = "scanner"
    """A mail scanner or a mail program that looks at everything by itself."""
    BOT = "bot"
    """A crawler, a monitor, a script."""


class Sign(StrEnum):
    """What gave a machine away."""

    USER_AGENT = "user_agent"
    DATA_CENTRE = "data_centre"
    TOO_FAST = "too_fast"
    """Sooner after the mail was sent than anybody reads."""
    EVERY_LINK = "every_link"
    """The links of a mail followed one after the other within seconds."""
    HIDDEN_LINK = "hidden_link"
    """A link that nobody sees was followed."""
    AUTOMATED = "automated"
    """The browser says of itself that a program steers it."""
