"""What a release costs beside the live one: size of its files, time to load it, time of one answer."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_model.acceptance import GatesTable
from ml_model.artifacts import COMPILED, ESTIMATORS, SPEC, GateResult
from ml_model.compiled import RUNTIME, compiled_answers
from ml_model.scoring import Scorer, load_scorer
from ml_model.spec import parse_spec

_ROUNDS = 15


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A release with the bytes of the files that it answers by."""

    scorer: Scorer
    files: Mapping[str, bytes]
    """Content by name; of a release on disk all of its bundle, of a candidate all that is known before the gates."""


def load_contender(version: str, trained: Path) -> Contender:
    """Return a listed release, verified; raise ReleaseError or BundleRefused."""
    scorer = load_scorer(version, trained)
    return Contender(scorer=scorer, files={path.name: path.read_bytes() for path in sorted((trained / version).iterdir())})


def footprint_gates(gates: GatesTable, candidate: Contender, live: Contender) -> list[GateResult]:
    """Return the gates ``size``, ``load`` and ``latency``: ratios to the live release, measured in this process by turns."""
    shared = candidate.files.keys() & live.files.keys()
    sizes = [sum(len(one.files[name]) for name in shared) for one in (candidate, live)]
    ratios = {
        "size": (sizes[0] / sizes[1], gates.size_ratio, f"{sizes[0]:,} bytes, and {sizes[1]:,} of the live release"),
        "load": _timed(gates.load_ratio, *(_loading(one) for one in (candidate, live))),
        "latency": _timed(gates.latency_ratio, *(_answering(one) for one in (candidate, live))),
    }
    return [
        GateResult(
            name=name, passed=ratio <= limit, value=ratio, limit=f"at most {limit:g} times the live release", detail=detail
        )
        for name, (ratio, limit, detail) in ratios.items()
    ]


def _timed(limit: float, candidate: Callable[[], object], live: Callable[[], object]) -> tuple[float, float, str]:
    taken: dict[Callable[[], object], list[float]] = {candidate: [], live: []}
    # By turns, so that a busy moment of the machine meets both; the median of the rounds ignores it.
    for _ in range(_ROUNDS):
        for run, times in taken.items():
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
    new, old = (statistics.median(times) for times in taken.values())
    return new / old, limit, f"{new * 1000:.2f} ms, and {old * 1000:.2f} ms of the live release"


def _loading(one: Contender) -> Callable[[], object]:
    import joblib

    # Both were verified or made here before: nothing foreign is opened.
    def opened() -> object:
        if one.scorer.runtime == RUNTIME:
            return compiled_answers(one.files[COMPILED])
        return joblib.load(io.BytesIO(one.files[ESTIMATORS]))

    return lambda: (parse_spec(one.files[SPEC].decode(), released=True), opened())


def _answering(one: Contender) -> Callable[[], object]:
    record = one.scorer.spec.example()
    return lambda: one.scorer.score([record])
