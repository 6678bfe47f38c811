"""Routes of the Open Inference Protocol, which writes addresses without a last slash."""

from django.urls import path, re_path

from predictions.api import views

app_name = "inference"
urlpatterns = [
    path("", views.InferenceServerView.as_view(), name="server"),
    path("models/<slug:name>/infer", views.InferenceView.as_view(), name="infer"),
    path("models/<slug:name>/versions/<str:version>/infer", views.InferenceView.as_view(), name="infer-version"),
    path("models/<slug:name>/ready", views.InferenceReadyView.as_view(), name="ready"),
    path("models/<slug:name>/versions/<str:version>/ready", views.InferenceReadyView.as_view(), name="ready-version"),
    path("models/<slug:name>", views.InferenceModelView.as_view(), name="model"),
    path("models/<slug:name>/versions/<str:version>", views.InferenceModelView.as_view(), name="model-version"),
    re_path(r"", views.UnknownView.as_view(), name="unknown"),
]
