"""Checks, masking, metric texts and other small parts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.registry import checks, receivers, tasks
from ecomai.registry.app_settings import RegistrySettings
from ecomai.registry.audit_texts import action_label, subject_label
from ecomai.registry.masking import mask_personal_data
from ecomai.registry.metric_texts import explain_metric, gain_text, is_detail, is_greater_better, metric_title
from ecomai.registry.models import AuditEntry
from ecomai.registry.retention import delete_old_artifacts
from ecomai.registry.services.promotion import relative_gain
from ecomai.registry.templatetags.ecomai_registry import number, percent, time_left, unlocalize_number


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("mail ada.lovelace+x@shop.example.org failed", "ada.lovelace"),
        ("key sk_live_0123456789abcdef refused", "0123456789"),
        ("Authorization: Bearer eyJhbGciOi.abc", "eyJhbGciOi"),
        ("postgres://user:hunter2@db/shop", "hunter2"),
        ("called +44 20 7946 0958 twice", "7946"),
        ("card 4111 1111 1111 1111", "1111"),
        ("from 192.168.17.4", "192.168"),
        ("Key (external_id)=(customer-77) already exists.", "customer-77"),
        ("DETAIL:  Failing row contains (1, Ada, 12).", "Ada"),
    ],
)
def test_personal_data_and_secrets_are_masked(text, secret):
    assert secret not in mask_personal_data(text)


def test_what_a_developer_needs_stays():
    text = 'File "/srv/app/ecomai/registry/runs.py", line 217, in train\nValueError: shapes (3, 4) and (5,)'
    assert mask_personal_data(text) == text


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({}, []),
        ({"LEASE_SECOND": 5}, ["ecomai_registry.W001"]),
        ({"LEASE_SECONDS": 0}, ["ecomai_registry.E001"]),
        ({"KEEP_VERSIONS": 0}, ["ecomai_registry.E002"]),
        ({"KEEP_AUDIT_DAYS": -1}, ["ecomai_registry.E005"]),
        ({"STORAGE": "nowhere"}, ["ecomai_registry.E003"]),
    ],
)
def test_settings_are_checked(set_registry, values, ids):
    set_registry(**values)
    assert [message.id for message in checks.check_settings()] == ids


def test_folder_below_published_files_is_an_error(settings, set_registry, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    set_registry(FOLDER=tmp_path / "models")
    assert [message.id for message in checks.check_folder()] == ["ecomai_registry.E004"]


def test_metrics_are_explained_in_a_sentence():
    assert "first 10" in explain_metric("recall@10")
    assert "rarely bought" in explain_metric("ndcg@5_tail")
    assert explain_metric("something_of_our_own") == ""


@pytest.mark.parametrize(
    ("name", "is_greater"), [("recall@10", True), ("rmse", False), ("coverage@10", None), ("x", None)]
)
def test_direction_of_a_metric(name, is_greater):
    assert is_greater_better(name) is is_greater


def test_a_metric_of_clicks_says_so_and_points_the_right_way():
    assert metric_title("click_log_loss") == "Clicks: Surprise by stated probabilities"
    assert metric_title("conversion_roc_auc") == "Orders after a click: True cases above false ones"
    assert is_greater_better("click_log_loss") is False
    assert is_greater_better("conversion_roc_auc") is True
    assert explain_metric("click_calibration_error").endswith("Lower is better.")


@pytest.mark.parametrize(
    ("new", "old", "is_greater", "gain"),
    [(0.6, 0.5, True, 0.2), (0.4, 0.5, True, -0.2), (0.4, 0.5, False, 0.2), (-1, -2, True, 0.5),
     (0, 0, True, 0), (1, 0, True, float("inf")), (1, 0, False, float("-inf"))],
)  # fmt: skip
def test_gain_is_relative_and_positive_when_better(new, old, is_greater, gain):
    assert relative_gain(new, old, greater_is_better=is_greater) == pytest.approx(gain)


def test_numbers_and_times_read_well():
    assert (number(0.123456), number(None), percent(0.256)) == ("0.1235", "–", "26%")
    assert (time_left(5), time_left(61), time_left(3600 * 3)) == (
        "less than a minute left", "about 1 minute left", "about 3 hours left",
    )  # fmt: skip
    assert (unlocalize_number(0.25), unlocalize_number(0), unlocalize_number(100)) == ("0.25", "0", "100")


@pytest.mark.django_db
def test_beat_entries_are_made_once():
    from django_celery_beat.models import PeriodicTask

    n_before = PeriodicTask.objects.count()
    receivers.create_beat_entries(using="default")
    assert PeriodicTask.objects.count() == n_before


@pytest.mark.parametrize(
    ("gain", "text"), [(0.042, "+4.2%"), (-0.5, "-50.0%"), (1.0, "2.0 times"), (18.375, "19 times")]
)
def test_large_gain_is_said_as_a_multiple(gain, text):
    assert gain_text(gain) == text


def test_metric_has_a_title_for_people_and_an_unknown_one_keeps_its_name():
    assert metric_title("ndcg@10") == "Ranking quality, first 10"
    assert metric_title("refit_loss").endswith("once more on all data")
    assert metric_title("something_of_our_own") == "something_of_our_own"


def test_other_lengths_and_near_duplicates_of_the_deciding_metric_are_details():
    details = [
        name
        for name in ("ndcg@10", "ndcg@5", "mrr@10", "recall@10", "n_cases", "own")
        if is_detail(name, "ndcg@10")
    ]
    assert details == ["ndcg@5", "mrr@10"]


def test_audit_log_speaks_in_words(probe):
    assert action_label("go_live") == "Let go live:"
    assert action_label("never_heard_of") == "Never heard of"
    assert subject_label(probe.name) == "Probe"
    assert subject_label("probe") == "Probe"
    assert subject_label("customer:12ab") == "customer:12ab"


def test_audit_log_forgets_what_is_older_than_the_setting_says(db, set_registry):
    for days in (4000, 400, 1):
        AuditEntry.objects.create(
            action="promote", subject=f"{days}", created_at=timezone.now() - timedelta(days=days)
        )
        tasks.seal_audit_log()

    def left():
        return set(AuditEntry.objects.filter(action="promote").values_list("subject", flat=True))

    set_registry(KEEP_AUDIT_DAYS=0)
    delete_old_artifacts()
    assert left() == {"1", "400", "4000"}
    set_registry(KEEP_AUDIT_DAYS=RegistrySettings.declared()["KEEP_AUDIT_DAYS"].default)
    assert delete_old_artifacts()["audit_entries"] == 1
    assert left() == {"1", "400"}
    set_registry(KEEP_AUDIT_DAYS=365)
    tasks.delete_old_artifacts()  # what beat calls each day
    assert left() == {"1"}
