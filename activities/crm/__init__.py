"""HubSpot and Salesforce: one small protocol, an adapter each, and the activities that sync (docs/decisions/0026-crm.md)."""

from activities.crm.activities import CrmActivities
from activities.crm.configured import configured

__all__ = ["CrmActivities", "configured"]
