"""The labelling queue."""

import pytest

from ecomai.exceptions import ConflictError, InvalidInputError, PermissionDeniedError
from ecomai.registry.models import LabellingTask
from ecomai.registry.selectors import next_case
from ecomai.registry.services import add_labelling_tasks, label_case, remove_labelling_tasks, skip_case
from ecomai.registry.signals import case_labelled

from .conftest import MODEL

pytestmark = pytest.mark.django_db


def case(key: str, confidence: float) -> dict:
    return {"subject_key": key, "text": f"text of {key}", "choices": ["a", "b"], "confidence": confidence}


@pytest.fixture
def queue():
    add_labelling_tasks(model_name=MODEL, cases=[case("sure", 0.9), case("unsure", 0.2), case("half", 0.5)])


def test_least_certain_case_comes_first_and_a_settled_one_does_not_come_again(queue):
    keys = []
    while task := next_case(model_name=MODEL):
        keys.append(task.subject_key)
        skip_case(task=task)
    assert keys == ["unsure", "half", "sure"]


def test_same_case_is_one_row(queue):
    assert add_labelling_tasks(model_name=MODEL, cases=[case("sure", 0.1), case("new", 0.3)]) == 1
    assert LabellingTask.objects.count() == 4


def test_label_is_kept_with_who_gave_it_and_announced(queue, make_user, django_capture_on_commit_callbacks):
    received = []

    def receive(**arguments):
        received.append(arguments["task"].label)

    case_labelled.connect(receive)
    user = make_user("label_labellingtask")
    with django_capture_on_commit_callbacks(execute=True):
        label_case(task=next_case(), label="b", user=user)
    case_labelled.disconnect(receive)
    task = LabellingTask.objects.get(subject_key="unsure")
    assert (task.state, task.label, task.labelled_by) == ("labelled", "b", user)
    assert received == ["b"]


def test_unknown_label_settled_case_and_missing_permission_are_refused(queue, make_user):
    task = next_case()
    with pytest.raises(InvalidInputError):
        label_case(task=task, label="c")
    with pytest.raises(PermissionDeniedError):
        label_case(task=task, label="a", user=make_user())
    label_case(task=task, label="a")
    with pytest.raises(ConflictError):
        label_case(task=task, label="b")


def test_eraser_of_a_scenario_removes_its_cases(queue):
    assert remove_labelling_tasks(model_name=MODEL, subject_keys=["sure", "unknown"]) == 1
    assert not LabellingTask.objects.filter(subject_key="sure").exists()
