"""What risk registers with the foundation."""

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import Scenario

# The package is also installed as ecomai.apps.risk, so dotted paths begin with its name.
_HERE = __package__

SEES_ASSESSMENTS = (
    "ecomai_risk.view_assessment",
    "ecomai_risk.view_label",
    "ecomai_risk.view_policy",
)

DECIDES_POLICIES = (
    "ecomai_risk.add_policy",
    "ecomai_risk.change_policy",
    "ecomai_risk.put_policy_live",
)

scenario = Scenario(
    name="risk",
    verbose_name=_("Risk"),
    urls=f"{_HERE}.urls",
    group_permissions={
        "analyst": SEES_ASSESSMENTS,
        "merchandiser": (*SEES_ASSESSMENTS, *DECIDES_POLICIES),
        "risk_reviewer": (*SEES_ASSESSMENTS, "ecomai_risk.label_assessment"),
        "support_agent": ("ecomai_risk.view_assessment",),
    },
)
