"""Prompts: versions stay, one is live, and there is a way back."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.generation import doctor, services
from ecomai.generation.checks import check_settings
from ecomai.generation.composers import CompositionRequest
from ecomai.generation.exceptions import ImmutableVersionError, TemplateLineError, UnknownPromptError
from ecomai.generation.facts import Facts
from ecomai.generation.models import BrandVoice, Prompt
from ecomai.generation.pages import changed_lines
from ecomai.generation.selectors import live_prompt, rules_for
from ecomai.registry.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def prompt(shipped) -> Prompt:
    services.create_prompts()
    return Prompt.objects.get(name="test.title")


@pytest.fixture
def editor(django_user_model):
    user = django_user_model.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="ecomai_generation", codename__in=("view_prompt", "change_prompt")
        )
    )
    return user


def test_shipped_prompts_are_written_once(prompt):
    assert services.create_prompts() == 0
    assert prompt.versions.get().templates.startswith("{title} by {brand}")
    assert prompt.live_version == prompt.versions.get()


def test_a_prompt_that_nobody_wrote_yet_is_what_is_shipped(shipped):
    assert live_prompt("test.title", "en").version_pk is None
    with pytest.raises(UnknownPromptError):
        live_prompt("test.title", "zh-hans")


def test_a_new_version_is_live_and_the_old_one_stays(prompt):
    version = services.save_version(prompt, templates="{brand} {title}", instructions="x", note="Shorter")
    assert (version.number, live_prompt("test.title", "en").number) == (2, 2)
    request = CompositionRequest(
        purpose="test.title", language="en", most=80, facts=Facts(title="Mug", brand="Ember")
    )
    composed = services.compose(request)
    assert (composed.texts[0].text, composed.version_pk) == ("Ember Mug", version.pk)
    services.make_live(prompt.versions.get(number=1))
    assert services.compose(request).texts[0].text == "Mug by Ember"
    assert prompt.versions.count() == 2
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "save_prompt_version", "make_prompt_version_live",
    ]  # fmt: skip


def test_a_version_cannot_be_changed(prompt):
    version = prompt.live_version
    version.templates = "other"
    with pytest.raises(ImmutableVersionError):
        version.save()


def test_what_cannot_be_composed_by_is_not_saved(prompt):
    with pytest.raises(TemplateLineError):
        services.save_version(prompt, templates="{title", instructions="")
    live = prompt.live_version
    with pytest.raises(ConflictError):
        services.save_version(prompt, templates=live.templates, instructions=live.instructions)
    assert prompt.versions.count() == 1


def test_who_may_not_change_prompts_does_not(prompt, django_user_model):
    user = django_user_model.objects.create_user("reader")
    with pytest.raises(PermissionDeniedError):
        services.save_version(prompt, templates="{title}", instructions="", user=user)
    with pytest.raises(PermissionDeniedError):
        services.make_live(prompt.live_version, user=user)


def test_the_page_shows_versions_with_what_changed_and_the_way_back(prompt, editor, client):
    client.force_login(editor)
    address = reverse("admin:ecomai_generation_prompt_change", args=[prompt.pk])
    client.post(
        address, {"templates": "{brand} {title}", "instructions": "Write a title.", "note": "Shorter"}
    )
    page = client.get(address).content.decode()
    assert "<ins>+ {brand} {title}</ins>" in page
    assert "<del>− {title} by {brand}</del>" in page
    assert "Shorter" in page
    back = reverse("admin:ecomai_generation_prompt_live", args=[prompt.pk, 1])
    assert client.get(back).status_code == 200
    assert live_prompt("test.title", "en").number == 2, "asking is not doing"
    client.post(back)
    assert live_prompt("test.title", "en").number == 1
    assert client.post(reverse("admin:ecomai_generation_prompt_live", args=[prompt.pk, 9])).status_code == 404


@pytest.mark.parametrize("templates", ["", "{title", "{{ title }}"])
def test_the_page_refuses_what_cannot_be_composed_by(prompt, editor, client, templates):
    client.force_login(editor)
    address = reverse("admin:ecomai_generation_prompt_change", args=[prompt.pk])
    answer = client.post(address, {"templates": templates, "instructions": "", "note": ""})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert prompt.versions.count() == 1


def test_who_may_only_look_gets_no_form(prompt, django_user_model, client):
    user = django_user_model.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_prompt"))
    client.force_login(user)
    address = reverse("admin:ecomai_generation_prompt_change", args=[prompt.pk])
    page = client.get(address)
    assert page.status_code == 200
    assert "<textarea" not in page.content.decode()
    assert client.post(address, {"templates": "{title}"}).status_code == 403
    assert prompt.versions.count() == 1


def test_the_list_asks_no_query_per_row(prompt, editor, client, django_assert_max_num_queries):
    Prompt.objects.bulk_create([Prompt(name=f"x{number}", language="en") for number in range(30)])
    client.force_login(editor)
    with django_assert_max_num_queries(12):
        page = client.get(reverse("admin:ecomai_generation_prompt_changelist"))
    assert "Test title" in page.content.decode()


def test_the_first_version_shows_all_its_lines(prompt):
    marks = {line.mark for line in changed_lines(None, prompt.live_version)}
    assert marks == {" "}


def test_the_voice_is_edited_in_the_admin_and_holds_at_once(admin_client, shipped):
    address = reverse("admin:ecomai_generation_brandvoice_add")
    admin_client.post(
        address, {"language": "en", "banned_claims": "by Ember\n\n", "allowed_words": "Kindred"}
    )
    rules = rules_for("en")
    assert (rules.banned, rules.allowed, rules.may_exclaim) == (("by Ember",), ("Kindred",), False)
    request = CompositionRequest(
        purpose="test.title", language="en", most=80, facts=Facts(title="Mug", brand="Ember")
    )
    assert services.compose(request).texts[0].findings[0].code == "banned"
    assert AuditEntry.objects.filter(action="change_brand_voice").count() == 1
    assert BrandVoice.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "id_"),
    [
        ({"COMPOSSER": "x"}, "W001"),
        ({"COMPOSER": "nowhere.Composer"}, "E001"),
        ({"COMPOSER": "local"}, "E002"),
        ({"COMPOSER": "remote", "REMOTE_URL": "http://x/v1"}, "E002"),
        ({"MIN_SUPPORT": 2}, "E003"),
        ({"COST_PER_DAY": "much"}, "E003"),
        ({"TOKENS_PER_DAY": 0}, "E003"),
    ],
)
def test_settings_are_checked(settings, values, id_):
    settings.ECOMAI = settings.ECOMAI | {"GENERATION": values}
    assert [message.id for message in check_settings()] == [f"ecomai_generation.{id_}"]


def test_settings_without_a_mistake_have_no_message(settings):
    assert check_settings() == []
    assert doctor.findings()[0].is_ok
