"""Whether everything that was accepted can be read: alone, in lists, on pages, in the admin and in the export."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from scripts.fuzz.request import Answer, Request
from scripts.fuzz.server import Server

_LIST = "/admin/predictions/prediction/"
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOST_PAGES = 400
_MOST_CHOSEN = 500


def accepted(request: Request, answer: Answer) -> list[str]:
    """Return the ids of the predictions that an answer says were stored."""
    if answer.status == 303 and request.path == "/":
        return [found[0].decode() for found in [_ID.search(answer.headers.get("location", "").encode())] if found]
    if answer.status not in {200, 201} or request.door not in {"JSON", "bulk", "inference"}:
        return []
    body = json.loads(answer.body)
    if request.door == "inference":
        return next((output["data"] for output in body.get("outputs", []) if output["name"] == "id"), [])
    return [one["id"] for one in body.get("results", [body])]


class Reading:
    """Predictions that were accepted and not yet read."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.pending: list[tuple[str, Request]] = []
        self.read = 0
        self._listed: set[str] = set()

    def add(self, ids: list[str], request: Request) -> None:
        """Remember what a request stored."""
        self.pending += [(one, request) for one in ids]

    def faults(self) -> Iterator[tuple[str, Request]]:
        """Read everything that is pending; yield each fault with the request that stored the prediction."""
        pending, self.pending = self.pending, []
        self.read += len(pending)
        for one, stored_by in pending:
            for fault in self.faults_of(one, stored_by):
                yield fault, stored_by
        # What was reviewed was in the lists before; by now it may be on their last pages, so the search finds it.
        ids = {one: stored_by for one, stored_by in pending if one not in self._listed}
        self._listed |= ids.keys()
        visited = {one: stored_by for one, stored_by in ids.items() if stored_by.login == "visitor"}
        own = {one: stored_by for one, stored_by in ids.items() if one not in visited}
        yield from self._faults_of_list("API list", ids, "/api/v1/predictions/", "page_size=200", "token")
        yield from self._faults_of_list("history", own, "/predictions/", "page=1", "superuser")
        yield from self._faults_of_list("history", visited, "/predictions/", "page=1", "visitor")
        yield from self._faults_of_list("admin list", ids, _LIST, "p=1", "reviewer")
        yield from self._faults_of_export(ids)

    def faults_of(self, one: str, stored_by: Request) -> Iterator[str]:
        """Read one prediction at each address of its own, and yield the faults."""
        owner = "visitor" if stored_by.login == "visitor" else "superuser"
        for name, path, login in (
            ("API detail", f"/api/v1/predictions/{one}/", "token"),
            ("page", f"/predictions/{one}/", owner),
            ("form filled in again", f"/predictions/{one}/again/", owner),
            ("admin detail", f"{_LIST}{one}/change/", "reviewer"),
            ("admin history", f"{_LIST}{one}/history/", "reviewer"),
            ("admin search", f"{_LIST}?q={one}", "reviewer"),
        ):
            answer = self._server.send(Request(door="reading", path=path, login=login))
            if answer.status != 200:
                yield f"{name}: status {answer.status}"

    def _faults_of_list(
        self, name: str, ids: Mapping[str, Request], path: str, query: str, login: str
    ) -> Iterator[tuple[str, Request]]:
        """Read the pages of a list, the newest predictions first, until they have shown all ids."""
        left = dict(ids)
        for number in range(2, _MOST_PAGES):
            if not left or not query:
                break
            answer = self._server.send(Request(door="reading", path=f"{path}?{query}", login=login))
            if answer.status != 200:
                yield f"{name}: status {answer.status}", next(iter(left.values()))
                return
            for found in _ID.findall(answer.body):
                left.pop(found.decode(), None)
            following = (json.loads(answer.body)["next"] or "").partition("?")[2] if login == "token" else ""
            query = following if login == "token" else re.sub(r"\d+$", str(number), query)
        for stored_by in left.values():
            yield f"not in the {name}", stored_by

    def _faults_of_export(self, ids: Mapping[str, Request]) -> Iterator[tuple[str, Request]]:
        chosen, exported = sorted(ids), set[str]()
        for start in range(0, len(chosen), _MOST_CHOSEN):
            some = chosen[start : start + _MOST_CHOSEN]
            pairs = [("action", "export_csv"), *(("_selected_action", one) for one in some)]
            export = Request(door="reading", method="POST", path=_LIST, login="reviewer", content=pairs, encoding="form")
            exported |= {found.decode() for found in _ID.findall(self._server.send(export).body)}
        for one in ids.keys() - exported:
            yield "not in the export", ids[one]
