"""The JSON door. Predictions need a token; what the model is and what its problems mean is public."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml_model.errors import FieldError, RecordsRefused
from ml_model.scoring import Scorer
from predictions import embedded
from predictions.api.errors import Refusal
from predictions.api.inference import SERVER, answer_of, faults_of, metadata_of, read_columns
from predictions.api.pagination import NewestFirst
from predictions.api.parsers import check_body
from predictions.api.problems import PROBLEMS, listed, problem_address
from predictions.api.serializers import represent, represent_model, represent_stored
from predictions.api.throttling import count_rows
from predictions.models import Prediction
from predictions.services import predict_and_store, predict_and_store_many

MOST_RECORDS = 10_000
"""Records in one bulk request."""
_MODEL = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}", re.ASCII)


class _PrivateView(APIView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and hasattr(self, "post"):
            check_body(request)


class _PublicView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]


class PredictionsView(_PrivateView):
    """Predict one record, or list the predictions that the caller may see."""

    def get(self, request: Request) -> Response:
        """Answer one page of predictions, newest first; ``source``, ``model_version`` and ``model`` narrow them."""
        pages = NewestFirst()
        page = pages.paginate_queryset(_narrowed(Prediction.objects.visible_to(_user(request)), request), request, view=self)
        return pages.get_paginated_response([represent(one, request) for one in page or ()])

    def post(self, request: Request) -> Response:
        """Score and store one record."""
        answer = answer_one(request.data, _user(request).pk, request)
        return Response(answer, status=201, headers={"Location": answer["url"]})


def answer_one(record: object, user_id: int, request: HttpRequest) -> dict[str, Any]:
    """Score and store one record for a user, and return the answer to ``request``; raise Refusal where it breaks the contract."""
    try:
        stored = predict_and_store(record, source=Prediction.Source.API, user_id=user_id)
    except RecordsRefused as refused:
        raise Refusal("invalid", "The record breaks the contract.", listed(refused.errors_by_row[0]), refused.count) from refused
    return represent(stored, request)


class BulkView(_PrivateView):
    """Predict a list of records."""

    def post(self, request: Request) -> Response:
        """Score and store all records or, where one of them is refused, none."""
        records = request.data
        if not isinstance(records, list) or not records:
            fault = FieldError(pointer="", code="list", detail="Send a list of one or more records.")
            raise Refusal("invalid", fault.detail, [fault])
        if len(records) > MOST_RECORDS:
            raise Refusal("too-large", f"The list has {len(records)} records; at most {MOST_RECORDS} are accepted.")
        count_rows(request, len(records))
        try:
            stored = predict_and_store_many(records, user_id=_user(request).pk)
        except RecordsRefused as refused:
            faults = listed(error.at(row) for row, errors in refused.errors_by_row.items() for error in errors)
            detail = f"{len(refused.errors_by_row)} of {len(records)} records break the contract; nothing was stored."
            raise Refusal("invalid", detail, faults, refused.count) from refused
        count = len(records)
        records.clear()  # the request holds on to itself until the collector comes; what was sent need not wait for that
        return Response({"count": count, "results": represent_stored(stored, request)}, status=201)


class PredictionView(_PrivateView):
    """One stored prediction."""

    def get(self, request: Request, prediction_id: UUID) -> Response:
        """Answer a prediction that the caller may see; another's does not exist for them."""
        prediction = Prediction.objects.visible_to(_user(request)).filter(pk=prediction_id).first()
        if prediction is None:
            raise Http404
        return Response(represent(prediction, request))


class InferenceView(_PrivateView):
    """Predict rows by column, in the Open Inference Protocol."""

    def post(self, request: Request, name: str, version: str = "") -> Response:
        """Score and store all rows or, where one of them is refused, none."""
        scorer = _served(name, version)
        if "HTTP_INFERENCE_HEADER_CONTENT_LENGTH" in request.META:
            raise Refusal("unsupported-media-type", "Binary tensors are not supported; send one JSON document with 'data'.")
        body: Any = request.data
        columns, faults = read_columns(scorer.spec, body)
        if faults:
            raise Refusal("invalid", "The inputs or outputs are not those of this model.", listed(faults), len(faults))
        rows = len(next(iter(columns.values())))
        if rows > MOST_RECORDS:
            raise Refusal("too-large", f"The inputs have {rows} rows; at most {MOST_RECORDS} are accepted.")
        count_rows(request, rows)
        try:
            stored = predict_and_store_many(columns, user_id=_user(request).pk)
        except RecordsRefused as refused:
            detail = f"{len(refused.errors_by_row)} of {rows} rows break the contract; nothing was stored."
            raise Refusal("invalid", detail, listed(faults_of(body, refused)), refused.count) from refused
        answer = answer_of(scorer.spec, body, stored)
        body.clear()
        return Response(answer)


