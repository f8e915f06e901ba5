"""REST addresses of the registry, below `ecomai/registry/`."""

from django.urls import path

from . import views

urlpatterns = [
    path("models/", views.ModelListView.as_view(), name="registry-models"),
    path("models/<str:name>/", views.ModelDetailView.as_view(), name="registry-model"),
    path("models/<str:name>/roll-back/", views.RollBackView.as_view(), name="registry-roll-back"),
    path("models/<str:name>/go-live/", views.GoLiveView.as_view(), name="registry-go-live"),
    path("models/<str:name>/shadow/", views.ShadowView.as_view(), name="registry-shadow"),
    path("models/<str:name>/schedule/", views.ScheduleView.as_view(), name="registry-schedule"),
    path("models/<str:name>/policy/", views.PolicyView.as_view(), name="registry-policy"),
    path("models/<str:name>/scoring/", views.ScoringView.as_view(), name="registry-scoring"),
    path("runs/", views.RunListView.as_view(), name="registry-runs"),
    path("runs/<int:pk>/", views.RunDetailView.as_view(), name="registry-run"),
    path("runs/<int:pk>/cancel/", views.RunCancelView.as_view(), name="registry-run-cancel"),
    path("runs/<int:pk>/retry/", views.RunRetryView.as_view(), name="registry-run-retry"),
    path("versions/", views.VersionListView.as_view(), name="registry-versions"),
    path("versions/<int:pk>/", views.VersionDetailView.as_view(), name="registry-version"),
    path("versions/<int:pk>/promote/", views.PromoteView.as_view(), name="registry-promote"),
    path("jobs/", views.JobListView.as_view(), name="registry-jobs"),
    path("jobs/<int:pk>/", views.JobDetailView.as_view(), name="registry-job"),
    path("jobs/<int:pk>/cancel/", views.JobCancelView.as_view(), name="registry-job-cancel"),
    path("jobs/<int:pk>/retry/", views.JobRetryView.as_view(), name="registry-job-retry"),
    path("switches/", views.SwitchListView.as_view(), name="registry-switches"),
    path("switches/<str:name>/", views.SwitchView.as_view(), name="registry-switch"),
    path("audit/", views.AuditView.as_view(), name="registry-audit"),
]
