"""What findings say to people; rows keep codes, so that each reader gets a language of their own."""

from collections.abc import Mapping

from django.utils.translation import gettext as _


def describe(finding: Mapping[str, str]) -> str:
    """Return a finding as a sentence."""
    texts = {
        "number": _("The facts do not say “%(what)s”."),
        "colour": _("The facts do not name the colour “%(what)s”."),
        "material": _("The facts do not name the material “%(what)s”."),
        "size": _("The facts do not name the size “%(what)s”."),
        "property": _("The facts do not say that it is “%(what)s”."),
        "denied": _("The facts say the opposite about “%(what)s”."),
        "superlative": _("“%(what)s” is praise that the facts do not prove."),
        "guarantee": _("“%(what)s” is a promise that the facts do not make."),
        "name": _("The facts do not know the name “%(what)s”."),
        "support": _("The facts do not support this sentence: “%(what)s” is not in them."),
        "banned": _("“%(what)s” is banned by the brand voice."),
        "avoided": _("The brand voice avoids “%(what)s”."),
        "exclamation": _("The brand voice does not exclaim."),
        "address": _("Addresses and links do not belong here: “%(what)s”."),
        "code": _("Markup or code does not belong here: “%(what)s”."),
        "length": _("There is no room for it."),
        "empty": _("Nothing is left to say."),
    }
    text = texts.get(finding.get("code", ""), _("It was withheld."))
    return text % {"what": finding.get("what", "")}
