"""The chat without a socket: the same rows, services and frames over plain requests."""

from typing import Any
from uuid import UUID

from channels.db import DatabaseSyncToAsync
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.visitors import resolve_visitor
from ecomai.exceptions import InvalidInputError
from ecomai.private_files import private_file
from ecomai.rest import ApiView, NewestFirstPagination
from ecomai.uploads import bound_upload, read_upload

from . import entry, selectors
from .announcing import listening
from .exceptions import AttachmentTooLargeError, UnknownArticleError
from .models import Article, Conversation
from .protocol import message_frame
from .serializers import (
    ArticleInSerializer,
    ArticleSerializer,
    AttachmentForm,
    AttachmentSerializer,
    ConversationRefSerializer,
    RatingSerializer,
    SaySerializer,
)
from .services import attachments, conversations, replying
from .services.articles import remove_article, upsert_article
from .services.attachments import wait_for_reading
from .services.handing_over import hand_over
from .throttles import ChatThrottle
from .visitors import ChatVisitor, chat_visitor

#: The secret of a browser, which the first answer gives it.
VISITOR_HEADER = "X-Ecomai-Visitor"
#: So long a question waits for something new; proxies usually close one after 30 or 60 seconds.
WAIT_SECONDS = 25


class ChatView(CrossOriginMixin, ApiView):
    """Base: whose conversation it is comes from the login, the signed token or the browser's secret alone."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("chat:write"),)
    throttle_classes = (ChatThrottle,)
    own_headers = (VISITOR_HEADER,)

    def visitor(self) -> ChatVisitor:
        known = resolve_visitor(self.request)
        return chat_visitor(
            secret=self.request.headers.get(VISITOR_HEADER, ""), storefront=known.storefront,
            customer=known.customer, session_id=known.session_id,
            language=entry.supported_language(self.request.GET.get("language", "")),
        )  # fmt: skip

    def own_conversation(self, body: Any) -> Conversation:
        return selectors.conversation_of(self.visitor(), body.validated_data["conversation"])


class MessagesView(ChatView):
    @extend_schema(
        parameters=[
            OpenApiParameter("conversation", str, description="Empty: the newest open one."),
            OpenApiParameter("after", int, description="The number of the newest message that is known."),
            OpenApiParameter("language", str),
        ],
        responses={200: dict},
        summary="The greeting, and messages that are new",
    )
    def get(self, request: Request) -> Response:
        entered = entry.enter(self.visitor(), conversation_id=request.GET.get("conversation", ""))
        frames = entry.welcome_frames(entered, after=_number(request.GET.get("after", "0")))
        return Response({"frames": frames}, headers={"Cache-Control": "no-store"})

    @extend_schema(request=SaySerializer, responses={200: dict}, summary="Say something, and read the reply")
    def post(self, request: Request) -> Response:
        body = SaySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values, visitor = body.validated_data, self.visitor()
        entered = entry.enter(visitor, conversation_id=values["conversation"])
        message = conversations.take_message(
            visitor, entered.conversation, text=values["text"], key=values["key"], value=values["value"],
            attachments=values["attachments"],
        )  # fmt: skip
        wait_for_reading(message)
        replying.reply_to(message)
        new = selectors.messages_after(message.conversation, values["after"])
        return Response(
            {
                "visitor": visitor.secret,
                "conversation": str(message.conversation.public_id),
                "accepted": {"key": values["key"], "sequence": message.sequence},
                "frames": [message_frame(each) for each in new],
            }
        )


class WaitView(MessagesView):
    """What `wait_for_messages` asks, once or twice."""

    http_method_names = ("get", "options")


@csrf_exempt
async def wait_for_messages(request: HttpRequest) -> HttpResponse:
    """Answer as `MessagesView` does, but only once something is new, or after `WAIT_SECONDS`.

    `state` in the query is the state that the browser knows. A server without an event loop answers at once:
    a question would hold one of its few workers.
    """
    answer = await _read(request)
    may_wait = request.method == "GET" and isinstance(request, ASGIRequest)
    if not may_wait or answer.status_code != 200 or _has_news(request, answer):
        return answer
    public_id = answer.data["frames"][0]["conversation"]
    if not public_id:
        return answer
    async with listening(UUID(public_id)) as woken:
        answer = await _read(request)  # what came between
        if answer.status_code == 200 and not _has_news(request, answer):
            await woken(WAIT_SECONDS)
            answer = await _read(request)
    return answer


async def _read(request: HttpRequest) -> Any:
    return await DatabaseSyncToAsync(WaitView.as_view(), thread_sensitive=False)(request)


def _has_news(request: HttpRequest, answer: Any) -> bool:
    welcome, *messages = answer.data["frames"]
    return bool(messages) or welcome["state"] != request.GET.get("state", welcome["state"])


class AttachmentsView(ChatView):
    """Pictures and recordings, before a message names them."""

    parser_classes = (MultiPartParser,)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # Bounded as it comes in, before anything looks into the body.
        bound_upload(request, max_bytes=attachments.most_bytes())
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": AttachmentForm}, responses={201: AttachmentSerializer},
        summary="Send a picture or a recording",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        content = read_upload(request._request, "file", error=AttachmentTooLargeError)
        body = AttachmentForm(data={**request.data.dict(), "file": None})
        body.is_valid(raise_exception=True)
        visitor = self.visitor()
        take = attachments.TAKERS[body.validated_data["kind"]]
        row = take(visitor, content=content, alt=body.validated_data["alt"])
        told = {"visitor": visitor.secret, **AttachmentSerializer(row).data}
        return Response(told, status=201, headers={"Cache-Control": "no-store"})


class AttachmentView(ChatView):
    """How far one's own picture or recording is read."""

    @extend_schema(responses={200: AttachmentSerializer}, summary="What was read in it")
    def get(self, request: Request, public_id: str) -> Response:
        (row,) = selectors.attachments_of(self.visitor(), [public_id])
        told = AttachmentSerializer(attachments.settle(row)).data
        return Response(told, headers={"Cache-Control": "no-store"})


