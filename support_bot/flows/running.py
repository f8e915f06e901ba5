"""Following a flow: from one message of the customer to the next thing that the flow needs to know."""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Order
from ecomai.conditions import ConditionError

from ..actions import ChangingTool, ReadingTool, find_tool
from ..actions.orders import no_order
from ..actions.ownership import DIGITS, Checked, how_to_prove
from ..dialogue.people import PERSON
from ..dialogue.turns import Card, Choice, Turn
from ..exceptions import ToolRefusedError
from ..models import Conversation
from .deeds import Deeds
from .definitions import Ask, Call, Confirm, Definition, HandOver, Say, compiled, fill_in, text_in
from .slots import choices_of, fill, order_number
from .standing import Standing

YES, NO, STOP, NEW_CODE = "flow:yes", "flow:no", "flow:stop", "flow:code"
NO_NUMBER = "flow:no_number"
CONFIRM, DECLINE = "confirm:", "decline:"
#: After so many answers that were no yes, no no and no code a person is offered; questions say their own.
MOST_MISSED = 2
_YES = re.compile(
    r"^\W*(?:yes|yep|yeah|yup|sure|ok(?:ay)?|please do|do it|go ahead|correct|confirm(?:ed)?|y"
    r"|是的?|好的?|可以|确认|确定|对|行|没问题)(?:\W+(?:please|thanks|do it|do that|go ahead))?\W*$",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^\W*(?:no|nope|nah|don'?t|do not|n|不|不是|不要|不用了?|不行|别)"
    r"(?:\W+(?:thanks?|thank you|please))?\W*$",
    re.IGNORECASE,
)
_NO_NUMBER = re.compile(
    r"\b(?:don'?t|do not|can'?t|cannot|no longer|lost|forgot)\b.{0,20}\bnumber\b|\bno (?:order )?number\b"
    r"|(?:没有|不知道|不记得|忘了|找不到).{0,4}(?:订单号|单号|号码)",
    re.IGNORECASE,
)
_CODE = re.compile(rf"(?<!\d)\d{{{DIGITS}}}(?!\d)")


@dataclass
class Progress:
    """What is said until the flow waits again; `standing` is None once it has ended."""

    standing: Standing | None
    texts: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    hand_over: Conversation.HandoffReason | None = None
    paused: list[dict[str, Any]] = field(default_factory=list)


class FlowRun:
    """One message's way through a flow."""

    def __init__(self, definition: Definition, standing: Standing, turn: Turn, deeds: Deeds) -> None:
        self.definition = definition
        self.standing = standing
        self.turn = turn
        self.deeds = deeds
        self.progress = Progress(standing, paused=standing.paused)

    # -- three ways in ------------------------------------------------------------------------------

    def begin(self) -> Progress:
        return self._advance()

    def go_on(self) -> Progress | None:
        """Take the message as the answer that the flow waits for; None where it is none."""
        answer = {
            "slot": self._take_slot, "proof": self._take_code, "confirm": self._take_yes,
            "call": self._take_call,
        }.get(self.standing.waiting)  # fmt: skip
        return answer() if answer else None

    def ask_again(self, *, is_missed: bool = True) -> Progress:
        """Ask for the same once more; who is not understood twice is offered a person."""
        if is_missed:
            self.standing.n_missed += 1
        step = self.definition.steps[self.standing.step]
        most = step.tries if isinstance(step, Ask) and self.standing.waiting == "slot" else MOST_MISSED
        if self.standing.n_missed >= most:
            self._say(_("I still do not understand. Shall a person go on with this?"))
            self.progress.choices = [Choice(_("Talk to a person"), PERSON), Choice(_("Stop this"), STOP)]
            return self.progress
        if is_missed:
            self._say(_("I did not understand that."))
        self.ask()
        return self.progress

    def ask(self) -> None:
        """Say what the flow waits for."""
        step = self.definition.steps[self.standing.step]
        if self.standing.waiting == "proof":
            self._say(
                _("What is the code that was mailed for order %(number)s?") % {"number": self.standing.number}
            )
            self.progress.choices = self._code_choices()
        elif isinstance(step, Ask) and step.kind == "order" and self._is_stranger():
            self._say(how_to_prove())
            self.progress.choices = [
                Choice(_("I don't have the number"), NO_NUMBER), Choice(_("Stop this"), STOP)
            ]  # fmt: skip
        elif isinstance(step, Ask):
            self._say(self._text(step.question))
            order = self._order() if step.kind == "item" else None
            self.progress.choices = list(choices_of(step, self.deeds.actor, order, self.turn.language))
        elif isinstance(step, Confirm):
            self._say(self._text(step.text))
            self.progress.choices = [Choice(_("Yes"), YES), Choice(_("No"), NO)]
        elif isinstance(step, Call):
            self._say(_("Please say yes or no to what I asked before."))
            self.progress.choices = self._call_choices()

    # -- answers ------------------------------------------------------------------------------------

    def _take_slot(self) -> Progress | None:
        step = self.definition.steps[self.standing.step]
        if not isinstance(step, Ask):
            return None
        if step.kind == "order":
            return self._take_order(step)
        order = self._order() if step.kind == "item" else None
        filled = fill(step, self.turn, order, is_asked=True)
        if filled is None:
            return None
        self._keep(step.slot, filled.value, filled.label)
        return self._advance()

    def _take_order(self, step: Ask) -> Progress | None:
        number = order_number(self.turn, is_asked=True)
        if not number and (self.turn.value == NO_NUMBER or _NO_NUMBER.search(self.turn.text)):
            return self._without_number()
        if not number:
            return None
        if self._find_order(step, number):
            return self._advance()
        return self._wait_after_unknown(step)

    def _without_number(self) -> Progress:
        self._say(
            _(
                "The number stands in the mail that confirmed the order, and on the invoice. Without it I "
                "cannot tell which order is yours; please log in, or let a person look for it."
            )
        )
        self.progress.choices = [Choice(_("Talk to a person"), PERSON), Choice(_("Stop this"), STOP)]
        return self.progress

    def _take_code(self) -> Progress | None:
        if self.turn.value == NEW_CODE:
            self._ask_for_proof(self.standing.number)
            return self.progress
        found = _CODE.search(self.turn.text.replace(" ", ""))
        if not found:
            return None
        checked = self.deeds.check_code(self.standing.proof, self.standing.number, found.group())
        if checked is Checked.RIGHT:
            step = self.definition.steps[self.standing.step]
            order = self.deeds.actor.find_order(self.standing.number)
            if isinstance(step, Ask) and order is not None:
                self._keep(step.slot, order.external_id)
                return self._advance()
        sentence = {
            Checked.WRONG: _("That is not the code. Please look at the newest mail."),
            Checked.SPENT: _("That code is too old or was tried too often. I can have a new one mailed."),
            Checked.RIGHT: _("That order cannot be found any more."),
        }[checked]
        self._say(sentence)
        self.progress.choices = self._code_choices()
        return self.progress

    def _take_yes(self) -> Progress | None:
        if self._is_yes():
            self.standing.step += 1
            return self._advance()
        return self._leave() if self._is_no() else None

    def _take_call(self) -> Progress | None:
        """A button counts for its own question alone, words for one that was put before they were said."""
        value = self.turn.value
        is_said = not value and self.deeds.was_asked(self.standing.call)
        if value == f"{CONFIRM}{self.standing.call}" or (is_said and self._is_yes()):
            return self._confirm()
        if value == f"{DECLINE}{self.standing.call}" or (is_said and self._is_no()):
            self.deeds.withdraw(self.standing.call)
            return self._leave()
        return None

    def _confirm(self) -> Progress:
        outcome = self.deeds.confirm(self.standing.call)
        self._say(outcome.text)
        if outcome.needs_person:
            self.progress.hand_over = Conversation.HandoffReason.POLICY
        if not outcome.is_done:
            return self._end()
        self.standing.step += 1
        return self._advance()

    def _leave(self) -> Progress:
        self._say(_("All right, I left everything as it is."))
        return self._end()

    def _is_yes(self) -> bool:
        return self.turn.value == YES or (not self.turn.value and bool(_YES.match(self.turn.text)))

    def _is_no(self) -> bool:
        return self.turn.value == NO or (not self.turn.value and bool(_NO.match(self.turn.text)))

    # -- steps --------------------------------------------------------------------------------------

    def _advance(self) -> Progress:
        """Follow the steps until one waits for the customer, or none is left."""
        self.standing.waiting, self.standing.n_missed = "", 0
        while self.standing.step < len(self.definition.steps):
            step = self.definition.steps[self.standing.step]
            if self._holds(step.when) and not self._follow(step):
                return self.progress
            self.standing.step += 1
        return self._end()

    def _follow(self, step: Any) -> bool:
        """Do one step; False where the flow waits or has ended."""
        if isinstance(step, Ask):
            return self._fill(step)
        if isinstance(step, Say):
            self._say(self._text(step.text))
            return True
        if isinstance(step, Confirm):
            self.standing.waiting = "confirm"
            self.ask()
            return False
        if isinstance(step, Call):
            return self._call(step)
        if isinstance(step, HandOver):
            self._say(self._text(step.text))
            self.progress.hand_over = Conversation.HandoffReason.POLICY
        self._end()
        return False

    def _fill(self, step: Ask) -> bool:
        if step.slot in self.standing.slots:
            return True
        if step.kind == "order":
            return self._fill_order(step)
        order = self._order() if step.kind == "item" else None
        filled = fill(step, self.turn, order, is_asked=False)
        if filled is not None:
            self._keep(step.slot, filled.value, filled.label)
            return True
        self.standing.waiting = "slot"
        self.ask()
        return False

    def _fill_order(self, step: Ask) -> bool:
        """Take the order that was named, or the only one that there is; else ask."""
        number = order_number(self.turn, is_asked=False)
        own = list(self.deeds.actor.orders()[:2])
        if not number and len(own) == 1:
            number = own[0].external_id
        if number and self._find_order(step, number):
            return True
        if number:
            self._wait_after_unknown(step)
            return False
        if not own and (self.deeds.actor.customer is not None or not self.deeds.can_prove()):
            self._end_without_order()
            return False
        self.standing.waiting = "slot"
        self.ask()
        return False

    def _end_without_order(self) -> None:
        """There is nothing to choose from, and no way to prove one."""
        self._say(how_to_prove() if self.deeds.actor.customer is None else no_order())
        self._end()
        self.progress.choices = [Choice(_("Talk to a person"), PERSON)]

    def _is_stranger(self) -> bool:
        """Whether somebody has neither a login nor an order that was proven."""
        return self.deeds.actor.customer is None and not self.deeds.actor.orders().exists()

    def _find_order(self, step: Ask, number: str) -> bool:
        order = self.deeds.actor.find_order(number)
        if order is not None:
            self._keep(step.slot, order.external_id)
        self.standing.number = number
        return order is not None

    def _wait_after_unknown(self, step: Ask) -> Progress:
        """Of an order that is not known to be theirs: a guest may prove it, others name another one."""
        if self.deeds.actor.customer is None:
            self._ask_for_proof(self.standing.number)
            return self.progress
        self._say(_("I cannot find an order %(number)s of yours.") % {"number": self.standing.number[:40]})
        if not self.deeds.actor.orders().exists():
            self._end_without_order()
            return self.progress
        self.standing.waiting = "slot"
        self.standing.n_missed += 1
        return self.ask_again(is_missed=False)

    def _ask_for_proof(self, number: str) -> None:
        """The same words whether there is such an order or not."""
        proof = self.deeds.ask_for_proof(number) if self.deeds.can_prove() else None
        if proof is None:
            self._say(_("I cannot show that order here. Please log in, or let a person look at it."))
            self._end()
            self.progress.choices = [Choice(_("Talk to a person"), PERSON)]
            return
        self.standing.waiting, self.standing.proof = "proof", proof
        self._say(
            _(
                "To be sure that it is yours: if there is an order %(number)s, a code is being mailed to the "
                "address that was given with it. Please write the code here."
            )
            % {"number": number[:40]}
        )
        self.progress.choices = self._code_choices()

    def _call(self, step: Call) -> bool:
        tool = find_tool(step.tool)
        given = {name: self.standing.slots.get(slot, "") for name, slot in step.arguments.items()}
        given = {name: value for name, value in given.items() if value}
        try:
            if isinstance(tool, ReadingTool):
                result = self.deeds.read(tool, given)
                self._say(result.text)
                self.progress.cards += result.cards
                return True
            assert isinstance(tool, ChangingTool)  # noqa: S101  (there are no others)
            self.standing.call, summary = self.deeds.propose(tool, given)
        except ToolRefusedError as error:
            self._say(str(error))
        except msgspec.ValidationError:
            self._say(_("I do not know enough for that."))
        else:
            self.standing.waiting = "call"
            self._say(summary)
            self.progress.choices = self._call_choices()
            return False
        self._end()
        self.progress.choices = [Choice(_("Talk to a person"), PERSON)]
        return False

    # -- the rest -----------------------------------------------------------------------------------

    def _end(self) -> Progress:
        self.progress.standing = None
        return self.progress

    def _keep(self, slot: str, value: str, label: str = "") -> None:
        self.standing.slots[slot] = value
        if label:
            self.standing.labels[slot] = label

    def _say(self, text: str) -> None:
        self.progress.texts.append(text)

    def _text(self, texts: Any) -> str:
        return fill_in(text_in(texts, self.turn.language), self.standing.said_slots)

    def _call_choices(self) -> list[Choice]:
        call = self.standing.call
        return [Choice(_("Yes, please"), f"{CONFIRM}{call}"), Choice(_("No"), f"{DECLINE}{call}")]

    def _code_choices(self) -> list[Choice]:
        return [Choice(_("Mail a new code"), NEW_CODE), Choice(_("Stop this"), STOP)]

    def _order(self) -> Order | None:
        """The order of the first slot that holds one."""
        for step in self.definition.steps:
            if isinstance(step, Ask) and step.kind == "order" and step.slot in self.standing.slots:
                return self.deeds.actor.find_order(self.standing.slots[step.slot])
        return None

    def _holds(self, when: str) -> bool:
        """Whether a condition holds; one that cannot be evaluated does not."""
        if not when:
            return True
        try:
            return compiled(when).is_met(facts_of(self.turn, self._order(), self.standing.slots))
        except ConditionError:
            return False


def facts_of(turn: Turn, order: Order | None, slots: dict[str, str]) -> dict[str, Any]:
    """Return what conditions may name."""
    return {
        "is_known": turn.conversation.customer_id is not None,
        "language": turn.language,
        "intent": turn.understood.intent,
        "confidence": turn.understood.confidence,
        "order_status": order.status if order else None,
        "order_total": float(order.total) if order else None,
        "order_days": float((timezone.now() - order.placed_at).days) if order else None,
        "slots": slots,
    }
