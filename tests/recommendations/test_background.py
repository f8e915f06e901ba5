"""What happens without anybody asking: counting, cleaning up, cards, the doctor, checks."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.core.management import call_command
from django.test import RequestFactory
from django.utils import timezone

from ecomai import writing
from ecomai.commerce.models import Customer
from ecomai.commerce.services import ingest_events
from ecomai.console.models import AlertEpisode, AlertRule
from recommendations import cards, checks, doctor, receivers, services, tasks
from recommendations.models import Answer, DailyExposure, DailyFigures, ItemPopularity, SearchLog
from recommendations.readiness import next_item_readiness
from tests.workers import Broker


def test_answers_are_forgotten_after_their_time(shop, settings):
    services.recommend()
    old = services.recommend()
    Answer.objects.filter(key=old.key).update(created_at=timezone.now() - timedelta(days=91))
    tasks.forget_old_answers()
    assert Answer.objects.count() == 1
    tasks.forget_old_answers()
    assert Answer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_outside_a_transaction_is_logged_a_moment_later(shop):
    kept = services.recommend(placement="home")
    writing.flush()
    assert Answer.objects.get().key == kept.key


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_cannot_be_logged_costs_no_other_one_its_place(shop, add_customer, monkeypatch):
    monkeypatch.setattr(writing, "FLUSH_SECONDS", 60.0)  # so that nothing is written before we say so
    monkeypatch.setattr(writing, "_writer", writing._Writer())
    erased = add_customer("erased")
    lost, kept = services.recommend(customer=erased), services.recommend()
    Customer.objects.filter(pk=erased.pk).delete()
    writing.flush()
    assert set(Answer.objects.values_list("key", flat=True)) - {lost.key} == {kept.key}


def test_events_that_come_in_are_counted(shop, settings, django_capture_on_commit_callbacks):
    from ecomai_project.celery import app

    app.conf.task_always_eager = True
    try:
        with django_capture_on_commit_callbacks(execute=True):
            ingest_events(
                [{"type": "view", "session_id": "session-of-somebody", "item_id": "coffee-1"}], storefront=""
            )
    finally:
        app.conf.task_always_eager = False
    assert ItemPopularity.objects.get().item == shop[0]


def test_ingest_goes_on_while_the_broker_is_away(shop, caplog):
    from ecomai_project.celery import app

    with Broker("redis", "redis://127.0.0.1:1/0").used_by(app):
        receivers.on_events_ingested(sender=None, storefront="", events=[])
    assert "broker is away" in caplog.text


def test_cards_say_what_is_missing_in_an_empty_shop(db, admin_user):
    request = RequestFactory().get("/")
    request.user = admin_user
    states = {str(card.title): card.state for card in cards.cards(request)}
    assert list(states.values()) == ["ok"] + 6 * ["empty"]


def test_cards_count_answers_and_clicks(shop, admin_user, add_event, add_customer):
    answer = services.recommend()
    now = timezone.now()
    for type, n in (("impression", 4), ("click", 1)):
        for _ in range(n):
            event = add_event(shop[0], type=type, properties={"answer": str(answer.key)})
            event.occurred_at = now
            event.save(update_fields=["occurred_at"])
    request = RequestFactory().get("/")
    request.user = admin_user
    values = [card.value for card in cards.cards(request)]
    assert values[1] == "1"
    assert values[2] == "25.0 %"


def test_cards_do_not_go_through_a_week_of_events_at_every_visit(shop, admin_user, django_assert_num_queries):
    request = RequestFactory().get("/")
    request.user = admin_user
    with django_assert_num_queries(7):
        cards.cards(request)
    with django_assert_num_queries(0):
        cards.cards(request)


def test_cards_are_for_those_who_may_see_answers(db, django_user_model):
    request = RequestFactory().get("/")
    request.user = django_user_model.objects.create_user("staff", is_staff=True)
    assert cards.cards(request) == []


def cards_of(user):
    request = RequestFactory().get("/")
    request.user = user
    cache.clear()
    return {card.href.split("/")[-2]: card for card in cards.cards(request) if card.href}


def test_the_long_tail_card_holds_the_share_against_what_is_wanted(db, admin_user):
    today = timezone.localdate()
    common = {"day": today, "n_shown": 1000}
    DailyExposure.objects.create(is_total=True, n_tail_shown=180, **common)
    card = cards_of(admin_user)["dailyexposure"]
    assert (card.value, card.state) == ("18.0 %", "ok")
    assert "No pipeline wants a share" in card.text
    DailyExposure.objects.create(placement="item", n_tail_shown=240, target_share=0.25, **common)
    card = cards_of(admin_user)["dailyexposure"]
    assert (card.state, card.text) == ("ok", "What is wanted is reached: item 24.0 % (25 %).")
    DailyExposure.objects.create(placement="home", n_tail_shown=100, target_share=0.2, **common)
    card = cards_of(admin_user)["dailyexposure"]
    assert (card.state, card.text) == ("attention", "home has 10.0 % of the 20 % that are wanted there.")


def test_the_monitoring_card_has_click_through_fallbacks_and_open_alerts(db, admin_user):
    figures = {"n_answers": 100, "n_fallbacks": 4, "n_seen": 1000, "n_clicked": 55}
    DailyFigures.objects.create(day=timezone.localdate(), scope="shop", **figures)
    card = cards_of(admin_user)["dailyfigures"]
    assert (card.value, card.text, card.state) == ("5.50 %", "4.0 % of the answers by a fallback.", "ok")
    for measure, more in (
        ("recommendations.p95", {}),
        ("recommendations.coverage", {"acknowledged_at": timezone.now()}),
        ("risk.queue", {}),
    ):
        rule = AlertRule.objects.create(name=measure, measure=measure, bound=1.0)
        AlertEpisode.objects.create(rule=rule, value=2.0, opened_at=timezone.now(), **more)
    card = cards_of(admin_user)["dailyfigures"]
    assert (card.text, card.state) == (
        "4.0 % of the answers by a fallback. 1 alert is open.", "attention",
    )  # fmt: skip


def test_the_search_card_has_the_share_that_found_nothing(db, admin_user):
    for n_found, is_filtered in ((0, False), (3, False), (9, False), (1, False), (0, True)):
        SearchLog.objects.create(query="mug", normalised="mug", n_found=n_found, is_filtered=is_filtered)
    card = cards_of(admin_user)["report"]
    assert card.value == "25.0 %"
    assert card.text == "1 of 4 searches found nothing; the report says which."


def test_each_card_is_for_those_who_may_see_its_page(db, django_user_model):
    user = django_user_model.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_answer", "view_searchlog"]))
    assert set(cards_of(user)) & {"dailyfigures", "dailyexposure", "report"} == {"report"}


def test_the_doctor_says_what_to_do_in_an_empty_shop(db):
    findings = {str(finding.name): finding for finding in doctor.findings()}
    assert not findings["Items"].is_ok
    assert findings["Items"].remedy
    assert not findings["recommendations.next_item"].is_ok


def test_the_doctor_misses_an_encoder_folder(db, settings):
    settings.ECOMAI = {"RECOMMENDATIONS": {"ENCODER": "/no/such/folder"}}
    assert not {str(finding.name): finding for finding in doctor.findings()}["Text encoder"].is_ok


def test_the_doctor_is_content_with_a_shop_at_work(live_models, shop, add_event):
    add_event(shop[0])
    services.refresh_popularity()
    assert [finding.name for finding in doctor.findings() if not finding.is_ok] == []


def test_readiness_counts_people_with_two_items(shop, add_event, add_customer):
    anna, bert = add_customer("anna"), add_customer("bert")
    add_event(shop[0], customer=anna)
    add_event(shop[1], customer=anna)
    add_event(shop[0], customer=bert)
    add_event(shop[0], customer=bert, type="purchase")
    add_event(shop[0], session_id="session-1")
    add_event(shop[2], session_id="session-1")
    assert [row.have for row in next_item_readiness()] == [6, 2, 3]
    assert [row.missing for row in next_item_readiness()] == [994, 23, 7]


@pytest.mark.parametrize(
    ("values", "id"),
    [
        ({"LOG_SHARE": 2}, "recommendations.E001"),
        ({"MAX_N": 0}, "recommendations.E001"),
        ({"EVENT_WEIGHTS": {"return": -1}}, "recommendations.E001"),
        ({"HISTROY_LENGTH": 5}, "recommendations.W001"),
    ],
)
def test_wrong_settings_are_named(settings, values, id):
    settings.ECOMAI = {"RECOMMENDATIONS": values}
    assert [message.id for message in checks.check_settings(None)] == [id]


def test_the_default_settings_are_sound(settings):
    settings.ECOMAI = {}
    assert checks.check_settings(None) == []


def test_migrations_are_complete(db):
    said = StringIO()
    call_command("makemigrations", "ecomai_recommendations", check=True, dry_run=True, stdout=said)
    assert "No changes detected" in said.getvalue()


def test_popularity_that_takes_long_to_count_is_counted_less_often(settings, shop):
    settings.ECOMAI = {"RECOMMENDATIONS": {"POPULARITY_REFRESH_SECONDS": 0}}
    cache.clear()
    services.refresh_popularity()
    assert not services.should_refresh_popularity()
