"""What can go wrong when recommendations are asked for."""

from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError, NotFoundError, PayloadTooLargeError, PermissionDeniedError


class OtherCustomerError(PermissionDeniedError):
    code = "other_customer"
    message = _("A page may only ask for the recommendations of its own visitor.")


class NoVisitorError(EcomaiError):
    code = "no_visitor"
    message = _("Nobody is known who could say so: a login, a customer token or a session is needed.")
    status_code = 400


class UnknownItemError(NotFoundError):
    code = "unknown_item"
    message = _("There is no item “%(item)s”.")


class EncoderMissingError(EcomaiError):
    code = "encoder_missing"
    message = _(
        "The text encoder “%(encoder)s” could not be loaded. Install the package that brings it, or name "
        "another one in the setting RECOMMENDATIONS.ENCODER. The live version goes on serving."
    )
    status_code = 409


class ImageEncoderMissingError(EncoderMissingError):
    code = "image_encoder_missing"
    message = _(
        "The image encoder “%(encoder)s” could not be loaded. Name a folder with a CLIP or SigLIP model, or "
        "an id in the local Hugging Face cache, in RECOMMENDATIONS.IMAGE_ENCODER; “small” needs no files."
    )


class NoImageEncoderError(EcomaiError):
    code = "no_image_encoder"
    message = _(
        "This shop cannot be searched by pictures yet: no image encoder serves. Name one in the setting "
        "RECOMMENDATIONS.IMAGE_ENCODER, train the model “Pictures”, and let it go live."
    )
    status_code = 409


class NoPictureError(EcomaiError):
    code = "no_picture"
    message = _("There is no picture to search by. Choose one, and send it as the field “picture” of a form.")
    status_code = 400


class PictureTooLargeError(PayloadTooLargeError):
    code = "picture_too_large"
    message = _("The picture is larger than %(limit)s bytes. Choose a smaller one.")


class UnreadablePictureError(EcomaiError):
    code = "unreadable_picture"
    message = _("This file is no picture that can be read. Choose a JPEG, PNG, WebP, GIF, BMP or AVIF file.")
    status_code = 400


class TooManyPixelsError(UnreadablePictureError):
    code = "too_many_pixels"
    message = _("The picture has more than %(limit)s pixels. Choose a smaller one.")


class UnlikeCurrenciesError(EcomaiError):
    code = "unlike_currencies"
    message = _("Items have prices in %(currencies)s. Say which of them the price filter means (currency=…).")
    status_code = 400


class PipelineStateError(EcomaiError):
    code = "pipeline_state"
    message = _("“%(pipeline)s” is %(state)s, so this cannot be done with it.")
    status_code = 409


class PipelineNotReadyError(EcomaiError):
    code = "pipeline_not_ready"
    message = _("“%(pipeline)s” names no candidates. Give it at least one source before it goes live.")
    status_code = 409
