"""Where a lead is."""

from activities.enrichment.basics import country_code, country_of_phone, zone_of
from activities.enrichment.provider import Findings, Person


class Location:
    """Finds `country` (ISO 3166 code, from the phone number when the form has none) and `timezone`."""

    name = "location"

    def look_up(self, person: Person) -> Findings:
        """Read phone number and country."""
        phone, country = person.get("phone"), person.get("country")
        found: Findings = {}
        code = country_code(country) or country_of_phone(phone)
        if code:
            found["country"] = code
        zone = zone_of(phone, country)
        if zone:
            found["timezone"] = zone
        return found
