"""The pages of pipelines: who may do what, what a form refuses, and what a preview tells."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.urls import reverse

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.models import AuditEntry
from recommendations import services
from recommendations.exceptions import PipelineNotReadyError, PipelineStateError
from recommendations.models import DailyFigures, Pipeline
from recommendations.services import pipelines
from tests.recommendations.test_pipelines import ask

APP = "ecomai_recommendations"


def page(name, pipeline=None, *more):
    return reverse(f"admin:{APP}_pipeline_{name}", args=[pipeline.pk, *more] if pipeline else [])


@pytest.fixture
def staff(django_user_model, client):
    """Logs somebody in who has the named permissions."""

    def log_in(*codenames):
        user = django_user_model.objects.create_user(f"staff-{len(codenames)}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return user

    return log_in


# -- services -------------------------------------------------------------------------------------


def test_going_live_retires_what_was_live_and_is_noted(db, make_pipeline):
    old, new = make_pipeline("trending"), make_pipeline("new", state="draft")
    other = make_pipeline("new", placement="item")
    pipelines.put_pipeline_live(pipeline=new)
    states = dict(Pipeline.objects.values_list("pk", "state"))
    assert states == {old.pk: "retired", new.pk: "live", other.pk: "live"}
    entry = AuditEntry.objects.get(action="go_live")
    assert (entry.subject, entry.details["replaces"]) == ("pipeline:home/Summer", ["Summer"])
    pipelines.put_pipeline_live(pipeline=old)
    assert Pipeline.objects.get(state="live", placement="home").pk == old.pk


def test_two_are_never_live_at_one_placement(db, make_pipeline):
    make_pipeline("trending")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_pipeline("new")


def test_what_is_live_cannot_go_live_nor_what_names_nothing(db, make_pipeline):
    with pytest.raises(PipelineStateError):
        pipelines.put_pipeline_live(pipeline=make_pipeline("trending"))
    empty = Pipeline.objects.create(name="Empty", placement="home")
    with pytest.raises(PipelineNotReadyError):
        pipelines.put_pipeline_live(pipeline=empty)
    with pytest.raises(PipelineStateError):
        pipelines.retire_pipeline(pipeline=empty)


def test_going_live_needs_a_permission_of_its_own(staff, make_pipeline):
    user, draft = staff("view_pipeline", "change_pipeline"), make_pipeline("new", state="draft")
    for act in (pipelines.put_pipeline_live, pipelines.retire_pipeline):
        with pytest.raises(PermissionDeniedError):
            act(pipeline=draft, user=user)
    assert Pipeline.objects.get().state == "draft"


def test_a_copy_is_a_draft_with_the_same_parts(db, make_pipeline):
    rules = [{"action": "exclude", "condition": "price < 3", "name": "cheap"}]
    live = make_pipeline("trending", "new", rules=rules, diversity=0.4)
    draft = pipelines.copy_pipeline(pipeline=live, name="Copy")
    assert (draft.state, draft.diversity, draft.copied_from_id) == ("draft", 0.4, live.pk)
    assert [one.kind for one in draft.sources.all()] == ["trending", "new"]
    assert [one.condition for one in draft.rules.all()] == ["price < 3"]
    assert live.rules.count() == 1


# -- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["preview", "copy", "change"])
def test_pages_need_a_permission(client, staff, make_pipeline, name):
    staff()
    assert client.get(page(name, make_pipeline("new"))).status_code == 403


def test_looking_is_not_changing(client, staff, make_pipeline):
    staff("view_pipeline")
    draft = make_pipeline("new", state="draft")
    assert client.get(page("preview", draft)).status_code == 200
    assert client.post(page("copy", draft)).status_code == 403
    assert client.post(page("action", draft, "go-live")).status_code == 403
    assert client.post(page("change", draft), {"name": "Mine"}).status_code == 403
    assert Pipeline.objects.get().name == "Summer"


def test_a_new_pipeline_begins_with_usual_sources(admin_client):
    answer = admin_client.post(
        page("add"), {"name": "Winter", "placement": "home", "storefront": ""}, follow=True
    )
    assert "Go on from here" in answer.content.decode()
    kinds = [one.kind for one in Pipeline.objects.get().sources.all()]
    assert kinds == list(pipelines.USUAL_SOURCES)


def form_data(pipeline, *rules, **fields):
    data = {
        "name": pipeline.name, "placement": pipeline.placement, "storefront": "", "ranker": "blend",
        "diversity": "0.2", "bought_policy": "settings", "cap_days": "7",
        "sources-TOTAL_FORMS": "0", "sources-INITIAL_FORMS": "0",
        "rules-TOTAL_FORMS": str(len(rules)), "rules-INITIAL_FORMS": "0", **fields,
    }  # fmt: skip
    for number, rule in enumerate(rules):
        usual = {"name": "a rule", "action": "exclude", "factor": "2", "position": "1", "is_on": "on"}
        data |= {f"rules-{number}-{name}": value for name, value in (usual | rule).items()}
    return data


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"condition": 'titel == "x"'}, "“titel” is not known"),
        ({"condition": "{{ settings.SECRET_KEY }}"}, "may not be used"),
        ({"condition": "title == 'x'; DROP TABLE"}, "illegal character"),
        ({}, "Name one item, or write a condition"),
        ({"condition": "price > 3", "factor": "0"}, "greater than or equal to 0.01"),
    ],
)
def test_a_form_names_the_mistake_of_a_rule(admin_client, make_pipeline, rule, sentence):
    draft = make_pipeline("new", state="draft")
    answer = admin_client.post(page("change", draft), form_data(draft, rule))
    assert answer.status_code == 200
    assert sentence in re.sub(r"&#x27;", "'", answer.content.decode())
    assert not draft.rules.exists()


def test_a_changed_rule_is_noticed_by_processes(admin_client, make_pipeline, shop):
    draft = make_pipeline("trending", "new", state="draft")
    assert len(ask(n=12, pipeline_id=draft.pk).picks) == 12
    data = form_data(draft, {"condition": "price < 25"})
    assert admin_client.post(page("change", draft), data).status_code == 302
    assert len(ask(n=12, pipeline_id=draft.pk).picks) == 6


@pytest.mark.parametrize("state", ["live", "retired"])
def test_what_was_live_is_not_changed(admin_client, make_pipeline, state):
    row = make_pipeline("new", state=state)
    assert admin_client.post(page("change", row), form_data(row, name="Other")).status_code == 403
    assert Pipeline.objects.get().name == "Summer"
    assert "stays as it is" in admin_client.get(page("change", row)).content.decode() or state == "retired"


def test_a_live_pipeline_is_not_deleted(admin_client, make_pipeline):
    row = make_pipeline("new")
    assert admin_client.post(page("delete", row), {"post": "yes"}).status_code == 403
    assert Pipeline.objects.exists()


def test_actions_are_asked_once_more(admin_client, make_pipeline):
    live, draft = make_pipeline("new"), make_pipeline("trending", state="draft")
    asked = admin_client.get(page("action", draft, "go-live")).content.decode()
    assert "Live at home now: “Summer”." in asked
    assert Pipeline.objects.get(pk=draft.pk).state == "draft"
    answer = admin_client.post(page("action", draft, "go-live"), follow=True)
    assert "The pipeline is live." in answer.content.decode()
    assert "Roll back to it" in admin_client.get(page("change", live)).content.decode()
    assert admin_client.get(page("action", draft, "no-such-thing")).status_code == 404


# -- preview --------------------------------------------------------------------------------------


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_a_preview_shows_a_draft_beside_what_is_live_and_why(
    admin_client, coffee_drinker, make_pipeline, shop
):
    make_pipeline("trending")
    draft = make_pipeline(
        "sequence", "trending", state="draft",
        rules=[
            {"action": "pin", "item": shop[11], "position": 2, "name": "Our pick"},
            {"action": "exclude", "condition": '"Hiking" in categories', "name": "No boots"},
        ],
    )  # fmt: skip
    answer = admin_client.get(page("preview", draft), {"customer": "anna"})
    live_panel, draft_panel = answer.context["panels"][1], answer.context["panels"][0]
    assert [row.place for row in draft_panel.rows[:2]] == [1, 2]
    assert draft_panel.rows[1].item == shop[11]
    pinned = draft_panel.rows[1].why
    assert (pinned.moves[-1].after, pinned.moves[-1].rules) == (2, ["Our pick"])
    assert draft_panel.rows[0].why.named[0].label == "what the customer takes next (model)"
    assert {row.why.moves[-1].rules[0] for row in draft_panel.left_out} == {"No boots"}
    assert live_panel.pipeline.state == "live"
    assert "“Our pick”" in text_of(answer)


def test_a_preview_of_a_session_and_of_nobody(admin_client, coffee_drinker, make_pipeline, add_event, shop):
    add_event(shop[8], session_id="somebody-new")
    draft = make_pipeline("sequence", "trending", state="draft")
    session = admin_client.get(page("preview", draft), {"session": "somebody-new"})
    assert session.context["panels"][0].rows[0].item == shop[9]
    assert session.context["panels"][1].pipeline is None
    assert "Nothing is live at this placement" in text_of(session)
    assert "a new visitor" in text_of(admin_client.get(page("preview", draft)))
    unknown = admin_client.get(page("preview", draft), {"customer": "<script>", "basket": "nope,"})
    assert "Nothing is known of: &lt;script&gt;, nope" in text_of(unknown)


def test_a_preview_says_when_rules_leave_out_everything(admin_client, coffee_drinker, make_pipeline):
    draft = make_pipeline(
        "trending", state="draft", rules=[{"action": "exclude", "condition": "price > 0", "name": "Too much"}]
    )
    answer = admin_client.get(page("preview", draft), {"customer": "anna"})
    assert "Its rules leave out everything, so customers see the fallback" in text_of(answer)
    assert answer.context["panels"][0].rows
    assert "“Too much”" in text_of(answer)


def test_a_preview_says_when_a_rule_fails(admin_client, shop, make_pipeline):
    type(shop[0]).objects.update(stock=0)
    draft = make_pipeline(
        "trending", "new", state="draft",
        rules=[{"action": "boost", "condition": "price / stock > 1", "name": "Odd"}],
    )  # fmt: skip
    assert "The rule “Odd” could not be evaluated" in text_of(admin_client.get(page("preview", draft)))
    assert "The rule “Odd” could not be evaluated" in text_of(admin_client.get(page("change", draft)))


def test_the_form_offers_the_placements_that_are_known_and_takes_any_other(admin_client, make_pipeline):
    make_pipeline("new", placement="landing-page")
    DailyFigures.objects.create(day="2026-05-31", scope="placement", placement="newsletter")
    form = admin_client.get(page("add")).content.decode()
    assert 'list="ecomai-placements"' in form
    offered = re.findall(r'<option value="([^"]*)">', form.split("<datalist")[1].split("</datalist>")[0])
    assert offered == [
        "home", "item", "basket", "search", "email", "chat", "landing-page", "newsletter",
    ]  # fmt: skip
    admin_client.post(page("add"), {"name": "Own", "placement": "wedding-list", "storefront": ""})
    assert Pipeline.objects.get(name="Own").placement == "wedding-list"


def test_pages_cost_a_fixed_number_of_queries(admin_client, make_pipeline, django_assert_max_num_queries):
    for number in range(12):
        make_pipeline("new", "trending", placement=f"place-{number}")
    services.refresh_popularity()
    with django_assert_max_num_queries(12):
        assert admin_client.get(page("changelist")).status_code == 200
