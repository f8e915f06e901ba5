"""A person is asked where a customer is angry, where care is due, and where the bot repeats itself."""

from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import NotFoundError
from ecomai.fusion.exceptions import PurposeNotAllowedError
from ecomai.fusion.selectors import read_fact

from ..app_settings import app_settings
from ..models import Conversation
from ..selectors import said_last
from .turns import Reply, Turn

Reason = Conversation.HandoffReason
#: One message that is as angry as this is enough; of those that are less so, two in a row are.
FURIOUS, ANGRY = -0.6, -0.3
#: For so many messages after a person gave the chat back, the old reason is no reason.
CALM_MESSAGES = 6
COUPON_HOLD = "risk.coupon_hold"


def respond(turn: Turn) -> Reply | None:
    """Hand over for anger or for risk, unless a person has just looked after that."""
    if _is_angry(turn) and not was_looked_after(turn, Reason.UNHAPPY):
        text = _("I'm sorry about that. I'll ask a person to look after this.")
        return Reply(text=text, answered_by="handoff", hand_over=Reason.UNHAPPY)
    if _needs_care(turn) and not was_looked_after(turn, Reason.RISK):
        # Why is nobody's business but the shop's.
        text = _("A colleague has to look at this. I'll hand you over, they see what we have written.")
        return Reply(text=text, answered_by="handoff", hand_over=Reason.RISK)
    return None


def instead_of(reply: Reply, turn: Turn) -> Reply:
    """Return the reply, or a hand-over where it would say again what was said last and did not help."""
    if reply.hand_over or reply.is_failed or reply.memory is not None or was_looked_after(turn, Reason.LOOP):
        return reply
    last = said_last(turn.conversation)
    if last is None or last["text"].strip() != reply.text.strip() or last["answered_by"] in REPEATS:
        return reply
    text = _("I'd only repeat myself, so I'll ask a person to help you. They see what we have written.")
    return Reply(
        text=text, answered_by="handoff", is_failed=True, hand_over=Reason.LOOP, n_tokens=reply.n_tokens
    )


#: Who may say the same twice: thanks, greetings, flows, which count what was not understood themselves, and
#: what is said of the shop's own accord.
REPEATS = ("thanks", "small_talk", "flow", "message")


def was_looked_after(turn: Turn, reason: str) -> bool:
    """Whether a person gave this conversation back a moment ago, who had it for the same reason."""
    row = turn.conversation
    is_recent = row.given_back_at and row.last_sequence - row.given_back_at <= CALM_MESSAGES
    return bool(is_recent and row.handoff_reason == reason)


def _is_angry(turn: Turn) -> bool:
    now, before = turn.understood.sentiment, turn.conversation.mood
    return now <= FURIOUS or (now <= ANGRY and before <= ANGRY * 0.6)


def _needs_care(turn: Turn) -> bool:
    """Whether risk holds the customer's coupons, and the message is about getting something back."""
    customer = turn.conversation.customer
    if customer is None or turn.understood.is_out_of_scope:
        return False
    if turn.understood.intent not in app_settings.CAREFUL_INTENTS:
        return False
    try:
        scenarios.get_fact_spec(COUPON_HOLD)
        return bool(
            read_fact(
                name=COUPON_HOLD, entity_id=customer.external_id, purpose="support",
                storefront=turn.conversation.storefront,
            )
        )  # fmt: skip
    except (NotFoundError, PurposeNotAllowedError):
        return False
