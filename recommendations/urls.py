"""REST addresses of recommendations."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.RecommendationsView.as_view(), name="recommendations"),
    path("feedback/", views.FeedbackView.as_view(), name="recommendation-feedback"),
]
