"""Flows in a conversation: begun by what the customer wants, gone on with, interrupted and taken up again."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from django.utils.translation import gettext as _

from ecomai.conditions import ConditionError
from ecomai.serving.copies import ProcessCopy

from ..actions import Actor
from ..flows.deeds import Deeds
from ..flows.definitions import Definition, compiled, read_definition
from ..flows.running import CONFIRM, DECLINE, STOP, FlowRun, Progress, facts_of
from ..flows.standing import MEMORY, MOST_PAUSED, Standing, as_paused, read_standing, with_standing
from ..models import Conversation, Flow, FlowVersion
from .turns import Choice, Reply, Turn

ANSWERED_BY = "flow"
#: How sure of an intent one must be before a flow begins, and how alike to its phrases without a model.
LEAST_CONFIDENCE, LEAST_LIKENESS = 0.5, 0.35
#: In the middle of a flow it takes more to begin another one.
LEAST_TO_INTERRUPT = 0.5
_STOPS = re.compile(
    r"^\W*(?:never ?mind|forget (?:it|about it|that)|stop(?: (?:it|this|that))?|leave it|no longer needed"
    r"|算了|没事了?|不用了|不弄了|停止)\W*(?:please|thanks|thank you|吧)?\W*$",
    re.IGNORECASE,
)
#: Who asks how something is done wants to know and not yet to do.
_ASKS_ABOUT = re.compile(
    r"\b(?:policy|policies|rules?|conditions|how long|how many days|who pays|what happens if"
    r"|is it possible|am i allowed)\b"
    r"|规定|政策|多长时间|多久|多少天|几天|谁出|条件",
    re.IGNORECASE,
)


class FlowResponder:
    """Answers by flows: `versions` are asked which one begins, `deeds` does what a flow wants done."""

    def __init__(self, versions: Callable[[], Sequence[FlowVersion]], deeds: Callable[[Turn], Deeds]) -> None:
        self.versions = versions
        self.deeds = deeds

    def respond(self, turn: Turn) -> Reply | None:
        """Go on with the flow that waits, or begin one; None leaves the message to others."""
        standing = read_standing(turn.memory)
        if standing is not None and (turn.value == STOP or _STOPS.match(turn.text)):
            return self._stop(turn, standing)
        if standing is not None and (reply := self._go_on(turn, standing)):
            return reply
        if turn.value.startswith((CONFIRM, DECLINE)):
            return self._answer_old_question(turn)
        if _ASKS_ABOUT.search(turn.text):
            return None
        return self._begin(turn, standing)

    def respond_late(self, turn: Turn) -> Reply | None:
        """When nobody else knew: begin the flow that a question about rules is nearest to, or ask again."""
        standing = read_standing(turn.memory)
        if standing is None:
            return self._begin(turn, None)
        run = self._run(turn, standing)
        return self._reply(turn, run.ask_again()) if run else None

    def remind(self, turn: Turn, reply: Reply) -> Reply:
        """Add to somebody else's answer what the flow still waits for."""
        standing = read_standing(turn.memory)
        changes_it = reply.memory is not None and reply.memory.get(MEMORY) != turn.memory.get(MEMORY)
        if standing is None or changes_it or reply.hand_over or reply.is_failed:
            return reply
        if reply.answered_by == ANSWERED_BY and reply.memory is not None:
            return reply
        run = self._run(turn, standing)
        if run is None:
            return reply
        text, choices = _reminder(run)
        return replace(reply, text=f"{reply.text}\n\n{text}", choices=reply.choices or choices)

    # -- how ----------------------------------------------------------------------------------------

    def _begin(self, turn: Turn, interrupted: Standing | None) -> Reply | None:
        if turn.value or not _is_sure(turn, is_interrupting=interrupted is not None):
            return None
        version = self._version_for(turn)
        if version is None or (interrupted is not None and interrupted.flow == version.flow.name):
            return None
        paused = [*interrupted.paused, as_paused(interrupted)][-MOST_PAUSED:] if interrupted else []
        standing = Standing(flow=version.flow.name, version=version.pk, paused=paused)
        run = FlowRun(read_definition(version.definition), standing, turn, self.deeds(turn))
        return self._reply(turn, run.begin())

    def _version_for(self, turn: Turn) -> FlowVersion | None:
        """Return the version that a message begins."""
        for version in self.versions():
            if turn.understood.intent in version.definition.get("intents", ()) and _holds(version, turn):
                return version
        return None

    def _go_on(self, turn: Turn, standing: Standing) -> Reply | None:
        run = self._run(turn, standing)
        if run is None or self._wants_something_else(turn, standing):
            return None
        progress = run.go_on()
        return self._reply(turn, progress) if progress else None

    def _wants_something_else(self, turn: Turn, standing: Standing) -> bool:
        """Whether words that could fill a slot of free text rather begin another flow."""
        if turn.value or not _is_sure(turn, is_interrupting=True):
            return False
        other = self._version_for(turn)
        return other is not None and other.flow.name != standing.flow and not turn.understood.entities

    def _run(self, turn: Turn, standing: Standing) -> FlowRun | None:
        """Return a run of the version that was begun, whatever is live by now; None where it is gone."""
        try:
            definition = _definition(standing.version)
        except FlowVersion.DoesNotExist:
            return None
        if not 0 <= standing.step < len(definition.steps):
            return None
        return FlowRun(definition, standing, turn, self.deeds(turn))

    def _stop(self, turn: Turn, standing: Standing) -> Reply:
        if standing.call:
            self.deeds(turn).withdraw(standing.call)
        said = [_("All right, I stopped that. Nothing was changed.")]
        return self._reply(turn, Progress(None, texts=said, paused=standing.paused))

    def _answer_old_question(self, turn: Turn) -> Reply:
        """A button of a question that was left behind: what came of it is said again."""
        verb, _sign, call = turn.value.partition(":")
        deeds = self.deeds(turn)
        if f"{verb}:" == DECLINE:
            deeds.withdraw(call)
            return Reply(text=_("All right, I left everything as it is."), answered_by=ANSWERED_BY)
        outcome = deeds.confirm(call)
        hand_over = Conversation.HandoffReason.POLICY if outcome.needs_person else None
        return Reply(text=outcome.text, answered_by=ANSWERED_BY, hand_over=hand_over)

    def _reply(self, turn: Turn, progress: Progress) -> Reply:
        """Return what is said; a flow that ended gives way to the one that it interrupted."""
        standing, texts, choices = progress.standing, list(progress.texts), list(progress.choices)
        waiting = progress.paused
        if standing is None and waiting and progress.hand_over is None:
            standing = read_standing({MEMORY: waiting[-1]})
            run = self._run(turn, standing) if standing else None
            if standing is not None and run is not None:
                standing.paused = waiting[:-1]
                text, offered = _reminder(run)
                texts, choices = [*texts, text], choices or offered
        return Reply(
            text="\n\n".join(filter(None, texts)), answered_by=ANSWERED_BY, cards=progress.cards,
            choices=choices, hand_over=progress.hand_over, memory=with_standing(turn.memory, standing),
        )  # fmt: skip


