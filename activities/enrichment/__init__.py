"""Finding out who a lead and its company are: from the form, the e-mail's domain, the phone number, and providers beside them."""

from activities.enrichment.activities import EnrichmentActivities, asker

__all__ = ["EnrichmentActivities", "asker"]
