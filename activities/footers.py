"""What stands under every nurture mail: why it came, and how to get no more. One table for all languages."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Footer:
    """The words under a mail.

    Args:
        why: it came.
        stop: the words of the link that stops them.
    """

    why: str
    stop: str


_FALLBACK: Final = "en"
FOOTERS: Final = {
    "en": Footer("You get this e-mail because you asked to hear from us.", "No more of these"),
    "de": Footer("Sie erhalten diese E-Mail, weil Sie von uns hören wollten.", "Keine weiteren E-Mails"),
    "fr": Footer("Vous recevez cet e-mail parce que vous avez souhaité avoir de nos nouvelles.", "Ne plus recevoir ces e-mails"),
    "es": Footer("Recibe este correo porque pidió tener noticias nuestras.", "No recibir más correos"),
    "it": Footer("Riceve questa e-mail perché ha chiesto di avere nostre notizie.", "Non ricevere più queste e-mail"),
    "nl": Footer("U ontvangt deze e-mail omdat u van ons wilde horen.", "Geen e-mails meer"),
}
"""By language. A new one is a line."""


def footer(language: str) -> Footer:
    """The words that fit a mail.

    Args:
        language: of its template, as `de` or `de-AT`; English is said to those for whom there is none.
    """
    return FOOTERS.get(language.lower().partition("-")[0], FOOTERS[_FALLBACK])
