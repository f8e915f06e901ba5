"""What is written to a customer: a subject and a text with a few variables, and the way out below it."""

from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import TextNode, VariableNode
from django.utils.html import escape, format_html, linebreaks, urlize
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from .exceptions import TemplateError

#: What a text may name, and where it comes from.
VARIABLES = ("name", "favourite_category", "favourite_brand", "loyalty_tier")
FILTERS = frozenset({"default", "title", "capfirst", "upper", "lower"})
#: Texts are escaped where they become HTML.
_ENGINE = Engine(autoescape=False)


@lru_cache(maxsize=200)
def compile_text(text: str) -> Template:
    """Return a text ready to be filled in.

    Raises TemplateError with a sentence where it cannot be read, has a tag, or names what is not known.
    """
    try:
        template = Template(text, engine=_ENGINE)
    except TemplateSyntaxError as error:
        raise TemplateError(reason=str(error)) from error
    for node in template.nodelist:
        if isinstance(node, TextNode):
            continue
        if not isinstance(node, VariableNode):
            raise TemplateError(reason=_("only variables can be used, such as {{ name }}"))
        _check_known(str(node.filter_expression.var).strip(), VARIABLES)
        for function, _arguments in node.filter_expression.filters:
            _check_known(function.__name__, sorted(FILTERS))
    return template


def _check_known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        reason = _("“%(name)s” is not known; a text may name: %(names)s")
        raise TemplateError(reason=reason % {"name": name, "names": ", ".join(names)})


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text for one customer. It is plain: whoever makes HTML of it has to escape it."""
    known = Context({name: values.get(name, "") for name in VARIABLES})
    return compile_text(text).render(known) + ""  # what a template renders passes for escaped, and is not


def make_mail(
    *, subject: str, body: str, values: Mapping[str, str], to: str, message_id: str, unsubscribe_url: str,
    connection: Any = None,
) -> EmailMultiAlternatives:  # fmt: skip
    """Return a mail as text and as HTML, with the way out in its text and its headers (RFC 8058)."""
    text = fill(body, values)
    way_out = _("You get this because you allowed it. To get no more:")
    html = format_html(
        '<html><body>{}<hr><p>{} <a href="{}">{}</a></p></body></html>',
        _paragraphs(text), way_out, unsubscribe_url, _("unsubscribe"),
    )  # fmt: skip
    return EmailMultiAlternatives(
        subject=" ".join(fill(subject, values).split()),
        body=f"{text}\n\n-- \n{way_out}\n{unsubscribe_url}\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        connection=connection,
        headers={
            "Message-ID": message_id,
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        alternatives=[(html, "text/html")],
    )


@lru_cache(maxsize=1000)
def _paragraphs(text: str) -> Any:
    """Many customers get the same text, and links in it are found once."""
    return mark_safe(urlize(linebreaks(escape(text)), nofollow=True))  # noqa: S308  (escaped just here)


def is_address(email: str) -> bool:
    """Whether something can be sent there at all."""
    try:
        return bool(Address(addr_spec=email).domain)
    except (ValueError, IndexError):
        return False
