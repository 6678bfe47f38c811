"""Routes of the API."""

from django.urls import path, re_path

from predictions.api import quick, views

app_name = "api"
urlpatterns = [
    path("predictions/", quick.predictions, name="predictions"),
    path("predictions/bulk/", views.BulkView.as_view(), name="bulk"),
    path("predictions/<uuid:prediction_id>/", views.PredictionView.as_view(), name="prediction"),
    path("model/", views.ModelView.as_view(), name="model"),
    path("model/schema/", views.SchemaView.as_view(), name="schema"),
    path("problems/<slug:code>/", views.ProblemView.as_view(), name="problem"),
    re_path(r"", views.UnknownView.as_view(), name="unknown"),
]
