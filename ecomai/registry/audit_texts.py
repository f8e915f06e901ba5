"""What the audit log says was done, in words."""

from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import NotFoundError


def action_label(action: str) -> str:
    """What was done, in words; an act that we do not know is shown by its code."""
    labels = {
        "acknowledge_alert": _("Acknowledged"),
        "approve_text": _("Approved the text"),
        "reject_text": _("Rejected the text"),
        "use_text": _("Used a text in"),
        "approve_seo": _("Approved the text for search engines"),
        "add_labelling_tasks": _("Asked for labels:"),
        "answer_appeal": _("Answered an appeal about"),
        "assess_risk": _("Assessed"),
        "decide_risk_case": _("Decided"),
        "file_appeal": _("Filed an appeal about"),
        "give_back_risk_case": _("Gave back"),
        "note_risk_case": _("Wrote a note on"),
        "open_risk_case": _("Opened the case"),
        "propose_risk_decision": _("Decided, to be confirmed:"),
        "reopen_risk_case": _("Opened again"),
        "take_risk_case": _("Took"),
        "cancel_job": _("Cancelled"),
        "compute_quality": _("Asked for"),
        "create_api_key": _("Made the API key"),
        "enter_shadow": _("Took back into shadow"),
        "delete_artifact": _("Removed the files of an old version of"),
        "erase_customer": _("Erased a customer:"),
        "export_customer": _("Exported a customer:"),
        "go_live": _("Let go live:"),
        "label_case": _("Labelled"),
        "promote": _("Promoted"),
        "request_scoring": _("Asked for scoring of"),
        "request_training": _("Asked for a training of"),
        "retry_job": _("Tried again:"),
        "retry_training": _("Tried a training again:"),
        "redact_audit_entries": _("Took an erased customer out of entries of the"),
        "reject_seo": _("Rejected the text for search engines"),
        "remove_arm": _("Took an arm out of"),
        "remove_audit_entries": _("Removed old entries of the"),
        "revoke_api_key": _("Revoked the API key"),
        "retire": _("Retired"),
        "roll_back": _("Rolled back to"),
        "roll_out_experiment": _("Rolled out an arm of"),
        "rotate_api_key": _("Renewed the API key"),
        "save_prompt_version": _("Saved a version of the prompt"),
        "make_prompt_version_live": _("Made a version live of the prompt"),
        "change_brand_voice": _("Changed the brand voice of"),
        "schedule_training": _("Scheduled trainings of"),
        "set_policy": _("Changed the promotion policy of"),
        "start_experiment": _("Started"),
        "stop_experiment": _("Stopped"),
        "start_replay": _("Started the back-test"),
        "start_backtest": _("Started the back-test"),
        "change_policy": _("Made the next version of the"),
        "copy_rule": _("Made a draft of the"),
        "draft_policy": _("Made a draft of the"),
        "import_list": _("Imported entries of"),
        "put_on_list": _("Put on a list:"),
        "take_off_list": _("Took off a list:"),
        "switch_off": _("Switched off"),
        "switch_on": _("Switched on"),
        "test_alert": _("Sent a test of"),
    }
    return labels.get(action, action.replace("_", " ").capitalize())


def subject_label(subject: str) -> str:
    """What it was done to: a model or a scenario by the name that people know, all else as it was noted."""
    for find in (scenarios.get_model_spec, scenarios.get_scenario):
        try:
            return str(find(subject).verbose_name)
        except NotFoundError:
            continue
    return subject
