"""System checks of the settings: each wrong one is named before anything goes out."""

import pytest

from marketing.checks import check_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_HOURS", (21, 24)), ("QUIET_HOURS", (21,)), ("QUIET_HOURS", 21), ("QUIET_HOURS", (True, 8)),
        ("BASE_URL", "shop.example"), ("BASE_URL", 8), ("BATCH_SIZE", 0), ("MESSAGES_PER_WEEK", -1),
        ("PURPOSE", None), ("SENDING_WORKERS", 0), ("MAIL_TIMEOUT_SECONDS", 0), ("SOFT_BOUNCES", True),
        ("MESSAGES_PER_MINUTE", -1), ("MOST_BOUNCED", 0), ("MOST_COMPLAINED", 2), ("MOST_UNSUBSCRIBED", "1"),
        ("BOUNCE_ADDRESS", "bounces"), ("BOUNCE_ADDRESS", "a+b@shop.example"), ("HASH_KEY", None),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_named(settings, name, value):
    settings.ECOMAI = {"MARKETING": {name: value}}
    found = check_settings(None)
    assert {message.id for message in found} == {"marketing.E001"}
    assert all(f'["{name}"]' in message.msg for message in found)


def test_settings_that_can_be_are_no_mistake(settings):
    settings.ECOMAI = {"MARKETING": {"QUIET_HOURS": (0, 0), "BASE_URL": "https://shop.example"}}
    assert check_settings(None) == []
    settings.ECOMAI = {"MARKETING": {"QUIETHOURS": (0, 0)}}
    assert [message.id for message in check_settings(None)] == ["marketing.W001"]
