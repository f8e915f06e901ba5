"""REST addresses of risk."""

from django.urls import path

from . import views

urlpatterns = [
    path("assessments/", views.AssessmentsView.as_view(), name="risk-assessments"),
    path("assessments/<str:kind>/<str:external_id>/", views.AssessmentView.as_view(), name="risk-assessment"),
    path("decisions/", views.DecisionView.as_view(), name="risk-decision"),
    path("lists/", views.ListsView.as_view(), name="risk-lists"),
    path("labels/", views.LabelsView.as_view(), name="risk-labels"),
]
