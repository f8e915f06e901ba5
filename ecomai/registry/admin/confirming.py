"""What is asked once more before it is done: a page with the question on GET, the deed on POST."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from .base import act
from .pages import OwnPages


@dataclass(frozen=True, kw_only=True)
class ConfirmedAction:
    """Something that is asked once more before it is done, as a person reads it."""

    label: Any
    question: Any
    done: Any
    perform: Callable[..., Any]


def ask_then_act(
    pages: OwnPages,
    request: HttpRequest,
    action: ConfirmedAction,
    *,
    about: Any,
    back: str,
    reasons: Callable[[], Iterable[Any]] = tuple,
    **arguments: Any,
) -> HttpResponse:
    """Ask about `about` on GET; on POST call `action.perform(**arguments)` and go to `back`.

    `reasons`, what should be known before one agrees, are only looked up to be shown.
    """
    if request.method == "POST":
        return act(request, lambda: action.perform(**arguments), done=action.done, back=back)
    return OwnPages.page(
        pages, request, "ecomai/registry/confirm.html", f"{action.label}: {about}",
        question=action.question, label=action.label, back=back, reasons=list(reasons()),
    )  # fmt: skip
