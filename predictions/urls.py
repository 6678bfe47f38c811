"""Routes of the site."""

from django.urls import path

from predictions import views

urlpatterns = [
    path("", views.ask, name="form"),
    path("predictions/", views.history, name="history"),
    path("predictions/<uuid:pk>/", views.result, name="prediction"),
    path("predictions/<uuid:pk>/again/", views.again, name="again"),
]
