"""REST addresses of recommendations."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.RecommendationsView.as_view(), name="recommendations"),
    path("feedback/", views.FeedbackView.as_view(), name="recommendation-feedback"),
    path("seo/", views.SeoView.as_view(), name="recommendation-seo"),
    path("search/", views.SearchView.as_view(), name="search"),
    path("search/suggestions/", views.SuggestionsView.as_view(), name="search-suggestions"),
    path("search/picture/", views.PictureSearchView.as_view(), name="picture-search"),
]
