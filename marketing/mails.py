"""What is written to a customer: a subject and a text with a few variables, and the way out below it."""

import secrets
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.policy import Compat32
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

#: RFC 5322: lines should not be longer.
LONGEST_LINE = 78
#: What a text may name, and where it comes from.
OF_CUSTOMER = ("name", "favourite_category", "favourite_brand", "loyalty_tier")
#: What an offer adds: the customer's own code, what it takes off, and the last day.
OF_OFFER = ("voucher", "discount", "voucher_until")
VARIABLES = (*OF_CUSTOMER, *OF_OFFER)
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


def names_of(text: str) -> list[str]:
    """Return which variables a text names, each once, in order."""
    return list(dict.fromkeys(str(node.filter_expression.var) for node in _variables(text)))


def names_without_default(text: str) -> list[str]:
    """Return which of a customer's variables leave a gap where one has none, each once, in order."""
    bare = [
        str(node.filter_expression.var)
        for node in _variables(text)
        if not any(function.__name__ == "default" for function, _arguments in node.filter_expression.filters)
    ]
    return [name for name in dict.fromkeys(bare) if name in OF_CUSTOMER]


def _variables(text: str) -> list[VariableNode]:
    return [node for node in compile_text(text).nodelist if isinstance(node, VariableNode)]


def _check_known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        reason = _("“%(name)s” is not known; a text may name: %(names)s")
        raise TemplateError(reason=reason % {"name": name, "names": ", ".join(names)})


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text for one customer. It is plain: whoever makes HTML of it has to escape it."""
    known = Context({name: values.get(name, "") for name in VARIABLES})
    return compile_text(text).render(known) + ""  # what a template renders passes for escaped, and is not


class _ShortHeaders(Compat32):
    """Writes a header that fits into one line as it is; folding it would change nothing, and costs much."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if isinstance(value, str) and value.isascii() and value.isprintable():
            line = f"{name}: {value}"
            if len(line) <= LONGEST_LINE:
                return f"{line}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_SHORT_HEADERS = _ShortHeaders()


class CampaignMail(EmailMultiAlternatives):
    """One of very many: draws its parts' boundary instead of looking for one, and folds long headers only."""

    def message(self, **kwargs: Any) -> Any:
        made: Any = super().message(**kwargs)
        if type(made.policy) is Compat32:
            made.policy = _SHORT_HEADERS
        if made.is_multipart():
            made.set_boundary(f"=_{secrets.token_hex(16)}")
        return made


def make_mail(
    *, subject: str, body: str, values: Mapping[str, str], to: str, message_id: str, unsubscribe_url: str,
    preferences_url: str, envelope_from: str = "", connection: Any = None,
) -> CampaignMail:  # fmt: skip
    """Return a mail as text and as HTML, with the way out in its text and its headers (RFC 8058).

    `envelope_from` is where bounces come to; what the customer sees is the shop's own sender.
    """
    text = fill(body, values)
    way_out, choose = _("You get this because you allowed it. To get no more:"), _("To choose what you get:")
    html = format_html(
        '<html><body>{}<hr><p>{} <a href="{}">{}</a><br>{} <a href="{}">{}</a></p></body></html>',
        _paragraphs(text), way_out, unsubscribe_url, _("unsubscribe"),
        choose, preferences_url, _("your choices"),
    )  # fmt: skip
    sender = {"From": settings.DEFAULT_FROM_EMAIL} if envelope_from else {}
    return CampaignMail(
        subject=" ".join(fill(subject, values).split()),
        body=f"{text}\n\n-- \n{way_out}\n{unsubscribe_url}\n{choose}\n{preferences_url}\n",
        from_email=envelope_from or settings.DEFAULT_FROM_EMAIL,
        to=[to],
        connection=connection,
        headers={
            **sender,
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
