"""Every text has a Chinese form: none is missing or unsure, placeholders agree, what ships is current."""

import gettext
import re
import shutil
import subprocess
import sys

import polib
import pytest

from tests.architecture import sources

from .messages import catalogues, po_file

PLACEHOLDER = re.compile(r"%\((\w+)\)[\d.]*[a-z]|(?<!\\)\{(\w*)\}")
CATALOGUES = [pytest.param(*pair, id=pair[0].name) for pair in catalogues().items()]


def placeholders(text):
    return {one or other for one, other in PLACEHOLDER.findall(text)}


def translated(entry):
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize(("folder", "locale"), CATALOGUES)
def test_nothing_is_untranslated_or_unsure(folder, locale):
    catalogue = polib.pofile(str(po_file(locale)))
    assert [entry.msgid for entry in catalogue if not all(translated(entry)) or entry.fuzzy] == []


@pytest.mark.parametrize(("folder", "locale"), CATALOGUES)
def test_placeholders_agree(folder, locale):
    for entry in polib.pofile(str(po_file(locale))):
        wanted = placeholders(entry.msgid_plural or entry.msgid)
        for text in translated(entry):
            assert placeholders(text) == wanted, entry.msgid


@pytest.mark.parametrize(("folder", "locale"), CATALOGUES)
def test_texts_are_chinese(folder, locale):
    """What has no Chinese character is a name, a symbol or a number, never a forgotten sentence."""
    for entry in polib.pofile(str(po_file(locale))):
        for text in translated(entry):
            assert re.search(r"[\u4e00-\u9fff]", text) or len(entry.msgid.split()) <= 6, entry.msgid


@pytest.mark.parametrize(("folder", "locale"), CATALOGUES)
def test_compiled_catalogue_is_that_of_the_text(folder, locale):
    """If this fails: `python -m tests.docs.messages`."""
    with po_file(locale).with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in polib.pofile(str(po_file(locale))):
        if entry.msgid_plural:
            assert compiled.ngettext(entry.msgid, entry.msgid_plural, 2) == entry.msgstr_plural[0]
        elif entry.msgctxt:
            assert compiled.pgettext(entry.msgctxt, entry.msgid) == entry.msgstr
        else:
            assert compiled.gettext(entry.msgid) == entry.msgstr


@pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext (xgettext) is not installed")
@pytest.mark.parametrize(("folder", "locale"), CATALOGUES)
def test_catalogue_has_every_text_of_the_code_and_no_other(folder, locale, tmp_path):
    """If this fails: `python -m tests.docs.messages`, then translate what is new."""
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__", "static", "locale"))
    (copy / "locale").mkdir()
    collect = (
        "import sys; from pathlib import Path; from tests.docs import messages; "
        "messages.prepare(); messages.collect(Path(sys.argv[1]), Path(sys.argv[1]) / 'locale')"
    )
    command = [sys.executable, "-c", collect, str(copy)]
    subprocess.run(command, cwd=sources.ROOT, check=True, capture_output=True, timeout=120)
    found, kept = (
        {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(po_file(place)))}
        for place in (copy / "locale", locale)
    )
    assert found - kept == set()
    assert kept - found == set()


@pytest.mark.django_db
def test_console_is_chinese_for_who_asks_in_chinese(admin_client):
    answer = admin_client.get("/admin/ecomai_console/console/", headers={"Accept-Language": "zh-hans"})
    html = answer.content.decode()
    for text in ("控制台", "第一天", "导入商店数据", "操作记录", "推荐"):
        assert text in html
    assert "The first day" not in html
    assert "Under way" not in html


@pytest.mark.django_db
def test_errors_of_the_api_are_chinese_for_who_asks_in_chinese(client):
    answer = client.get("/ecomai/metrics", headers={"Accept-Language": "zh-hans"})
    assert answer.json()["error"]["message"] == "指标只对员工和发送监控令牌的请求显示。"
