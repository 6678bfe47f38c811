"""JSON, quickly: what a view answers, and nothing that has to be asked how it wants to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_encoder = JSONEncoder()


class QuickJSONRenderer(JSONRenderer):
    """``application/json`` by orjson; what orjson does not know is written as REST framework writes it."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the body."""
        if data is None:
            return b""
        indented = self.get_indent(accepted_media_type or "", dict(renderer_context or {})) is not None
        options = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indented else 0)
        try:
            return orjson.dumps(data, default=_encoder.default, option=options)
        except TypeError:
            # PostgreSQL gives back 1e30 inside of JSON as a whole number of 31 digits, which orjson does not write.
            body: bytes = super().render(data, accepted_media_type, renderer_context)
            return body
