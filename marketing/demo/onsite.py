"""What waits on the demo shop's first page: a running campaign for its buyers, and topics to choose from."""

from django.db import transaction
from django.utils.translation import gettext as _

from ecomai.registry.jobs import execute_job

from ..models import Campaign, Channel, Segment, Topic
from ..services.campaigns import create_campaign, start_campaign
from .campaign import SLUG

#: `{% ecomai_onsite "home" %}` in the shop's page.
SLOT = "home"


def seed_onsite() -> None:
    """Make it once, for the buyers of the demo's campaign."""
    for slug, name, description in _topics():
        Topic.objects.get_or_create(slug=slug, defaults={"name": name, "description": description})
    segment = Segment.objects.filter(slug=SLUG).first()
    if segment is None or Campaign.objects.filter(channel=Channel.ONSITE, slot=SLOT).exists():
        return
    text = {
        "name": "A", "subject": _("New for you"), "target_url": "/catalogue/",
        "body": _("There is something new in {{ favourite_category|default:'the shop' }}. Have a look!"),
    }  # fmt: skip
    with transaction.atomic():  # no worker can take the job first
        campaign = create_campaign(
            name=_("Greeting on the first page"), segment=segment, variants=[text], channel=Channel.ONSITE,
            slot=SLOT, topic=Topic.objects.get(slug="new"), effect_days=60,
        )  # fmt: skip
        execute_job(start_campaign(campaign).pk)


def _topics() -> list[tuple[str, str, str]]:
    return [
        ("new", _("What is new"), _("When something comes in that is like what you bought.")),
        ("offers", _("Offers"), _("When something you looked at costs less.")),
    ]
