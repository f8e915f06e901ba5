"""What other scenarios and the checkout may ask of this one."""

import logging

from ecomai.capabilities import RiskAssessment, RiskQuestion, Unavailable
from ecomai.exceptions import EcomaiError

from . import services
from .reasons import sentences

logger = logging.getLogger(__name__)


class ShopRiskAssessor:
    """The `RiskAssessor` of `ecomai.capabilities`. It never raises: a checkout goes on."""

    def assess(self, question: RiskQuestion, *, time_budget_seconds: float | None = None) -> RiskAssessment:
        try:
            row = services.assess(question, time_budget_seconds=time_budget_seconds)
        except EcomaiError as error:
            # The question itself is wrong. Nobody in the checkout can mend that; the log says it.
            logger.error("“%s” was not assessed: %s", question.external_id, error)
            return RiskAssessment(unavailable=Unavailable(error.code))
        return RiskAssessment(
            decision=row.decision,
            probability=row.probability,
            reason_codes=[str(reason.get("code", "")) for reason in row.reasons],
            reasons=sentences(row.reasons),
            is_shadow=row.is_shadow,
            answered_by=row.answered_by,
        )
