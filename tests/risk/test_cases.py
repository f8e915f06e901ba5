"""The review queue: opened, taken, decided, and what follows from it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.models import AuditEntry
from risk import signals
from risk.exceptions import CaseDecidedError, CaseLockedError, SamePersonError
from risk.features import FEATURES_VERSION
from risk.models import Case, CaseDecision, Label, Origin
from risk.services import cases
from risk.services.labels import record_label
from risk.services.learning_cases import open_learning_cases

from .reviewing import add_assessment, add_case, add_policy, add_reviewer

pytestmark = pytest.mark.django_db


def decide(case, user, verdict="decline", reason_code="stolen_payment", **more):
    return cases.decide_case(case, verdict=verdict, reason_code=reason_code, user=user, **more)


# -- opening --------------------------------------------------------------------------------------


def test_expected_loss_is_probability_times_amount_and_chargeback_cost():
    policy = add_policy(chargeback_cost=Decimal(20))
    case = add_case(policy=policy, probability=0.25, amount_reporting=Decimal(180))
    assert case.expected_loss == Decimal("50.00")


def test_without_a_probability_the_threshold_of_reviews_counts():
    policy = add_policy(chargeback_cost=Decimal(0), review_from=0.6)
    assert add_case(policy=policy, probability=None).expected_loss == Decimal("60.00")


def test_an_amount_without_a_rate_is_not_guessed():
    policy = add_policy(chargeback_cost=Decimal(20))
    assert add_case(policy=policy, amount_reporting=None).expected_loss == Decimal("10.00")


def test_the_clock_is_the_policys():
    case = add_case(policy=add_policy(review_hours=4))
    assert case.due_at - case.opened_at == timedelta(hours=4)
    assert not case.is_overdue
    case.due_at = timezone.now() - timedelta(seconds=1)
    assert case.is_overdue


def test_an_assessment_is_one_case_however_often_it_is_opened():
    assessment = add_assessment()
    first, second = cases.open_case(assessment), cases.open_case(assessment)
    assert first == second
    assert AuditEntry.objects.filter(action="open_risk_case").count() == 1


def test_a_review_does_not_open_a_decided_case_again_and_a_chargeback_does():
    case = decide(add_case(), add_reviewer(), "approve", "harmless")
    assert cases.open_case(case.assessment).state == Case.State.DECIDED
    again = cases.open_case(case.assessment, origin=Origin.CHARGEBACK)
    assert (again.state, again.origin, again.verdict) == ("open", "chargeback", "")
    assert again.decisions.count() == 1


def test_a_late_chargeback_corrects_the_label_and_opens_the_case_again():
    case = decide(add_case(), add_reviewer(), "approve", "harmless")
    assert Label.objects.get(superseded_at=None).is_fraud is False
    record_label(assessment=case.assessment, is_fraud=True, source="chargeback", reference="bank-1")
    case.refresh_from_db()
    case.assessment.refresh_from_db()
    assert (case.state, case.origin) == ("open", "chargeback")
    assert case.assessment.is_fraud is True
    assert [label.source for label in Label.objects.order_by("pk")] == ["review", "chargeback"]


# -- taking ---------------------------------------------------------------------------------------


def test_the_second_reviewer_is_told_who_has_the_case():
    case, mia, tom = add_case(), add_reviewer("mia"), add_reviewer("tom")
    cases.lock_case(case, user=mia)
    with pytest.raises(CaseLockedError, match="mia looks at this case until") as told:
        cases.lock_case(case, user=tom)
    assert told.value.code == "case_locked"
    with pytest.raises(CaseLockedError):
        decide(case, tom)
    assert not CaseDecision.objects.exists()


def test_a_lease_ends_and_is_taken_longer_by_looking():
    case, mia, tom = add_case(), add_reviewer("mia"), add_reviewer("tom")
    first = cases.lock_case(case, user=mia).locked_until
    assert cases.lock_case(case, user=mia).locked_until > first
    assert AuditEntry.objects.filter(action="take_risk_case").count() == 1
    Case.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert cases.lock_case(case, user=tom).locked_by == tom


def test_a_case_is_given_back_only_by_who_has_it():
    case, mia, tom = add_case(), add_reviewer("mia"), add_reviewer("tom")
    cases.lock_case(case, user=mia)
    with pytest.raises(CaseLockedError):
        cases.release_lock(case, user=tom)
    assert cases.release_lock(case, user=mia).locked_by is None


def test_notes_are_kept_and_need_no_lock():
    case, mia, tom = add_case(), add_reviewer("mia"), add_reviewer("tom")
    cases.lock_case(case, user=mia)
    cases.add_note(case, text=" called the customer \x00", user=tom)
    assert [note.text for note in case.notes.all()] == ["called the customer"]
    with pytest.raises(InvalidInputError):
        cases.add_note(case, text="  ", user=tom)


# -- deciding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "is_fraud"), [("approve", False), ("decline", True), ("step_up", None)])
def test_a_decision_becomes_a_label_unless_it_asks_for_a_proof(verdict, is_fraud):
    case = decide(add_case(), add_reviewer(), verdict, "unsure")
    label = Label.objects.first()
    assert (label.is_fraud if label else None) is is_fraud
    case.assessment.refresh_from_db()
    assert case.assessment.is_fraud is is_fraud
    assert (case.state, case.verdict, case.locked_by) == ("decided", verdict, None)


def test_what_counts_is_announced_once_after_the_commit(django_capture_on_commit_callbacks):
    heard = []

    def hear(sender, case, **kwargs):
        heard.append((case.pk, case.verdict))

    signals.case_decided.connect(hear)
    case = add_case()
    with django_capture_on_commit_callbacks(execute=True):
        decide(case, add_reviewer())
    assert heard == [(case.pk, "decline")]


def test_a_decided_case_is_decided_no_more_until_it_is_opened_again():
    mia = add_reviewer()
    case = decide(add_case(), mia)
    with pytest.raises(CaseDecidedError):
        decide(case, mia, "approve", "harmless")
    cases.reopen_case(case, user=mia)
    assert decide(case, mia, "approve", "harmless").verdict == "approve"
    assert Label.objects.get(superseded_at=None).is_fraud is False


def test_above_the_amount_two_different_people_have_to_say_the_same():
    mia, tom = add_reviewer("mia"), add_reviewer("tom")
    case = add_case(policy=add_policy(four_eyes_from=Decimal(100)))
    case = decide(case, mia)
    assert (case.state, Label.objects.count()) == ("second", 0)
    with pytest.raises(SamePersonError):
        decide(case, mia)
    case = decide(case, tom)
    assert (case.state, case.decided_by, Label.objects.count()) == ("decided", tom, 1)
    assert [one.is_final for one in case.decisions.all()] == [False, True]


def test_two_who_disagree_need_a_third():
    mia, tom, eva = add_reviewer("mia"), add_reviewer("tom"), add_reviewer("eva")
    case = add_case(policy=add_policy(four_eyes_from=Decimal(1)))
    decide(case, mia, "decline")
    case = decide(case, tom, "approve", "harmless")
    assert (case.state, case.verdict) == ("second", "approve")
    case = decide(case, eva, "approve", "harmless")
    assert (case.state, Label.objects.get().is_fraud) == ("decided", False)


@pytest.mark.parametrize(
    ("amount", "reporting", "needs"),
    [
        (Decimal(99), Decimal(99), False),
        (Decimal(100), Decimal(100), True),
        (Decimal(5), None, True),
        (None, None, False),
    ],
    ids=["below", "at", "no rate", "no amount"],
)
def test_who_needs_two_people(amount, reporting, needs):
    policy = add_policy(four_eyes_from=Decimal(100))
    assert add_case(policy=policy, amount=amount, amount_reporting=reporting).needs_second is needs


@pytest.mark.parametrize(
    ("verdict", "reason_code", "text"),
    [
        ("burn", "unsure", ""),
        ("approve", "because", ""),
        ("approve", "other", "  "),
        ("approve", "unsure", "x" * 5001),
    ],
    ids=["verdict", "reason", "other without text", "long text"],
)
def test_what_cannot_be_decided_changes_nothing(verdict, reason_code, text):
    case = add_case()
    with pytest.raises(InvalidInputError):
        decide(case, add_reviewer(), verdict, reason_code, text=text)
    assert not CaseDecision.objects.exists()


def test_nobody_decides_without_the_permission(django_user_model):
    case, guest = add_case(), django_user_model.objects.create_user("guest", is_staff=True)
    for act in (
        lambda: cases.lock_case(case, user=guest),
        lambda: cases.add_note(case, text="x", user=guest),
        lambda: decide(case, guest),
        lambda: cases.reopen_case(case, user=guest),
        lambda: cases.decide_cases(
            [case], verdict="approve", reason_code="harmless", user=add_reviewer("no bulk")
        ),
    ):
        with pytest.raises(PermissionDeniedError):
            act()
    assert Case.objects.get().state == "open"


def test_each_of_many_is_decided_and_audited_by_itself():
    mia, tom = add_reviewer("mia", "decide_cases"), add_reviewer("tom")
    free, taken = add_case("free"), add_case("taken")
    cases.lock_case(taken, user=tom)
    outcomes = cases.decide_cases([free, taken], verdict="decline", reason_code="linked", user=mia)
    assert [bool(one.problem) for one in outcomes] == [False, True]
    assert "tom" in outcomes[1].problem
    decided = AuditEntry.objects.filter(action="decide_risk_case")
    assert [entry.subject for entry in decided] == [f"risk.case:{free.pk}"]
    assert decided.get().actor_label == "mia"


# -- learning -------------------------------------------------------------------------------------


def test_the_least_certain_are_asked_about_up_to_the_days_share():
    """Of two alike that are as uncertain, one is asked about."""
    now = timezone.now()
    add_policy(review_capacity=20, review_from=0.5)
    features = ([0.0, 9.0], [1.0, 1.0], [2.0, 5.0], [9.0, 1.0], [1.0, 1.0])
    for number, probability in enumerate((0.02, 0.49, 0.99, 0.55, 0.48)):
        add_assessment(
            f"o-{number}", probability=probability, received_at=now, decision="approve",
            wanted_decision="approve", features=features[number], features_version=FEATURES_VERSION,
        )  # fmt: skip
    add_assessment("no features", probability=0.5, received_at=now)
    add_assessment("known", probability=0.5, received_at=now, is_fraud=False)
    add_case("queued", probability=0.5, received_at=now)
    assert open_learning_cases() == 2
    opened = Case.objects.filter(origin=Origin.LEARNING)
    assert {case.assessment.external_id for case in opened} == {"o-1", "o-3"}
    assert open_learning_cases() == 0