@lru_cache(maxsize=256)
def _definition(version_pk: int) -> Definition:
    """Return what a version says; it is never changed."""
    return read_definition(FlowVersion.objects.get(pk=version_pk).definition)


def _is_sure(turn: Turn, *, is_interrupting: bool) -> bool:
    understood = turn.understood
    least = LEAST_LIKENESS if understood.version is None else LEAST_CONFIDENCE
    if is_interrupting:
        least = max(least, LEAST_TO_INTERRUPT)
    return not understood.is_out_of_scope and understood.confidence >= least


def _holds(version: FlowVersion, turn: Turn) -> bool:
    when = version.definition.get("when", "")
    try:
        return not when or compiled(when).is_met(facts_of(turn, None, {}))
    except ConditionError:
        return False


def _reminder(run: FlowRun) -> tuple[str, list[Choice]]:
    """Return what a flow that was interrupted waits for."""
    run.ask()
    said = " ".join(run.progress.texts)
    return _("Back to what we were doing: %(question)s") % {"question": said}, run.progress.choices


class LiveFlowsCopy(ProcessCopy[Sequence[FlowVersion]]):
    """The process's copy: each message asks what flows are live, and that changes seldom."""

    poll_seconds = 1.0

    def refresh(self, known: Sequence[FlowVersion] | None) -> Sequence[FlowVersion]:
        return Flow.objects.live_versions()


def _real_deeds(turn: Turn) -> Deeds:
    return Deeds(Actor(turn.conversation), turn.message)


_flows = LiveFlowsCopy()
#: Read them anew at the next message: in the process that changed one, it holds at once.
forget_flows = _flows.forget
_live = FlowResponder(_flows.current, _real_deeds)
respond, respond_late, remind = _live.respond, _live.respond_late, _live.remind
