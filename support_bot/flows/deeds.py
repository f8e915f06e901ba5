"""What a flow does besides talking: with the shop, or, in a replay, with nothing."""

from collections.abc import Mapping
from typing import Any

from ..actions import Actor, ChangingTool, ReadingTool, ToolResult
from ..actions.ownership import Checked, ask_for_proof, can_prove, check_code
from ..actions.performing import Outcome, confirm_call, propose_call, was_asked, withdraw_call
from ..models import Message


class Deeds:
    """The deeds of one message. `key` of a proposal comes from it, so that another try proposes the same."""

    def __init__(self, actor: Actor, message: Message) -> None:
        self.actor = actor
        self.message = message

    def read(self, tool: ReadingTool, given: Mapping[str, Any]) -> ToolResult:
        return tool.read(self.actor, tool.read_arguments(given))

    def propose(self, tool: ChangingTool, given: Mapping[str, Any]) -> tuple[str, str]:
        """Return the id and the question of what would be done."""
        call = propose_call(self.actor, tool, given, key=f"{self.message.pk}:{tool.name}")
        return call.public_id.hex, call.summary

    def was_asked(self, call: str) -> bool:
        """Whether the question was there when the customer wrote: what was written before is no answer."""
        return was_asked(self.actor, call, at=self.message.created_at)

    def confirm(self, call: str) -> Outcome:
        return confirm_call(self.actor, call)

    def withdraw(self, call: str) -> None:
        withdraw_call(self.actor, call)

    def can_prove(self) -> bool:
        return can_prove()

    def ask_for_proof(self, number: str) -> int | None:
        proof = ask_for_proof(self.actor, number)
        return proof.pk if proof else None

    def check_code(self, proof: int, number: str, code: str) -> Checked:
        return check_code(self.actor, proof, code)
