"""Proposing what a tool would change, and doing it after a yes: once, in time, on record."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextvars import copy_context
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import (
    ActionRefusedError,
    ActionResult,
    UnsupportedActionError,
    perform_action,
    performed_result,
)
from ecomai.commerce.adapters.actions import RESULTS
from ecomai.reading import in_transaction
from ecomai.registry.services.access import write_audit

from ..announcing import announce_frame
from ..app_settings import app_settings
from ..exceptions import ToolRefusedError
from ..models import ToolCall
from ..protocol import progress_frame
from .catalogue import find_tool
from .contract import Actor, ChangingTool

logger = logging.getLogger(__name__)
State = ToolCall.State
#: A tool that hangs keeps its thread; with all of them taken the next one is told that nothing happened.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ecomai-chat-tool")


@dataclass(frozen=True)
class Outcome:
    """What came of a confirmed call, as a sentence. `needs_person`: somebody has to look."""

    text: str
    is_done: bool = False
    needs_person: bool = False


def propose_call(actor: Actor, tool: ChangingTool, given: Mapping[str, Any], *, key: str) -> ToolCall:
    """Keep what a tool would do, with the question for the customer; nothing is done.

    An earlier question that is still open is withdrawn, so that one yes never means two things.
    Raises `ToolRefusedError`, `msgspec.ValidationError`.
    """
    if not tool.is_supported():
        raise ToolRefusedError(_("I cannot do that here myself. I can ask a person to do it."))
    summary = tool.propose(actor, tool.read_arguments(given))
    call, _is_new = ToolCall.objects.get_or_create(
        key=key,
        defaults={
            "conversation": actor.conversation, "tool": tool.name, "arguments": dict(given),
            "summary": summary,
        },
    )  # fmt: skip
    earlier = ToolCall.objects.filter(conversation=actor.conversation, state=State.PROPOSED)
    earlier.exclude(pk=call.pk).update(state=State.WITHDRAWN, ended_at=timezone.now())
    return call


def withdraw_call(actor: Actor, public_id: str) -> None:
    """Note that the customer does not want it; what has begun goes on."""
    _own_calls(actor, public_id).filter(state=State.PROPOSED).update(
        state=State.WITHDRAWN, ended_at=timezone.now()
    )


def was_asked(actor: Actor, public_id: str, *, at: datetime) -> bool:
    """Whether a question had been put by a moment."""
    return _own_calls(actor, public_id).filter(proposed_at__lte=at).exists()


def confirm_call(actor: Actor, public_id: str) -> Outcome:
    """Do what the customer has said yes to. The same yes again tells what came of it, and does nothing."""
    call = _own_calls(actor, public_id).first()
    if call is None:
        return Outcome(_("That question is not open any more."))
    oldest = timezone.now() - timedelta(minutes=app_settings.CONFIRMATION_MINUTES)
    if call.state == State.PROPOSED and call.proposed_at < oldest:
        withdraw_call(actor, public_id)
        call.refresh_from_db()
    if call.state == State.PROPOSED and _begin(call):
        return _carry_out(actor, call)
    call.refresh_from_db()
    return _tell_again(call)


def _own_calls(actor: Actor, public_id: str) -> QuerySet[ToolCall]:
    """The call of an id in this very conversation; an id may be whatever a client sends."""
    try:
        wanted = UUID(public_id)
    except ValueError:
        return ToolCall.objects.none()
    return ToolCall.objects.filter(conversation=actor.conversation, public_id=wanted)


def _begin(call: ToolCall) -> bool:
    """Mark a call as under way before anything happens; False where somebody else did."""
    now = timezone.now()
    waiting = ToolCall.objects.filter(pk=call.pk, state=State.PROPOSED)
    return waiting.update(state=State.RUNNING, started_at=now) == 1


def _carry_out(actor: Actor, call: ToolCall) -> Outcome:
    if in_transaction():
        # Another thread would not see what this transaction wrote, so nothing bounds the time here.
        _work(actor, call)
    else:
        announce_frame(actor.conversation, progress_frame(str(_changing(call).under_way)))
        future = _threads.submit(copy_context().run, _work_in_thread, actor, call)
        if not _is_in_time(future):
            if future.cancel():
                return _undo_beginning(call)
            ToolCall.objects.filter(pk=call.pk, state=State.RUNNING).update(
                state=State.UNCLEAR, problem="It took too long."
            )
    call.refresh_from_db()
    return _tell_again(call)


def _is_in_time(future: "Future[None]") -> bool:
    try:
        future.result(timeout=app_settings.TOOL_SECONDS)
    except FutureTimeoutError:
        return future.done()
    return True


def _work_in_thread(actor: Actor, call: ToolCall) -> None:
    try:
        _work(actor, call)
    finally:
        connections.close_all()


def _work(actor: Actor, call: ToolCall) -> None:
    """Ask the shop, and note what came of it; also where nobody waits for it any more."""
    tool = _changing(call)
    try:
        arguments = tool.action_arguments(actor, tool.read_arguments(call.arguments))
        result = perform_action(
            tool.action,
            key=_action_key(call),
            storefront=actor.storefront,
            actor_label=_who(call),
            **arguments,
        )
    except (ToolRefusedError, ActionRefusedError, UnsupportedActionError) as error:
        _end(call, State.REFUSED, problem=_reason(error))
    except Exception:
        # Whatever a shop's adapter raises: what it did before is not known to us.
        logger.exception("Tool call %s failed.", call.pk)
        _end(call, State.UNCLEAR, problem="It failed.")
    else:
        _end(call, State.DONE, result=asdict(result))


def _end(call: ToolCall, state: ToolCall.State, *, problem: str = "", result: Any = None) -> None:
    open_ones = ToolCall.objects.filter(pk=call.pk, state__in=(State.RUNNING, State.UNCLEAR))
    open_ones.update(state=state, problem=problem, result=result or {}, ended_at=timezone.now())
    write_audit(
        action=f"chat_{call.tool}", subject=f"toolcall:{call.pk}", actor_label=_who(call),
        details={"state": str(state)},
    )  # fmt: skip


def _undo_beginning(call: ToolCall) -> Outcome:
    """All threads were taken, so nothing was asked of the shop."""
    ToolCall.objects.filter(pk=call.pk, state=State.RUNNING).update(state=State.PROPOSED, started_at=None)
    return Outcome(_("The shop is slow right now, and nothing was done. Please try again in a moment."))


def _tell_again(call: ToolCall) -> Outcome:
    if call.state in (State.RUNNING, State.UNCLEAR):
        _settle(call)
    if call.state == State.DONE:
        return Outcome(told(call), is_done=True)
    if call.state == State.REFUSED:
        return Outcome(_("That was not possible: %(reason)s") % {"reason": call.problem})
    if call.state == State.RUNNING:
        return Outcome(_("I am still at it; one moment, please."))
    if call.state == State.UNCLEAR:
        return Outcome(
            _(
                "I cannot tell whether the shop has done it: it did not answer in time. So that nothing "
                "happens twice, I'll ask a person to look."
            ),
            needs_person=True,
        )
    return Outcome(_("That question is not open any more, and nothing was done."))


def _settle(call: ToolCall) -> None:
    """Find out what became of a call whose process died or whose answer was late; it is not done again."""
    tool = _changing(call)
    result = performed_result(tool.action, key=_action_key(call))
    began = call.started_at or call.proposed_at
    if result is not None:
        _end(call, State.DONE, result=asdict(result))
    elif began < timezone.now() - timedelta(seconds=app_settings.TOOL_SECONDS):
        ToolCall.objects.filter(pk=call.pk, state=State.RUNNING).update(
            state=State.UNCLEAR, problem="Its process ended."
        )
    call.refresh_from_db()


def told(call: ToolCall) -> str:
    """Return what was done, in the active language."""
    tool = _changing(call)
    result: ActionResult = RESULTS[tool.action](**call.result)
    return tool.tell(Actor(call.conversation), tool.read_arguments(call.arguments), result)


def _changing(call: ToolCall) -> ChangingTool:
    tool = find_tool(call.tool)
    assert isinstance(tool, ChangingTool)  # noqa: S101  (others are never proposed)
    return tool


def _action_key(call: ToolCall) -> str:
    return f"chat-{call.public_id.hex}"


def _who(call: ToolCall) -> str:
    return f"customer in chat {call.conversation_id}"


def _reason(error: Exception) -> str:
    if isinstance(error, ActionRefusedError):
        return str(error.params.get("reason", error))
    if isinstance(error, UnsupportedActionError):
        return _("the shop does not offer it here")
    return str(error)
