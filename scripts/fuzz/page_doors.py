"""Requests to the pages: the form by every encoding, addresses of the site, and the admin."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

from scripts.fuzz.records import Records
from scripts.fuzz.request import Request
from scripts.fuzz.values import any_text

_PARAMETERS = (
    *(
        "q",
        "p",
        "o",
        "all",
        "e",
        "_popup",
        "_to_field",
        "_changelist_filters",
        "_facets",
        "_selected_action",
        "action",
        "page",
        "next",
    ),
    *("review", "source", "version", "warnings", "outcome", "created_at__year", "created_at__month", "created_at__day", "user"),
    *("created_at__gte", "created_at__lt", "id", "id__exact", "id__in", "id__isnull", "pk", "user__id__exact", "is_staff__exact"),
    *(
        "groups__id__exact",
        "user__password__startswith",
        "inputs__x",
        "model_name",
        "term",
        "app_label",
        "model_name",
        "field_name",
    ),
)
_VALUES = (
    *(
        "1",
        "0",
        "2",
        "999999999",
        "-1",
        "last",
        "2024",
        "2199",
        "1900",
        "13",
        "02",
        "31",
        "approved",
        "corrected",
        "form",
        "bulk",
        "yes",
    ),
    *("no", "open", "1.0.0", "approve", "reject", "export_csv", "delete_selected", "id", "user", "predictions", "1.2.-3", "-9"),
)
_MOST_ROWS = 10_000
_NOTES = ("review", "note", "corrected_value", "corrected_label", "outcome_value", "outcome_label", "seen")
_STATES = ("open", "approved", "corrected", "rejected")
_AMOUNTS = (
    "",
    "0",
    "-0.0",
    "5e-324",
    "1e-9",
    "1e308",
    "-1e308",
    "1e999",
    "nan",
    "inf",
    "150000",
    "1,5",
    "0.1234567891234",
    "1e22",
)


class PageDoors:
    """Draws requests of browsers."""

    def __init__(self, records: Records, models: list[str], ids: list[str]) -> None:
        self._records, self._models, self._ids = records, models, ids
        """``models`` are the addresses of the admin's lists; ``ids`` are those of stored predictions, and grow."""

    def form(self, rng: random.Random) -> Request:
        """Return a filled-in form, right or wrong, or a link that fills it in."""
        record = self._records.valid(rng)
        typed = {name: _typed(value) for name, value in record.items()}
        for _ in range(rng.choice((0, 0, 1, 3))):
            typed[rng.choice(self._records.names)] = any_text(rng)
        pairs: list[tuple[str, Any]] = list(typed.items())
        if rng.random() < 0.15:
            pairs.append((rng.choice(("_submission", "csrfmiddlewaretoken", any_text(rng))), any_text(rng)))
        if rng.random() < 0.01:
            pairs = [(f"k{number}", "1") for number in range(rng.choice((1_001, 50_000)))]
        login = rng.choice(("visitor", "visitor", "superuser"))
        if rng.random() < 0.15:
            query = tuple((name, text[:1_000]) for name, text in pairs[:12])
            return Request(door="form", path="/", query=query, login=login)
        encoding = rng.choice(("form", "form", "multipart"))
        if encoding == "multipart" and rng.random() < 0.3:
            pairs.append((rng.choice(("f", self._records.names[0])), rng.choice((b"", b"\0\xff", b"x" * 3_000_000))))
        has_csrf = rng.random() < 0.85
        headers = (("Content-Type", rng.choice(("multipart/form-data", "text/plain", "x"))),) if rng.random() < 0.03 else ()
        return Request(
            door="form", method="POST", login=login, has_csrf=has_csrf, content=pairs, encoding=encoding, headers=headers
        )

    def site(self, rng: random.Random) -> Request:
        """Return a request for an address of the site."""
        text = quote(any_text(rng)[:2_000].encode("utf-8", "surrogatepass"), safe="")
        one = rng.choice(self._ids) if self._ids else text
        path = rng.choice(
            (
                *("/", "/model/", "/predictions/", f"/predictions/{one}/", f"/predictions/{one}/again/", f"/predictions/{text}/"),
                *(
                    f"/{text}",
                    f"/static/{text}",
                    "//",
                    "/predictions",
                    "/admin",
                    "/%2e%2e/etc/passwd",
                    "/favicon.ico",
                    "/robots.txt",
                ),
            )
        )
        names = ("page", "next", "format", *self._records.names, any_text(rng)[:100])
        query = tuple((rng.choice(names), rng.choice((any_text(rng)[:2_000], *_VALUES))) for _ in range(rng.randrange(4)))
        method = rng.choice(("POST", "PUT", "DELETE", "HEAD", "OPTIONS")) if rng.random() < 0.15 else "GET"
        return Request(door="site", method=method, path=path, query=query, login=rng.choice(("visitor", "superuser", "")))

    def admin(self, rng: random.Random) -> Request:
        """Return a request for an address of the admin: a page with odd parameters, an action, or a form."""
        login = rng.choice(("reviewer", "superuser"))
        query = self._parameters(rng)
        match rng.randrange(6):
            case 0:
                return self._action(rng, login, query)
            case 1:
                return self._sent_form(rng, login, query)
        model = rng.choice((self._models[0], "/admin/predictions/prediction/", *self._models))
        text = self._object(rng)
        path = rng.choice(
            (
                *(model, model, model, f"{model}{text}/", f"{model}{text}/change/", f"{model}{text}/history/", f"{model}add/"),
                *(f"{model}{text}/delete/", "/admin/", "/admin/login/", "/admin/password_change/", "/admin/jsi18n/"),
                *("/admin/autocomplete/", f"/admin/r/{text}/{text}/", f"/admin/{text}/", f"/admin/auth/user/{text}/password/"),
            )
        )
        method = rng.choice(("HEAD", "PUT", "OPTIONS")) if rng.random() < 0.05 else "GET"
        return Request(door="admin", method=method, path=path, query=query, login=login)

    def _parameters(self, rng: random.Random) -> tuple[tuple[str, str], ...]:
        names = (*_PARAMETERS, any_text(rng)[:100])
        return tuple(
            (rng.choice(names), rng.choice((any_text(rng)[:2_000], rng.choice(_VALUES)))) for _ in range(rng.randrange(4))
        )

    def _object(self, rng: random.Random) -> str:
        """Return the id of an object as it stands in an address, or any text."""
        found = rng.choice(self._ids) if self._ids and rng.random() < 0.5 else rng.choice(("1", "2", "3", any_text(rng)[:2_000]))
        return quote(found.encode("utf-8", "surrogatepass"), safe="")

    def _action(self, rng: random.Random, login: str, query: tuple[tuple[str, str], ...]) -> Request:
        # Deletion is only tried with ids that are none: what was accepted must stay to be read.
        name = rng.choice(("approve", "reject", "export_csv", "delete_selected", any_text(rng)))
        ids = [
            any_text(rng) if name == "delete_selected" or rng.random() < 0.5 else rng.choice(self._ids or ["x"]) for _ in "abc"
        ]
        pairs = [("action", name), ("index", rng.choice(("0", any_text(rng)))), *(("_selected_action", one) for one in ids)]
        if name != "delete_selected" and rng.random() < 0.3:
            pairs.append(("select_across", rng.choice(("1", any_text(rng)))))
        rng.shuffle(pairs)
        pairs = pairs[: rng.randrange(1, len(pairs) + 1)]
        path = rng.choice(("/admin/predictions/prediction/", *self._models))
        # An export of everything may take as long as a bulk request of the most rows.
        rows = _MOST_ROWS if any(pair[0] == "select_across" for pair in pairs) else 1
        return Request(
            door="admin", method="POST", path=path, query=query, login=login, content=pairs, encoding="form", rows=rows
        )

    def review(self, rng: random.Random) -> Request:
        """Return a review of a stored prediction."""
        login, query = rng.choice(("reviewer", "superuser")), self._parameters(rng) if rng.random() < 0.3 else ()
        given = {
            "review": rng.choice((*_STATES, any_text(rng))),
            "note": rng.choice(("", "fine", any_text(rng))),
            "corrected_value": rng.choice((*_AMOUNTS, any_text(rng))),
            "outcome_value": rng.choice((*_AMOUNTS, any_text(rng))),
            "seen": rng.choice(("", "", any_text(rng))),
        }
        if given["review"] != "corrected" and rng.random() < 0.7:
            given["corrected_value"] = ""
        pairs = [*given.items(), (rng.choice(("_save", "_continue", "_addanother", "_saveasnew", "_popup")), "1")]
        pairs += [(rng.choice(_NOTES), any_text(rng))] if rng.random() < 0.2 else []
        path = f"/admin/predictions/prediction/{self._object(rng)}/change/"
        encoding = rng.choice(("form", "multipart"))
        return Request(door="admin", method="POST", path=path, query=query, login=login, content=pairs, encoding=encoding)

    def _sent_form(self, rng: random.Random, login: str, query: tuple[tuple[str, str], ...]) -> Request:
        model = rng.choice(self._models)
        path = rng.choice(
            (f"{model}add/", f"{model}{quote(any_text(rng)[:200].encode('utf-8', 'surrogatepass'), safe='')}/change/")
        )
        names = (
            "username",
            "password1",
            "password2",
            "user",
            "expiry_0",
            "expiry_1",
            "name",
            "permissions",
            "_popup",
            "_to_field",
        )
        pairs = [(name, any_text(rng)) for name in names if rng.random() < 0.6]
        return Request(door="admin", method="POST", path=path, query=query, login=login, content=pairs, encoding="form")


def _typed(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)
