"""`recommendations/search/picture/`: items that look like a picture."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.visitors import storefront_of
from ecomai.rest import ApiView, json_response
from ecomai.uploads import bound_upload, read_upload

from .. import services
from ..app_settings import app_settings
from ..exceptions import PictureTooLargeError
from ..permissions import MayAskForRecommendations
from ..serializers.pictures import PictureAnswerSerializer, PictureForm, PictureQuery, picture_body
from ..throttles import PictureThrottle


class PictureSearchView(CrossOriginMixin, ApiView):
    """Items that look like the picture in the form's field `picture`.

    The picture is read in memory, at most `RECOMMENDATIONS.IMAGE_MAX_BYTES` of it, and not kept.
    """

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PictureThrottle,)
    parser_classes = (MultiPartParser,)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # A login is checked against the form's own token, which reads the whole form.
        bound_upload(request, max_bytes=app_settings.IMAGE_MAX_BYTES)
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        parameters=[PictureQuery],
        request={"multipart/form-data": PictureForm},
        responses=PictureAnswerSerializer,
        tags=["recommendations"],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = PictureQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        services.check_can_search()
        content = read_upload(request._request, "picture", error=PictureTooLargeError)
        answer = services.search_by_picture(
            content, storefront=storefront_of(request), n=query.validated_data.get("n")
        )
        return json_response(picture_body(answer), headers={"Cache-Control": "private, no-store"})
