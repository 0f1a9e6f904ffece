"""Forms elsewhere, whose submissions come in, as forms of ours: a line for each field, and how each kind is connected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from api.board.pages import templates
from api.errors import Invalid
from api.forms import Sent, filled, pairs, text_of
from models.schemas.integrations import FormChange, FormKind, FormView, NewForm

KINDS: Final = {
    FormKind.GENERIC: ("Any form", "JSON of any shape, signed with a secret we make"),
    FormKind.HUBSPOT: ("HubSpot", "a workflow sends its contact, signed with your app's client secret"),
    FormKind.TYPEFORM: ("Typeform", "its webhook, signed with a secret we make"),
}
"""Every kind of sender, and what it sends."""
HOW: Final = {
    FormKind.GENERIC: (
        "Post JSON to this address. Sign it with Standard Webhooks headers, or with X-Signature-256: sha256= and the HMAC-SHA256 of the "
        "body in hex, the key being the secret as it is shown."
    ),
    FormKind.HUBSPOT: (
        "In HubSpot, let a workflow send its contact to this address, signed by your app (X-HubSpot-Signature-v3). The signature covers "
        "the address, so HubSpot must call exactly this one."
    ),
    FormKind.TYPEFORM: "In Typeform, under Connect and then Webhooks, add this address and the secret, and switch the webhook on.",
}
"""How a form of each kind is connected."""
DEFAULTS: Final = {"source": "Source", "campaign": "Campaign", "interest": "Interest", "country": "Country"}
"""What can be said for submissions that do not say it themselves."""
Form = TypeVar("Form", NewForm, FormChange)


@dataclass(frozen=True, slots=True)
class SourceForm:
    """A source of submissions as the fields of a form, as they were sent or as they stand.

    Args:
        fields: a line for each of ours: its name, `=`, and where its value stands.
        defaults: by our field.
        secret: as it was typed; never what is stored.
    """

    name: str = ""
    kind: str = FormKind.GENERIC.value
    fields: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""

    @classmethod
    def of(cls, source: FormView) -> "SourceForm":
        """The form of a source there is."""
        lines = "\n".join(f"{name} = {path}" for name, path in source.fields.items())
        return cls(source.name, source.kind.value, lines, source.defaults)

    @classmethod
    def sent(cls, form: Sent) -> "SourceForm":
        """The form as a browser sent it."""
        defaults = {name: text_of(form, f"default-{name}") for name in DEFAULTS}
        return cls(text_of(form, "name"), text_of(form, "kind"), text_of(form, "fields"), defaults, text_of(form, "secret"))

    def read(self, schema: type[Form]) -> Form:
        """The form as its schema has it. Its kind and its secret are said once, when it is made.

        Raises:
            Invalid: naming every field at fault.
        """
        said = {name: value for name, value in self.defaults.items() if value}
        values: dict[str, Any] = {"name": self.name, "defaults": said, "fields": pairs(self.fields, "fields", "email = data.mail")}
        if schema is NewForm:
            if self.kind == FormKind.HUBSPOT and not self.secret:
                raise Invalid({"secret": "is required for HubSpot: the client secret of your app there"})
            values |= {"kind": self.kind} | ({"secret": self.secret} if self.secret else {})
        try:
            return filled(schema, values)
        except Invalid as err:
            raise Invalid({_field(error["field"]): error["message"] for error in err.fields["errors"]}) from None


def _field(name: str) -> str:
    """The field of the form that HTTP knows by this name."""
    group, _, inner = name.partition(".")
    return f"default-{inner}" if group == "defaults" and inner else group


templates.globals |= {"FORM_KINDS": KINDS, "FORM_HOW": HOW, "FORM_DEFAULTS": DEFAULTS}
