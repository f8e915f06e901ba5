"""What people do with rules: copy one, let it run in shadow, put it live, retire it."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ecomai.conditions import ConditionError
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services import write_audit

from ..exceptions import RuleNotReadyError, RuleStateError
from ..models import Kind, Rule
from .dry_runs import DryRun, dry_run
from .rules import forget_rules

State = Rule.State
PUT_LIVE = "ecomai_risk.put_rule_live"
#: What is copied of a version; who and when is the copy's own.
COPIED = (
    "storefront", "name", "kinds", "condition", "action", "order", "reason_code", "reason", "starts_at",
    "ends_at",
)  # fmt: skip
#: A rule that meets more than this share of the past is spoken of before it goes live.
MUCH, NEARLY_ALL = 0.05, 0.5


def put_in_shadow(*, rule: Rule, user: Any = None) -> Rule:
    """Have a rule asked and counted; it decides nothing. What was in shadow of it is retired."""
    return _put(rule, State.SHADOW, user, from_states=(State.DRAFT,))


def put_rule_live(*, rule: Rule, user: Any = None) -> Rule:
    """Let a rule decide, within a second in every process. What was live of it is retired.

    A rule whose dates begin later is live at once and holds from then on. Raises RuleNotReadyError where
    they are over, and RuleStateError where it is neither a draft nor in shadow any more.
    """
    return _put(rule, State.LIVE, user, from_states=(State.DRAFT, State.SHADOW))


def retire_rule(*, rule: Rule, user: Any = None) -> Rule:
    """Ask a rule no more, within a second in every process; it stays to be read."""
    _check_may(user, PUT_LIVE)
    with transaction.atomic():
        locked = _lock(rule, (State.LIVE, State.SHADOW))
        now = timezone.now()
        locked.state, locked.retired_at, locked.updated_at = State.RETIRED, now, now
        locked.save()
        _audit("retire", locked, user)
    return locked


@transaction.atomic
def copy_rule(*, rule: Rule, user: Any = None) -> Rule:
    """Make a draft of a version, to be changed: the next version of the same rule. The way back, too."""
    _check_may(user, "ecomai_risk.add_rule")
    newest = _versions(rule).select_for_update().order_by("-number").first()
    draft = Rule.objects.create(
        **{name: getattr(rule, name) for name in COPIED},
        number=(newest.number if newest else 0) + 1,
        copied_from=rule,
        created_by=user,
    )
    _audit("copy_rule", draft, user)
    return draft


def next_number(*, storefront: str, name: str) -> int:
    found = Rule.objects.filter(storefront=storefront, name=name).aggregate(newest=Max("number"))
    return (found["newest"] or 0) + 1


def warnings_of(rule: Rule) -> list[str]:
    """Return what should be known before a rule goes live: what it would have met in the last 30 days."""
    try:
        found = dry_run(rule.condition, kinds=rule.kinds, storefront=rule.storefront)
    except ConditionError as error:
        return [str(error)]
    return [*_about_hits(rule, found), *_about_dates(rule)]


def _about_hits(rule: Rule, found: DryRun) -> list[str]:
    shares = {"hits": found.n_hits, "asked": found.n_asked, "percent": round(100 * found.share, 1)}
    said = []
    if not found.n_asked:
        said.append(_("Nothing was assessed in the last 30 days, so it cannot be told what it would meet."))
    elif found.share >= NEARLY_ALL and rule.action != Rule.Action.NOTE:
        said.append(
            _(
                "It would have met nearly everything: %(hits)s of %(asked)s assessments (%(percent)s %%). "
                "Is the condition what you mean?"
            )
            % shares
        )
    elif found.share >= MUCH and rule.action != Rule.Action.NOTE:
        said.append(_("It would have met %(hits)s of %(asked)s assessments (%(percent)s %%).") % shares)
    elif not found.n_hits:
        said.append(_("It would have met none of %(asked)s assessments.") % shares)
    if found.n_failed:
        said.append(
            _("It could not be evaluated for %(n)s of them, and would leave those alone: %(problem)s")
            % {"n": found.n_failed, "problem": found.problem}
        )
    return said


def _about_dates(rule: Rule) -> list[str]:
    if rule.starts_at and rule.starts_at > timezone.now():
        at = date_format(timezone.localtime(rule.starts_at), "SHORT_DATETIME_FORMAT")
        return [_("It holds from %(at)s on; until then it is live and does nothing.") % {"at": at}]
    return []


def plant_usual_rules(*, storefront: str = "", user: Any = None) -> list[Rule]:
    """Make drafts of the rules that most shops begin with; those that there are already stay."""
    _check_may(user, "ecomai_risk.add_rule")
    known = set(Rule.objects.filter(storefront=storefront).values_list("name", flat=True))
    return [
        Rule.objects.create(storefront=storefront, created_by=user, kinds=list(kinds), **fields)
        for kinds, fields in _usual_rules()
        if fields["name"] not in known
    ]


def _usual_rules() -> list[tuple[Sequence[str], dict[str, Any]]]:
    every, payments = Kind.values, [Kind.PAYMENT_FRAUD.value]
    texts = [Kind.FAKE_REVIEW.value, Kind.LISTING.value]
    return [
        (every, {"name": _("Block list"), "condition": '"block" in lists', "action": "decline", "order": 10,
                 "reason_code": "block_list", "reason": _("Something of it is on the block list.")}),
        (every, {"name": _("Allowed customers"), "condition": 'customer_list == "allow"', "action": "approve",
             "order": 20, "reason_code": "allow_list",
                 "reason": _("The customer is on the allow list.")}),
        (every, {"name": _("Watch list"), "condition": '"watch" in lists', "action": "review", "order": 30,
                 "reason_code": "watch_list", "reason": _("Something of it is on the watch list.")}),
        (payments, {"name": _("Many payments with a card"), "condition": "card_payments_1h >= 5",
                    "action": "decline", "order": 40, "reason_code": "many_by_card",
                    "reason": _("Many payments with this card within an hour.")}),
        (payments, {"name": _("A new account orders much"), "order": 50, "action": "review",
                    "condition": "amount > 500 and account_age_days < 1 and address_differs",
                    "reason_code": "new_account",
                    "reason": _("A new account has much sent elsewhere than billed.")}),
        (texts, {"name": _("Links and contacts in a text"), "order": 60, "action": "review",
                 "condition": "text_links + text_contacts >= 1", "reason_code": "text_contacts",
                 "reason": _("The text holds links or contacts.")}),
    ]  # fmt: skip


# -- one at a time ------------------------------------------------------------------------------


def _put(rule: Rule, state: Rule.State, user: Any, *, from_states: Sequence[Rule.State]) -> Rule:
    _check_may(user, PUT_LIVE)
    with transaction.atomic():
        locked = _lock(rule, from_states)
        _check_is_ready(locked)
        now = timezone.now()
        _versions(locked).filter(state=state).update(state=State.RETIRED, retired_at=now, updated_at=now)
        locked.state, locked.updated_at = state, now
        if state == State.SHADOW:
            locked.shadow_since = now
        else:
            locked.live_since, locked.put_live_by = now, user
        locked.save()
        _audit("go_live" if state == State.LIVE else "enter_shadow", locked, user)
    return locked


def _lock(rule: Rule, states: Sequence[Rule.State]) -> Rule:
    """Lock all versions of a rule, in one order, so that of two people one comes second and is told."""
    rows = {row.pk: row for row in _versions(rule).select_for_update().order_by("pk")}
    locked = rows.get(rule.pk)
    if locked is None or locked.state not in states:
        state = locked.get_state_display() if locked else _("gone")
        raise RuleStateError(rule=rule, state=state)
    return locked


def _check_is_ready(rule: Rule) -> None:
    if rule.ends_at and rule.ends_at <= timezone.now():
        raise RuleNotReadyError(rule=rule, reason=_("its dates are over."))
    try:
        rule.full_clean(exclude=["created_by", "put_live_by", "copied_from"], validate_constraints=False)
    except ValidationError as error:
        raise RuleNotReadyError(rule=rule, reason=" ".join(error.messages)) from error


def _versions(rule: Rule) -> Any:
    return Rule.objects.filter(storefront=rule.storefront, name=rule.name)


def _check_may(user: Any, permission: str) -> None:
    if user is not None and not user.has_perm(permission):
        raise PermissionDeniedError


def _audit(action: str, rule: Rule, user: Any) -> None:
    """The whole rule is in the log, so that it tells what was live when, whatever becomes of the rows."""
    details = {
        "rule": rule.pk, "condition": rule.condition, "action": rule.action, "kinds": rule.kinds,
        "order": rule.order, "state": rule.state,
    }  # fmt: skip
    write_audit(action=action, subject=f"risk rule:{rule.storefront}/{rule}", user=user, details=details)
    transaction.on_commit(forget_rules)
