"""What the proof of erasure plants in this scenario's tables (see `tests/ecomai/fusion/markers.py`)."""

from ecomai.commerce.models import Customer
from ecomai.registry.models import ModelVersion
from recommendations.models import Answer, BatchRecommendation, SearchLog, Source


def plant(marker: str, customer: Customer) -> None:
    BatchRecommendation.objects.create(
        customer=customer, item_keys=[1], scores=[0.5], model_version=ModelVersion.objects.first()
    )
    for owner, session_id in ((customer, ""), (customer, f"s-{marker}"), (None, f"s-{marker}")):
        SearchLog.objects.create(
            query=f"size of {marker}", normalised=marker, n_found=0, customer=owner, session_id=session_id,
            request_id=f"request-{marker}",
        )  # fmt: skip
        Answer.objects.create(
            customer=owner,
            session_id=session_id,
            placement="item-page",
            request_id=f"request-{marker}",
            source=Source.values[0],
        )
