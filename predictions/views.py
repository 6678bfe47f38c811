"""Pages of the site: the form, the answer to it, and one's own predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID, uuid4

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_safe

from ml_model.errors import RecordsRefused
from predictions import embedded, error_pages, presentation, release_words
from predictions.client_address import address_of
from predictions.forms import RecordForm, texts_of
from predictions.limits import count
from predictions.models import Prediction
from predictions.services import predict_and_store
from predictions.visitors import new_visitor, remember, visitor_of

SUBMISSION = "_submission"
"""Name of the hidden field with the key of one rendered form; no field of a spec begins with an underscore."""
EXAMPLE = "_example"
"""Query parameter that fills in the form with the example; a link with all answers would be longer than servers accept."""
_PER_PAGE = 50
_P = ParamSpec("_P")


def answering(
    view: Callable[Concatenate[HttpRequest, _P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
    """Answer 503 if no model is live, and let no cache keep what a person asked or was answered.

    The form before it is sent may be kept: with ``no-store`` a browser forgets what was typed into it when its user goes back.
    """

    @wraps(view)
    def answered(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except embedded.ModelUnavailable:
            response = error_pages.page(request, 503)
        patch_cache_control(response, private=True)
        if request.method == "POST" or request.path_info.startswith("/predictions/"):
            patch_cache_control(response, no_store=True)
        return response

    return answered


@require_http_methods(["GET", "HEAD", "POST"])
@answering
def ask(request: HttpRequest) -> HttpResponse:
    """The form: empty, prefilled by the query string, or sent."""
    spec = embedded.live().spec
    visitor = visitor_of(request) or new_visitor()
    if request.method != "POST":
        example = texts_of(spec.example()) if EXAMPLE in request.GET else {}
        return _form_page(request, RecordForm(spec, initial={**example, **request.GET.dict()}), visitor)
    if not request.user.is_authenticated and (wait_s := count("form", address_of(request), settings.FORM_RATE)):
        return error_pages.page(request, 429, wait_s)
    form = RecordForm(spec, request.POST)
    try:
        prediction = predict_and_store(
            form.record(),
            source=Prediction.Source.FORM,
            user_id=request.user.pk,
            visitor=visitor,
            submission=f"{visitor}:{_submission(request.POST, form)}",
        )
    except RecordsRefused as refused:
        form.refuse(refused.errors_by_row[0])
        return _form_page(request, form, visitor, status=422)
    return remember(HttpResponseRedirect(reverse("prediction", args=[prediction.id]), status=303), visitor)


@require_safe
@answering
def again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form, filled in with what an earlier prediction was asked."""
    prediction = _visible(request, pk)
    form = RecordForm(embedded.live().spec, initial=texts_of(prediction.inputs))
    return _form_page(request, form, visitor_of(request) or new_visitor())


@require_safe
@answering
def result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One prediction, for whoever made it and for staff who may see all."""
    prediction = _visible(request, pk)
    spec = embedded.spec_of(prediction.model_name, prediction.model_version)
    shown = {
        "prediction": prediction,
        "answer": presentation.answer_of(prediction, spec),
        "groups": presentation.groups_of(prediction, spec),
        "model": spec.model if spec else None,
        "provenance": release_words.provenance_of(prediction.model_name, prediction.model_version),
        "json": presentation.json_text(presentation.facts_of(prediction)),
        "curl": _curl(request, prediction.inputs),
    }
    return render(request, "predictions/result.html", shown)


@require_safe
@answering
def history(request: HttpRequest) -> HttpResponse:
    """One's own predictions, the newest first."""
    own = Prediction.objects.made_by(request.user, visitor_of(request))
    page = Paginator(own, _PER_PAGE).get_page(request.GET.get("page"))
    rows = []
    for prediction in page:
        spec = embedded.spec_of(prediction.model_name, prediction.model_version)
        answer = presentation.answer_of(prediction, spec)
        rows.append((prediction, answer, presentation.sketch_of(prediction, spec)))
    return render(request, "predictions/history.html", {"page": page, "rows": rows})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django gives it
    """A form without its token: the page again with what was typed and a fresh token, where it was the form of this site."""
    if request.path != reverse("form"):
        return error_pages.csrf_refused(request)
    try:
        spec = embedded.live().spec
    except embedded.ModelUnavailable:
        return error_pages.page(request, 503)
    form = RecordForm(spec, initial=request.POST.dict())
    page = _form_page(request, form, visitor_of(request) or new_visitor(), status=403)
    patch_cache_control(page, private=True, no_store=True)
    return page


def _form_page(request: HttpRequest, form: RecordForm, visitor: str, *, status: int = 200) -> HttpResponse:
    """Return the form; it carries the key of the visitor, so that both clicks of a double click do."""
    spec = form.spec
    needed = sum(field.required for field in spec.field)
    shown = {
        "form": form,
        "sections": form.sections(),
        "faults": form.faults(),
        "stale": status == 403,
        "model": spec.model,
        "needed": needed,
        "optional": len(spec.field) - needed,
        "example": f"{reverse('form')}?{EXAMPLE}=1",
        "filled": bool(form.data or set(form.initial) & set(spec.fields)),
        "submission_name": SUBMISSION,
        "submission": form.data.get(SUBMISSION) or uuid4().hex,
        "curl": _curl(request, {**spec.example(), **form.filled()}),
    }
    return remember(render(request, "predictions/form.html", shown, status=status), visitor)


def _submission(posted: QueryDict, form: RecordForm) -> str:
    """Return the key of one submission: a form that was sent, changed after "back" and sent again is another one."""
    texts = [posted.get(SUBMISSION) or uuid4().hex, *(f"{name}={posted.get(name, '')}" for name in form.fields)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:40]


def _visible(request: HttpRequest, pk: UUID) -> Prediction:
    visible = Prediction.objects.visible_to(request.user, visitor_of(request))
    return get_object_or_404(visible, pk=pk)


def _curl(request: HttpRequest, record: object) -> str:
    return presentation.curl_command(request.build_absolute_uri(reverse("api:predictions")), record)
