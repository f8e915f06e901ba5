"""REST addresses of the chat."""

from django.urls import path

from . import views

urlpatterns = [
    path("messages/", views.MessagesView.as_view(), name="support-bot-messages"),
    path("messages/wait/", views.wait_for_messages, name="support-bot-wait"),
    path("end/", views.EndView.as_view(), name="support-bot-end"),
    path("attachments/", views.AttachmentsView.as_view(), name="support-bot-attachments"),
    path("attachments/<str:public_id>/", views.AttachmentView.as_view(), name="support-bot-attachment"),
    path(
        "attachments/<str:public_id>/file/",
        views.AttachmentFileView.as_view(),
        name="support-bot-attachment-file",
    ),
    path("person/", views.PersonView.as_view(), name="support-bot-person"),
    path("rating/", views.RatingView.as_view(), name="support-bot-rating"),
    path("articles/", views.ArticlesView.as_view(), name="support-bot-articles"),
    path("articles/<path:external_id>/", views.ArticleView.as_view(), name="support-bot-article"),
]
