"""The demo shop: most customers may be addressed, and all have profiles."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.fusion.models import ConsentRecord
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.demo import seed_demo
from marketing.models import CustomerProfile, Delivery, Journey, JourneyRun
from marketing.services.profiling import start_profiling

pytestmark = pytest.mark.django_db


def test_answers_count_in_profiles_that_an_import_had_computed(make_customer):
    for _number in range(60):
        make_customer()
    execute_job(start_profiling().pk)
    assert not CustomerProfile.objects.filter(has_consent=True).exists()
    seed_demo()
    n_granted = ConsentRecord.objects.filter(is_granted=True).count()
    assert CustomerProfile.objects.filter(has_consent=True).count() == n_granted > 0


def test_the_demo_can_be_seeded_twice(make_customer):
    for _number in range(60):
        make_customer()
    seed_demo()
    seed_demo()
    n_granted = ConsentRecord.objects.filter(purpose="marketing", is_granted=True).count()
    assert 30 <= n_granted <= 55, "the answers are made from the ids, so this never changes"
    execute_job(Job.objects.get(kind="marketing.profiles").pk)
    assert CustomerProfile.objects.count() == 60
    assert CustomerProfile.objects.filter(has_consent=True).count() == n_granted


def test_the_demos_journey_has_customers_at_several_steps(settings, make_customer, make_event):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.marketing.mailing_shop.MailingShop"}
    marketing = {"BASE_URL": "https://shop.example"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce, "MARKETING": marketing}
    for _number in range(200):
        make_event(make_customer(), "cart", timezone.now() - timedelta(hours=5))
    seed_demo()
    seed_demo()
    journey = Journey.objects.get()
    assert journey.state == Journey.State.RUNNING
    runs = JourneyRun.objects.filter(state="on_the_way")
    assert set(runs.values_list("step", flat=True)) == {"pause", "patience"}
    assert JourneyRun.objects.filter(state="finished").exists()
    assert set(Delivery.objects.values_list("campaign__step", flat=True)) == {"reminder", "welcome"}


def test_where_no_mail_can_go_the_demos_journey_stays_a_draft(make_customer):
    make_customer()
    seed_demo()
    assert Journey.objects.get().state == Journey.State.DRAFT
