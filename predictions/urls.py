"""Routes of the site."""

from django.urls import path

from predictions import model_page, views

urlpatterns = [
    path("", views.ask, name="form"),
    path("model/", model_page.model, name="model"),
    path("predictions/", views.history, name="history"),
    path("predictions/<uuid:pk>/", views.result, name="prediction"),
    path("predictions/<uuid:pk>/again/", views.again, name="again"),
]
