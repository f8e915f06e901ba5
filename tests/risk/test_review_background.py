"""What happens behind the review queue: two at once, tasks that run twice, entries of beat, and signals."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.db.models.signals import post_migrate
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError

from ecomai.exceptions import ConflictError
from risk import receivers, tasks
from risk.models import Appeal, Case, CaseDecision, Label
from risk.services import appeals, cases, record_label

from .reviewing import add_assessment, add_case, add_reviewer


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_the_same_moment_one_counts():
    case, barrier = add_case(), Barrier(2)

    def decide(user, verdict):
        barrier.wait(timeout=10)
        try:
            cases.decide_case(case, verdict=verdict, reason_code="unsure", user=user)
        except ConflictError as error:
            return error.code
        finally:
            connection.close()
        return "decided"

    people = [(add_reviewer("mia"), "approve"), (add_reviewer("tom"), "decline")]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda each: decide(*each), people))
    assert sorted(outcomes) == ["case_decided", "decided"]
    assert CaseDecision.objects.count() == Label.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_appeals_at_the_same_moment_one_is_kept():
    assessment, barrier = add_assessment(), Barrier(2)

    def appeal(text):
        barrier.wait(timeout=10)
        try:
            appeals.file_appeal(assessment, text=text)
        except ConflictError as error:
            return error.code
        finally:
            connection.close()
        return "kept"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(appeal, ["one", "two"]))
    assert sorted(outcomes) == ["already_appealed", "kept"]
    assert Appeal.objects.count() == Case.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["perform_order_acts", "open_learning_cases", "refresh_fairness"])
def test_tasks_run_twice_also_where_there_is_nothing(name):
    task = getattr(tasks, name)
    assert [task(), task()] == [None, None]
    assert task.name == f"ecomai.risk.{name}"


@pytest.mark.django_db
def test_an_appeal_that_was_erased_meanwhile_is_not_mailed(mailoutbox):
    tasks.mail_answer(404)
    assert mailoutbox == []


@pytest.mark.django_db
def test_beat_gets_its_entries_once_and_keeps_what_a_shop_changed():
    mine = PeriodicTask.objects.filter(task__startswith="ecomai.risk.")
    before = mine.count()
    assert before >= len(receivers.BEAT_ENTRIES)
    mine.filter(task="ecomai.risk.refresh_fairness").update(enabled=False)
    from django.apps import apps

    config = apps.get_app_config("ecomai_risk")
    receivers.create_beat_entries(sender=config, using="default", signal=post_migrate)
    assert mine.count() == before
    assert not mine.get(task="ecomai.risk.refresh_fairness").enabled


@pytest.mark.django_db
def test_a_chargeback_opens_a_case_and_one_that_changes_nothing_does_not():
    row = add_assessment(wanted_decision="approve", decision="approve")
    record_label(assessment=row, is_fraud=False, source="import")
    assert not Case.objects.exists()
    record_label(assessment=row, is_fraud=True, source="chargeback", reference="b-1")
    assert Case.objects.get().origin == "chargeback"
    cases.decide_case(Case.objects.get(), verdict="decline", reason_code="chargeback", user=add_reviewer())
    record_label(assessment=row, is_fraud=True, source="chargeback", reference="b-2")
    assert Case.objects.get().state == "decided"


@pytest.mark.django_db
def test_nothing_is_lost_where_the_broker_is_away(monkeypatch, django_capture_on_commit_callbacks):
    def away(*args, **kwargs):
        raise OperationalError("away")

    monkeypatch.setattr(tasks.perform_order_acts, "apply_async", away)
    monkeypatch.setattr(tasks.mail_answer, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        case = add_case()
        appeals.file_appeal(case.assessment, text="x")
        cases.decide_case(case, verdict="decline", reason_code="linked", user=add_reviewer())
    case.refresh_from_db()
    assert (case.state, case.order_act) == ("decided", "cancel_order")