class InferenceServerView(_PublicView):
    """What this server is, in the Open Inference Protocol."""

    def get(self, _request: Request) -> Response:
        """Answer its name and its version, which is that of the live release: the two are deployed together."""
        return Response({"name": SERVER, "version": embedded.live().version, "extensions": []})


class InferenceModelView(_PublicView):
    """What the live model takes and gives, in the Open Inference Protocol."""

    def get(self, _request: Request, name: str, version: str = "") -> Response:
        """Answer the tensors of the live release."""
        scorer = _served(name, version)
        return Response(metadata_of(scorer.spec, scorer.version))


class InferenceReadyView(_PublicView):
    """Whether the live model may be asked, in the Open Inference Protocol."""

    def get(self, _request: Request, name: str, version: str = "") -> Response:
        """Answer 200 where it may."""
        scorer = _served(name, version)
        return Response({"name": scorer.spec.model.name, "ready": True})


class ModelView(_PublicView):
    """What the live model is."""

    def get(self, request: Request) -> Response:
        """Answer name, purpose, limits, metrics and provenance of the live release."""
        return Response(represent_model(embedded.live(), request))


class SchemaRenderer(JSONRenderer):
    """JSON under the name that says it is a JSON Schema."""

    media_type = "application/schema+json"
    format = "schema"


class SchemaView(_PublicView):
    """The contract of a record."""

    renderer_classes = [SchemaRenderer, JSONRenderer]

    def get(self, _request: Request) -> Response:
        """Answer the JSON Schema of a record of the live release."""
        return Response(embedded.live().validator.json_schema())


class ProblemView(_PublicView):
    """What a type of problem means."""

    def get(self, _request: Request, code: str) -> Response:
        """Answer status, title and advice of a type of problem."""
        problem = PROBLEMS.get(code)
        if problem is None:
            raise Http404
        return Response(
            {"type": problem_address(code), "status": problem.status, "title": problem.title, "advice": problem.advice}
        )


class UnknownView(_PublicView):
    """Every other address of the API; without it Django would redirect a POST that lacks the last slash to a GET."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer that there is nothing, whatever the method."""
        super().initial(request, *args, **kwargs)
        raise Http404


def _served(name: str, version: str) -> Scorer:
    scorer = embedded.live()
    if name != scorer.spec.model.name or version not in {"", scorer.version}:
        raise Http404
    return scorer


def _user(request: Request) -> User:
    """The owner of the token; the permission classes have seen to it that there is one."""
    return request.user  # type: ignore[return-value]


def _narrowed(predictions: QuerySet[Prediction], request: Request) -> QuerySet[Prediction]:
    source, model, version = map(request.query_params.get, ("source", "model", "model_version"))
    faults = []
    if source is not None and source not in Prediction.Source.values:
        allowed = ", ".join(Prediction.Source.values)
        faults.append(FieldError(pointer="/source", code="choice", detail=f"The query parameter source is one of {allowed}."))
    if version is not None and not _VERSION.fullmatch(version):
        detail = "The query parameter model_version is a version such as 1.0.0."
        faults.append(FieldError(pointer="/model_version", code="text", detail=detail))
    if model is not None and (version is None or not _MODEL.fullmatch(model)):
        detail = "The query parameter model is the name of a model; send model_version with it."
        faults.append(FieldError(pointer="/model", code="text", detail=detail))
    if faults:
        raise Refusal("invalid", "The query has parameters that cannot be used.", faults)
    predictions = predictions.by_source(source) if source else predictions  # type: ignore[attr-defined]  # that of the model
    predictions = predictions.filter(model_version=version) if version else predictions
    return predictions.filter(model_name=model) if model else predictions
