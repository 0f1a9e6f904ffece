"""What an e-mail address says about the company behind it."""

from activities.enrichment.basics import domain_of, email_kind, registrable
from activities.enrichment.provider import Findings, Person


class EmailDomain:
    """Finds `domain`, `email_kind` (`free`, `disposable` or `company`) and, for a company's domain, its likely `website`."""

    name = "email_domain"

    def look_up(self, person: Person) -> Findings:
        """Read the address."""
        written = domain_of(person.get("email"))
        if written is None:
            return {}
        domain = registrable(written) or written
        kind = email_kind(domain)
        found: Findings = {"domain": domain, "email_kind": kind}
        if kind == "company":
            found["website"] = f"https://{domain}"
        return found
