"""The inbox: who waits, who is talked with, whose they are, and why in this order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from django.utils.translation import gettext as _

from ..models import AgentProfile, Conversation, Message, Tag
from ..services.assigning import explain_priority, in_line
from .conversation import is_overdue

PAGE_SIZE = 25
State = Conversation.State
#: Filter of the list -> which states it shows.
FILTERS: dict[str, Sequence[str]] = {
    "open": (State.WAITING, State.AGENT, State.BOT),
    **{str(state): (state,) for state in State},
    "all": tuple(State),
}


@dataclass(frozen=True)
class Wanted:
    """What a person asked to see."""

    state: str
    whose: str
    tag: str
    language: str

    @classmethod
    def of(cls, query: QueryDict) -> "Wanted":
        state, tag = query.get("state", "open"), query.get("tag", "")
        return cls(
            state=state if state in FILTERS else "open",
            whose="mine" if query.get("whose") == "mine" else "",
            tag=tag if tag.isdecimal() else "",
            language=query.get("language", "")[:16],
        )

    def rows(self, user: Any) -> QuerySet[Conversation]:
        rows = self.but_state(user)
        return rows.filter(state__in=FILTERS[self.state])

    def but_state(self, user: Any) -> QuerySet[Conversation]:
        rows = Conversation.objects.all()
        if self.whose:
            rows = rows.filter(Q(agent=user) | Q(assigned_to=user))
        if self.tag:
            rows = rows.filter(tags=int(self.tag))
        if self.language:
            rows = rows.filter(language__startswith=self.language)
        return rows

    def address(self, **changes: str) -> str:
        return urlencode({name: value for name, value in (asdict(self) | changes).items() if value})


def inbox_context(query: QueryDict, user: Any) -> dict[str, Any]:
    """Return the list, those who wait for a person first; a fixed number of queries."""
    wanted = Wanted.of(query)
    page = Paginator(_rows(wanted.rows(user)), PAGE_SIZE).get_page(query.get("page"))
    rows: list[Any] = list(page.object_list)
    for row in rows:
        row.why, row.is_overdue = explain_priority(row), is_overdue(row)
    # Those that are closed are many, and nobody waits for their number.
    counts = dict(
        wanted.but_state(user).filter(state__in=FILTERS["open"]).order_by()
        .values_list("state").annotate(n=Count("pk"))
    )  # fmt: skip
    numbers = {state: counts.get(state, 0) for state in FILTERS["open"]}
    filters = [("open", _("Open"), None), *((str(each), each.label, numbers.get(each)) for each in State)]
    page.object_list = rows
    return {
        "page_of_rows": page,
        "chosen": wanted,
        "query": wanted.address(),
        "filters": [
            (state, label, n, wanted.address(state=state))
            for state, label, n in [*filters, ("all", _("All"), None)]
        ],
    }


def choices_context(user: Any) -> dict[str, Any]:
    """What stands above the list and does not change by itself."""
    profile = AgentProfile.objects.filter(user=user).first()
    return {
        "tags": list(Tag.objects.all()),
        "languages": [(code, name) for code, name in settings.LANGUAGES][:30],
        "may_answer": user.has_perm("ecomai_support_bot.answer_conversation"),
        "is_here": profile is not None and not profile.is_away,
    }


def _rows(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Conversations with the last thing that was said, read with the rows and not one by one."""
    last = Message.objects.filter(conversation=OuterRef("pk"), sequence=OuterRef("last_sequence"))
    return in_line(
        rows.select_related("customer", "agent", "assigned_to")
        .prefetch_related("tags")
        .annotate(
            last_text=Subquery(last.values("text")[:1]), last_sender=Subquery(last.values("sender")[:1])
        )
    )
