"""The admin's pages of likeness: who is most like a segment, and groups that were found."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError, PermissionDeniedError
from ecomai.registry.admin.pages import OwnPages

from ..models import Cluster, Segment
from ..pages import likeness as pages
from ..services.clusters import adopt_cluster
from ..services.likeness import create_lookalike

TEMPLATES = "admin/ecomai_marketing"


class LikenessPages(OwnPages):
    """Pages that make segments of customers who are alike."""

    def likeness_urls(self) -> list[URLPattern]:
        return [
            self.address("groups/", self.groups_view, "groups"),
            self.address("groups/<int:pk>/adopt/", require_POST(self.adopt_view), "adopt"),
            self.address("<int:pk>/similar/", self.similar_view, "similar"),
        ]

    def similar_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Look at them on GET, make a segment of them on POST."""
        seed = self.row(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = pages.given(request.POST or request.GET, seed)
        if request.method == "POST":
            try:
                lookalike = create_lookalike(seed=seed, user=request.user, **given)
            except EcomaiError as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request, _("The segment is saved. Its customers are found in the background.")
                )
                return HttpResponseRedirect(_url(lookalike.segment))
        context = pages.similar_context(seed, given)
        title = _("Customers like those of “%(name)s”") % {"name": seed.name}
        return self.page(request, f"{TEMPLATES}/similar.html", title, **context)

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        context = pages.groups_context() | {"may_add": self.has_add_permission(request)}
        return self.page(request, f"{TEMPLATES}/groups.html", _("Groups that were found"), **context)

    def adopt_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        cluster: Any = Cluster.objects.filter(pk=pk).first()
        if cluster is None:
            raise Http404
        try:
            segment = adopt_cluster(cluster, user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        except EcomaiError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:ecomai_marketing_segment_groups"))
        messages.success(request, _("The segment is saved. Its customers are found in the background."))
        return HttpResponseRedirect(_url(segment))


def _url(segment: Segment) -> str:
    return reverse("admin:ecomai_marketing_segment_change", args=[segment.pk])
