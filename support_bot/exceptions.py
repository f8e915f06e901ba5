"""What can go wrong in a conversation."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import (
    ConflictError,
    EcomaiError,
    InvalidInputError,
    NotFoundError,
    PayloadTooLargeError,
)


class UnknownConversationError(NotFoundError):
    """Also of somebody else's conversation: whether it exists is nobody's business."""

    code = "unknown_conversation"
    message = _("There is no such conversation. Open the chat again.")


class ConversationClosedError(ConflictError):
    code = "conversation_closed"
    message = _("This conversation is closed. Write again to begin a new one.")


class MessageTooLongError(InvalidInputError):
    code = "message_too_long"
    message = _("The message is longer than %(limit)s characters. Please send it in parts.")


class EmptyMessageError(InvalidInputError):
    code = "empty_message"
    message = _("The message is empty.")


class TooManyMessagesError(EcomaiError):
    code = "too_many_messages"
    message = _("That was a lot at once. Please wait a minute before you write again.")
    status_code = 429


class FrameError(InvalidInputError):
    """A frame of the socket that cannot be read."""

    code = "malformed_frame"
    message = _("This frame cannot be read: %(reason)s")


class NotOpenedError(ConflictError):
    code = "not_opened"
    message = _("The first frame must be “hello”.")


class TakenOverError(ConflictError):
    code = "taken_over"
    message = _("%(name)s talks with this customer already.")


class ToolRefusedError(ConflictError):
    """A tool raises this with a sentence for the customer; nothing was changed."""

    code = "tool_refused"


class InvalidFlowError(InvalidInputError):
    """A flow that could not be followed; `reason` says what to mend."""

    code = "invalid_flow"
    message = _("The flow cannot be saved: %(reason)s")


class UnknownAttachmentError(NotFoundError):
    """Also of somebody else's: whether it exists is nobody's business."""

    code = "unknown_attachment"
    message = _("There is no such picture or recording. Please send it again.")


class AttachmentTooLargeError(PayloadTooLargeError):
    code = "attachment_too_large"
    message = _("This file is larger than %(limit)s bytes. Please send a smaller one.")


class NotAPictureError(InvalidInputError):
    """Whatever its name says: told by its content."""

    code = "not_a_picture"
    message = _("This file is no picture that can be read. A photo as JPEG or PNG works.")


class NoPictureReaderError(ConflictError):
    """Pillow is missing: the shop has not installed the extra `images`."""

    code = "no_picture_reader"
    message = _("Pictures cannot be taken here. Please describe it in words.")


class TooManyAttachmentsError(ConflictError):
    code = "too_many_attachments"
    message = _("These are too many at once. Please send them in several messages.")


class NotARecordingError(InvalidInputError):
    code = "not_a_recording"
    message = _("This file is no recording that can be read: WAV with 16,000 samples of 16 bits a second.")


class RecordingTooLongError(InvalidInputError):
    code = "recording_too_long"
    message = _("The recording is longer than %(seconds)s seconds. Please say it in parts, or write.")


class SilentRecordingError(InvalidInputError):
    code = "silent_recording"
    message = _("Nothing can be heard. Is the microphone on?")


class NoSpeechModelError(ConflictError):
    code = "no_speech_model"
    message = _("Speech in this language cannot be written down here. Please write instead.")


class UnknownArticleError(NotFoundError):
    code = "unknown_article"
    message = _("There is no article “%(external_id)s” in this storefront.")
