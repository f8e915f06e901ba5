"""The rows of the support bot, a module for each subject."""

from .acting import OwnershipProof, ToolCall
from .attachments import Attachment
from .conversations import Conversation, Message, Tag
from .flows import Flow, FlowVersion
from .judged import ContactVolume, DayFigures
from .knowledge import Article, Passage, Relation
from .people import AgentProfile, CannedAnswer, ClosedDay, Note, OfficeHours
from .trials import PromptTrial
from .understanding import Intent, IntentExample

__all__ = [
    "AgentProfile",
    "Article",
    "Attachment",
    "CannedAnswer",
    "ClosedDay",
    "ContactVolume",
    "Conversation",
    "DayFigures",
    "Flow",
    "FlowVersion",
    "Intent",
    "IntentExample",
    "Message",
    "Note",
    "OfficeHours",
    "OwnershipProof",
    "Passage",
    "PromptTrial",
    "Relation",
    "Tag",
    "ToolCall",
]
