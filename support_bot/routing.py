"""The socket of the chat."""

from django.urls import path

from .consumers import ChatConsumer

websocket_urlpatterns = [path("ecomai/support_bot/chat/", ChatConsumer.as_asgi(), name="support_bot-socket")]
