"""What the registry's admin pages share: rows that only services change, and actions that call services."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from ecomai.exceptions import EcomaiError, NotFoundError, PermissionDeniedError
from ecomai.registry.jobs import BROKER_AWAY
from ecomai.registry.models import Job
from ecomai.registry.services.access import APP

from .pages import OwnPages

HTMX_SCRIPT = "django_htmx/htmx-2.min.js"


class ServiceAdmin(OwnPages):
    """A list, and pages of our own. Nothing is added, changed or deleted by Django's forms."""

    address_prefix = APP
    actions: Any = None
    change_list_template = "ecomai/registry/change_list.html"
    empty_text: Any = ""
    list_per_page = 50
    show_full_result_count = False

    class Media:
        css = {"all": ["ecomai/registry/admin.css"]}
        js = [HTMX_SCRIPT]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def page(self, request: HttpRequest, template: str, title: Any, **context: Any) -> HttpResponse:
        return super().page(request, f"ecomai/registry/{template}", title, **context)


def may(request: HttpRequest, codename: str) -> bool:
    return bool(request.user.has_perm(f"{APP}.{codename}"))


def act(request: HttpRequest, perform: Callable[[], Any], *, done: Any, back: str) -> HttpResponse:
    """Call a service and go back with a sentence about what came of it."""
    try:
        perform()
    except PermissionDeniedError as error:
        raise PermissionDenied from error
    except NotFoundError as error:
        raise Http404 from error
    except EcomaiError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, str(done))
    return HttpResponseRedirect(back)


def tell_if_waiting(request: HttpRequest, job: Job) -> None:
    """Say so when the broker could not be told of a job: it starts later, by itself."""
    job.refresh_from_db()
    if job.error_code == BROKER_AWAY:
        messages.warning(request, job.error_message)


def badge(state: str, text: Any) -> SafeString:
    return format_html('<span class="ecomai-badge ecomai-badge--{}">{}</span>', state, text)
