"""What marketing registers with the foundation."""

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import Scenario

# The package is also installed as ecomai.apps.marketing, so dotted paths begin with its name.
_HERE = __package__

SEES = ("ecomai_marketing.view_customerprofile", "ecomai_marketing.view_segment")
CHANGES_SEGMENTS = (
    "ecomai_marketing.add_segment",
    "ecomai_marketing.change_segment",
    "ecomai_marketing.export_segment",
)

scenario = Scenario(
    name="marketing",
    verbose_name=_("Marketing"),
    eraser=f"{_HERE}.services.privacy.erase",
    exporter=f"{_HERE}.services.privacy.export",
    cards=f"{_HERE}.cards.cards",
    doctor=f"{_HERE}.doctor.findings",
    urls=f"{_HERE}.urls",
    group_permissions={"analyst": SEES, "marketer": (*SEES, *CHANGES_SEGMENTS), "support_agent": SEES[:1]},
    seed_demo=f"{_HERE}.demo.seed_demo",
    benchmarks={
        "clv": f"{_HERE}.benchmarks.clv.clv",
        "segments": f"{_HERE}.benchmarks.segments.segments",
        "uplift": f"{_HERE}.benchmarks.uplift.uplift",
    },
)
