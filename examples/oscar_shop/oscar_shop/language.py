"""The demo speaks the language that it was started in."""

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware


class OwnLanguageMiddleware(LocaleMiddleware):
    """As Django's, but whoever starts the demo in Chinese sees it in Chinese, whatever the browser prefers.

    A language that is chosen on the page still holds.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.META.pop("HTTP_ACCEPT_LANGUAGE", None)
        super().process_request(request)
