"""Celery's entry points of this scenario. Each is safe to run twice."""

from celery import shared_task


@shared_task(name="ecomai.support_bot.look_after", ignore_result=True)
def look_after() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .actions.ownership import mail_forgotten_codes
    from .services.assigning import assign_waiting
    from .services.privacy import close_idle
    from .services.replying import reply_to_forgotten

    if is_scenario_on("support_bot"):
        reply_to_forgotten()
        mail_forgotten_codes()
        assign_waiting()
    close_idle()


@shared_task(name="ecomai.support_bot.count", ignore_result=True)
def count() -> None:
    from .services.judging import count_days, count_hours, judge_ended
    from .services.passing_on import pass_on_ended

    judge_ended()
    pass_on_ended()
    count_hours()
    count_days(n_days=2)  # the days before change little by the hour; each night they are counted anew


@shared_task(name="ecomai.support_bot.remove_old", ignore_result=True)
def remove_old() -> None:
    from .knowledge.current import forget_old_vectors
    from .services.judging import count_days, remove_old_figures
    from .services.privacy import remove_old, remove_old_notes

    count_days()
    remove_old()
    forget_old_vectors()
    remove_old_notes()
    remove_old_figures()


@shared_task(name="ecomai.support_bot.mail_ownership_code", ignore_result=True)
def mail_ownership_code(proof_id: int) -> None:
    from .actions.ownership import mail_code

    mail_code(proof_id)


@shared_task(name="ecomai.support_bot.propose_labels", ignore_result=True)
def propose_labels() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.intents import propose_labels

    if is_scenario_on("support_bot"):
        propose_labels()


@shared_task(name="ecomai.support_bot.judge_by_model", ignore_result=True)
def judge_by_model() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.judging_by_model import request_judging

    if is_scenario_on("support_bot"):
        request_judging()


@shared_task(name="ecomai.support_bot.encode_passages", ignore_result=True)
def encode_passages() -> None:
    """Vectors of what the shop's articles say, for the encoder that serves now."""
    from .knowledge.current import encode_missing

    encode_missing()


@shared_task(name="ecomai.support_bot.write_reply", ignore_result=True)
def write_reply(message_id: int, leased_until: str) -> None:
    """Word a reply by a language model; `leased_until` names the lease that was handed over."""
    from .services.replying import write_reply

    write_reply(message_id, leased_until)
