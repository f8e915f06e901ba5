"""Shares as people read them."""

import pytest
from django.utils import translation

from ecomai.numbers import format_percent


@pytest.mark.parametrize(
    ("share", "digits", "written"),
    [(0.29, 0, "29 %"), (0.667, 0, "67 %"), (0.02999, 2, "3.00 %"), (1, 0, "100 %"), (None, 0, "–")],
)
def test_a_share_is_rounded_and_not_cut_off(share, digits, written):
    assert format_percent(share, digits) == written


def test_digits_are_written_as_the_reader_does():
    with translation.override("de"):
        assert format_percent(0.1234, 1) == "12,3 %"
    assert format_percent(None, unknown="") == ""
