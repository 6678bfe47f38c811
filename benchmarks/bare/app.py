"""Bare Django: one view, one JsonResponse; no model, no database, no middleware. What the server and Django cost alone."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[], ROOT_URLCONF=__name__, INSTALLED_APPS=[], USE_I18N=False)


def predict(request: HttpRequest) -> JsonResponse:
    """Read the body and answer the same every time."""
    return JsonResponse({"value": float(len(request.body)), "low": 0.0, "high": 0.0})


urlpatterns = [path("predict", predict)]
application = get_wsgi_application()
