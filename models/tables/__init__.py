"""The tables of PostgreSQL, the memory people look at.

`Lead` carries both who the person is and the projection of its ledger; the ledger itself is append-only.
Relationships do not load lazily: a query says what it wants.
"""

from models.tables.base import CHANGES, CHANNEL, now
from models.tables.bulk import Batch, BatchLead, ImportChunk, ImportJob, ImportRefusal, ImportRow
from models.tables.companies import BuyingSignal, CompanyRecord, SourceAnswer, SourceGate
from models.tables.crm import CrmArrival, CrmCursor, CrmLink, CrmRefusal
from models.tables.insights import DigestRecord, InsightProgress, Journey, Overrun, Tenure
from models.tables.integrations import (
    FormReceipt,
    FormSource,
    NoticePosition,
    NoticePreference,
    NoticeSending,
    SlackUser,
    WebhookDelivery,
    WebhookEndpoint,
)
from models.tables.leads import Account, Engagement, Lead, LeadFacts, LedgerEntry, Note, PageStay, ScoreRecord
from models.tables.outreach import (
    Assignment,
    ConsentRecord,
    DeliveryReport,
    LiftedSuppression,
    MessageRecord,
    NoticeRead,
    NoticeRecord,
    Suppression,
    TemplateVersion,
)
from models.tables.people import BrowserSession, SignInAttempt, SignInLink, Token, User
from models.tables.policy_room import PolicyComment, PolicyOutcome, PolicyProposal, PolicyRevision, PolicySignature, PolicyVote
from models.tables.routing import Queued, RoutingTurns
from models.tables.running import IdempotentRequest, Outgoing, PolicyVersion
from models.tables.scoring import ModelChange, ScoringModel
from models.tables.tracking import Naming, Robot
from models.tables.whatif import Simulation, ToldEvents

__all__ = [
    "CHANGES",
    "CHANNEL",
    "Account",
    "Assignment",
    "Batch",
    "BatchLead",
    "BrowserSession",
    "BuyingSignal",
    "CompanyRecord",
    "ConsentRecord",
    "CrmArrival",
    "CrmCursor",
    "CrmLink",
    "CrmRefusal",
    "DeliveryReport",
    "DigestRecord",
    "Engagement",
    "FormReceipt",
    "FormSource",
    "IdempotentRequest",
    "ImportChunk",
    "ImportJob",
    "ImportRefusal",
    "ImportRow",
    "InsightProgress",
    "Journey",
    "Lead",
    "LeadFacts",
    "LedgerEntry",
    "LiftedSuppression",
    "MessageRecord",
    "ModelChange",
    "Naming",
    "Note",
    "NoticePosition",
    "NoticePreference",
    "NoticeRead",
    "NoticeRecord",
    "NoticeSending",
    "Outgoing",
    "Overrun",
    "PageStay",
    "PolicyComment",
    "PolicyOutcome",
    "PolicyProposal",
    "PolicyRevision",
    "PolicySignature",
    "PolicyVersion",
    "PolicyVote",
    "Queued",
    "Robot",
    "RoutingTurns",
    "ScoreRecord",
    "ScoringModel",
    "SignInAttempt",
    "SignInLink",
    "Simulation",
    "SlackUser",
    "SourceAnswer",
    "SourceGate",
    "Suppression",
    "TemplateVersion",
    "Tenure",
    "Token",
    "ToldEvents",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "now",
]
