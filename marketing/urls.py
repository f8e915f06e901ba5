"""REST addresses of marketing."""

from django.urls import path

from . import views

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe_view, name="marketing-unsubscribe"),
    path("customers/<str:customer_id>/profile/", views.ProfileView.as_view(), name="marketing-profile"),
    path("ads/", views.AdGroupsView.as_view(), name="marketing-ad-groups"),
    path("ads/seen/", views.AdsSeenView.as_view(), name="marketing-ads-seen"),
    path("ads/click/<str:token>/", views.ad_click_view, name="marketing-ad-click"),
    path("ads/<slug:placement>/", views.AdsView.as_view(), name="marketing-ads"),
    path("feedback/", views.FeedbackView.as_view(), name="marketing-feedback"),
    path("texts/", views.TextsView.as_view(), name="marketing-texts"),
    path("segments/", views.SegmentsView.as_view(), name="marketing-segments"),
    path("segments/<slug:slug>/members/", views.MembersView.as_view(), name="marketing-members"),
    path(
        "segments/<slug:slug>/members/<str:customer_id>/",
        views.MembershipView.as_view(),
        name="marketing-membership",
    ),
]
