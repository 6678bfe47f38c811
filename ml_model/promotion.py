"""What a release must go through to become the live one, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml_model.artifacts import GateResult
from ml_model.data import load_dataset
from ml_model.errors import DataError, GatesFailed, ReleaseError
from ml_model.footprint import Contender, load_contender
from ml_model.gates import gates_digest, run_gates_beside
from ml_model.quality import check_data
from ml_model.releases import TRAINED, check_text, live_before, read_releases, set_live
from ml_model.scoring import load_scorer

DATA = Path(__file__).parent
"""The folder that the data files of specs lie relative to."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A release that went live."""

    version: str
    previous: str
    gates: list[GateResult]

    @property
    def overridden(self) -> list[GateResult]:
        """The gates that failed and were overridden."""
        return [gate for gate in self.gates if not gate.passed]


def promote(version: str, trained: Path = TRAINED, *, reason: str = "", override: str = "", folder: Path = DATA) -> Promotion:
    """Run the gates of a listed release against the live one and make it the live one.

    Raises ReleaseError where it is not listed or is live already, BundleRefused where it is not as it was released, and
    GatesFailed where gates refuse it and ``override`` does not give the reason to promote it all the same.
    """
    releases = read_releases(trained)
    reason, override = check_text("reason", reason), check_text("reason", override)
    candidate = load_contender(version, trained)
    if version == releases.live:
        raise ReleaseError(f"release {version} is live already; there is nothing to do")
    gates = _judged(candidate, releases.live, trained, folder)
    failed = [gate for gate in gates if not gate.passed]
    if failed and not override:
        raise GatesFailed(version, [f"{gate.name}: {gate.detail} (must be: {gate.limit})" for gate in failed])
    set_live(
        "promote",
        version,
        trained,
        previous=releases.live,
        reason="; ".join(filter(None, [reason, override if failed else ""])),
        gates=gates_digest(gates),
        overridden=bool(failed),
    )
    return Promotion(version=version, previous=releases.live, gates=gates)


def judge(version: str, trained: Path = TRAINED, *, folder: Path = DATA) -> list[GateResult]:
    """Run the gates of a listed release by itself, compared with no other one; raises as ``promote`` does, but for failed gates.

    A release that has recorded its gates is judged by those alone: it never had to pass gates that came after it.
    """
    candidate = load_contender(version, trained)
    recorded = {gate.name for gate in candidate.scorer.manifest.gates}
    return [gate for gate in _judged(candidate, "", trained, folder) if not recorded or gate.name in recorded]


def roll_back(trained: Path = TRAINED, *, reason: str = "") -> Promotion:
    """Make the release live again that was live before; no gates are run, for it passed them, but its bundle is verified.

    Raises ReleaseError where the history knows none, and BundleRefused where it is not as it was released.
    """
    releases = read_releases(trained)
    version = live_before(releases)
    load_scorer(version, trained)
    set_live("rollback", version, trained, previous=releases.live, reason=reason)
    return Promotion(version=version, previous=releases.live, gates=[])


def _judged(candidate: Contender, live: str, trained: Path, folder: Path) -> list[GateResult]:
    """Data that the candidate cannot read is a failed gate, not an error: an override gets past it."""
    spec = candidate.scorer.spec
    try:
        dataset = load_dataset(spec, folder)
        findings = check_data(spec, dataset.table, dataset.records, dataset.target, dataset.is_test)
    except DataError as error:
        return [GateResult(name="data", passed=False, value=None, limit="readable by the candidate", detail=str(error))]
    return run_gates_beside(live, trained, candidate, dataset.table, findings)[0]
