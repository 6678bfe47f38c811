"""Guesses of passwords and tokens."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from scripts.faults.report import Result, result
from scripts.faults.server import PASSWORD, Server, example, serving

LOGIN = "/admin/login/"


def guessing(folder: Path, guesses: int = 40) -> Result:
    """Guess the password of the superuser and tokens, from one address through all workers."""
    with serving(folder / "guessed") as server:
        with ThreadPoolExecutor(4) as pool:
            passwords = Counter(pool.map(lambda number: _log_in(server, f"guess-{number}"), range(guesses)))
        right = _log_in(server, PASSWORD)
        with ThreadPoolExecutor(4) as pool:
            tokens = Counter(pool.map(lambda number: server.post({}, token=f"{number:064x}").status, range(2 * guesses)))
        with_token = server.post(example()).status
        probe = server.ready()
    return result(
        f"{guesses} guesses of a password, {2 * guesses} of a token",
        f"passwords: {passwords[200]} checked, {passwords[429]} refused, then the right one {right}; "
        f"tokens: {tokens[401]} checked, {tokens[429]} refused, then a right one {with_token}; ready {probe}",
        passwords_are_limited=passwords[200] < 20 and right == 429 and set(passwords) == {200, 429},
        tokens_are_limited=tokens[401] < 45 and set(tokens) == {401, 429},
        right_token_passes=with_token == 201,
        probe_is_honest=probe == 200,
    )


def _log_in(server: Server, password: str) -> int:
    """Send the form of the log-in as a browser does, and return the status."""
    page = server.get(LOGIN)
    found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    cookie = re.search(r"csrftoken=\w+", page.headers.get("set-cookie", ""))
    if not found or not cookie:
        return page.status
    form = urlencode({"csrfmiddlewaretoken": found[1].decode(), "username": "root", "password": password})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie[0]}
    return server.ask("POST", LOGIN, form.encode(), headers).status
