"""PostgreSQL's advisory locks that everything shares: their numbers stand together, so that no two are the same.

Locks of a single lead, message or run are derived from its id and far from these.
"""

from typing import Final

from models.crm import CrmName

MIGRATION_LOCK: Final = 7_268_000
"""Held while the database is brought up to date."""
CHANGE_LOCK: Final = 7_268_001
"""Held from numbering a change to its commit, so that numbers are in the order of commit and a board that
resumes after one misses none before it. NOTIFY takes such a lock at commit anyway."""
ROUTING_LOCK: Final = 7_268_002
"""Held from counting who has how much to the commit of a reservation. A lead's own lock is taken before it."""
PUBLISH_LOCK: Final = 7_268_003
"""Held alone while a version is published, shared by whoever needs the latest one to stay the latest."""
OUTBOX_LOCK: Final = 7_268_004
"""Held by the process that delivers. Rows are not locked meanwhile, or erasing a lead would have to wait for Temporal."""
SWEEP_LOCK: Final = 7_268_005
"""Held by the process that sweeps, for one round."""
BOOTSTRAP_LOCK: Final = 7_268_006
"""Held by the process that prepares the database."""
THROTTLE_LOCK: Final = 7_268_007
"""Held while a guess is counted, so that guesses at the same moment are counted one by one."""
HANDING_LOCK: Final = 7_268_008
"""Held by the process that hands leads on, for one handful."""
MODELS_LOCK: Final = 7_268_011
"""Held while a version is ordered or the champion changes."""
FOLD_LOCK: Final = 7_268_012
"""Held by whoever folds ledger entries into journeys, for one batch."""
CRM_LOCKS: Final = {CrmName.HUBSPOT: 7_268_041, CrmName.SALESFORCE: 7_268_042}
"""Held over each step of a sync, so that two syncs with one CRM never interleave, whatever started them."""
LAND_LOCK: Final = 7_268_043
"""Held by the process that lands what CRMs said, for one round."""
STAYS_LOCK: Final = 7_268_061
"""Held by the process that works out how long people stay on pages."""
