"""REST addresses of experiments, below `experiments/`."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.ExperimentListView.as_view(), name="experiments"),
    path("<str:name>/", views.ExperimentDetailView.as_view(), name="experiment"),
]
