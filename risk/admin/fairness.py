"""How groups of customers fare, as a page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ecomai.registry.admin.pages import OwnPages

from ..models import FairnessReport
from ..pages import fairness
from .base import ReadOnlyAdmin


@admin.register(FairnessReport)
class FairnessReportAdmin(OwnPages, ReadOnlyAdmin):
    address_prefix = "ecomai_risk_fairness"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        context = fairness.context(request.GET)
        return self.page(request, "admin/ecomai_risk/fairness.html", _("Fairness"), **context)
