"""The ways out of the program: e-mail by SMTP, text messages by Twilio, letters by Lob.

Each takes a `Parcel` and says yes, never, or not now.
"""

from activities.providers.common import AwayError, Parcel, PostalAddress, Provider, RefusedError
from activities.providers.lob import Lob
from activities.providers.mail import Mail
from activities.providers.twilio import Twilio

__all__ = ["AwayError", "Lob", "Mail", "Parcel", "PostalAddress", "Provider", "RefusedError", "Twilio"]
