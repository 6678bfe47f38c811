"""Every route of the project."""

from django.contrib import admin
from django.urls import include, path

from predictions.api.views import InferenceServerView

urlpatterns = [
    # First, because addresses are tried in their order and programs ask most often.
    path("api/v1/", include("predictions.api.urls")),
    path("v2", InferenceServerView.as_view()),
    path("v2/", include("predictions.api.inference_urls")),
    path("admin/", admin.site.urls),
    path("", include("predictions.urls")),
]

handler400 = "predictions.error_pages.bad_request"
handler403 = "predictions.error_pages.permission_denied"
handler404 = "predictions.error_pages.not_found"
handler500 = "predictions.error_pages.server_error"
