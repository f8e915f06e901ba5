"""REST addresses of marketing."""

from django.urls import path

from . import views

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe_view, name="marketing-unsubscribe"),
    path("preferences/", views.preferences_view, name="marketing-preferences"),
    path("preferences/<str:token>/", views.preferences_of_view, name="marketing-preferences-of"),
    path("bounces/", views.BouncesView.as_view(), name="marketing-bounces"),
    path("onsite/act/", views.OnsiteActView.as_view(), name="marketing-onsite-act"),
    path("onsite/<slug:slot>/", views.OnsiteView.as_view(), name="marketing-onsite"),
    path("campaigns/", views.CampaignsView.as_view(), name="marketing-campaigns"),
    path("campaigns/<int:pk>/report/", views.CampaignReportView.as_view(), name="marketing-campaign-report"),
    path("journeys/<int:pk>/report/", views.JourneyReportView.as_view(), name="marketing-journey-report"),
    path("customers/<str:customer_id>/profile/", views.ProfileView.as_view(), name="marketing-profile"),
    path("ads/", views.AdGroupsView.as_view(), name="marketing-ad-groups"),
    path("ads/seen/", views.AdsSeenView.as_view(), name="marketing-ads-seen"),
    path("ads/click/<str:token>/", views.ad_click_view, name="marketing-ad-click"),
    path("ads/groups/", views.AdGroupsWriteView.as_view(), name="marketing-ad-groups-write"),
    path("ads/groups/<int:pk>/", views.AdGroupView.as_view(), name="marketing-ad-group"),
    path("ads/groups/<int:pk>/<slug:act>/", views.AdGroupActView.as_view(), name="marketing-ad-group-act"),
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