class AttachmentFileView(ChatView):
    """The picture itself, for whose it is."""

    @extend_schema(responses={(200, "image/jpeg"): bytes}, summary="The picture")
    def get(self, request: Request, public_id: str) -> HttpResponse:
        (row,) = selectors.attachments_of(self.visitor(), [public_id])
        return private_file(bytes(row.content), row.media_type)


class PersonView(ChatView):
    @extend_schema(request=ConversationRefSerializer, responses={200: dict}, summary="Ask for a person")
    def post(self, request: Request) -> Response:
        body = ConversationRefSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        conversation = self.own_conversation(body)
        hand_over(conversation, reason=Conversation.HandoffReason.ASKED)
        conversation.refresh_from_db()
        return Response({"state": conversation.state})


class EndView(ChatView):
    @extend_schema(request=ConversationRefSerializer, responses={200: dict}, summary="End a conversation")
    def post(self, request: Request) -> Response:
        body = ConversationRefSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        conversation = self.own_conversation(body)
        conversations.end_conversation(conversation)
        return Response({"state": Conversation.State.CLOSED})


class RatingView(ChatView):
    @extend_schema(request=RatingSerializer, responses={200: dict}, summary="Rate a conversation")
    def post(self, request: Request) -> Response:
        body = RatingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        stars = body.validated_data["stars"]
        conversations.rate_conversation(
            self.own_conversation(body), stars=stars, text=body.validated_data["text"]
        )
        return Response({"stars": stars})


class ArticlesView(ApiView):
    """Articles of the key's storefront, newest first."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("knowledge:write"),)

    @extend_schema(
        responses=ArticleSerializer(many=True), tags=["support"], operation_id="ecomai_support_articles"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        paginator = NewestFirstPagination()
        mine = Article.objects.filter(storefront=request.auth.storefront)
        rows = paginator.paginate_queryset(mine, request, view=self)
        return paginator.get_paginated_response(ArticleSerializer(rows, many=True).data)


class ArticleView(ApiView):
    """One article, by the id that its own system gave it."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("knowledge:write"),)

    @extend_schema(
        request=ArticleInSerializer, responses=ArticleSerializer, tags=["support"],
        operation_id="ecomai_support_article_write",
    )  # fmt: skip
    def put(self, request: Request, external_id: str, *args: Any, **kwargs: Any) -> Response:
        """Write it, new or changed; the same again changes nothing."""
        body = ArticleInSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        article, _is_changed = upsert_article(
            external_id=external_id[:128], values=body.fields_of_row(), storefront=request.auth.storefront
        )
        return Response(ArticleSerializer(article).data)

    @extend_schema(responses=ArticleSerializer, tags=["support"], operation_id="ecomai_support_article")
    def get(self, request: Request, external_id: str, *args: Any, **kwargs: Any) -> Response:
        mine = Article.objects.filter(storefront=request.auth.storefront, external_id=external_id)
        article = mine.first()
        if article is None or not external_id:
            raise UnknownArticleError(external_id=external_id)
        return Response(ArticleSerializer(article).data)

    @extend_schema(
        request=None, responses={204: None}, tags=["support"], operation_id="ecomai_support_article_remove"
    )
    def delete(self, request: Request, external_id: str, *args: Any, **kwargs: Any) -> Response:
        """Remove it; one that is not there is removed already."""
        remove_article(external_id=external_id, storefront=request.auth.storefront)
        return Response(status=204)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInputError(reason="“after” must be a whole number.")
    return int(text)
