"""The model card of a release, as Markdown (Mitchell et al. 2019, "Model cards for model reporting")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ml_model.artifacts import GateResult, Manifest, Metric, Parity, SliceMetrics
from ml_model.changes import Change, flat
from ml_model.reliability import Group
from ml_model.spec import ModelSpec
from ml_model.words import group_range, metric_in_words, metric_name, observed_in_words

TIMED = ("load", "latency")
"""Gates about seconds, which come out differently each time."""


def render_card(
    spec: ModelSpec,
    manifest: Manifest,
    *,
    groups: Sequence[Group] = (),
    plots: Mapping[str, str] | None = None,
    changes: Sequence[Change] | None = None,
    parity: Parity | None = None,
) -> str:
    """Return the card of a release.

    ``groups`` say how often answers were right, ``plots`` name files beside the card with their words, and ``changes`` are
    those since ``manifest.compared_with``, None where there was no release before. ``parity`` is the certificate of its compiled
    form, None for a release of before there were any.
    """
    evaluated = f"`python -m ml_model evaluate {manifest.version}` recomputes every number of this section from the data."
    parts = [
        f"# {spec.model.title}, release {manifest.version}",
        spec.model.summary,
        "## Intended use",
        spec.model.intended_use,
        "## Limits",
        spec.model.limits,
        "## Data",
        f"{manifest.data.origin} Licence: {manifest.data.licence}",
        *([f"Extraction: {manifest.data.extraction}"] if manifest.data.extraction else []),
        "\n".join(data_lines(manifest)),
        *_accepted(manifest),
        evaluated,
        "## Quality on the fixed test set",
        "With 95 % intervals from resampling the test rows.",
        "\n".join(metric_lines(spec, manifest.metrics)),
        evaluated,
        *_slices(spec, manifest, evaluated),
        *_reliability(spec, groups, plots or {}, evaluated),
        *_gates(manifest, evaluated),
        *_answering(spec, parity),
        *_changes(manifest, changes),
        "## Provenance",
        "\n".join(_provenance(manifest)),
        f"`python -m ml_model show {manifest.version}` prints this record.",
        f"`python -m ml_model reproduce {manifest.version}` trains the release again from it.",
    ]
    return "\n\n".join(parts) + "\n"


def data_lines(manifest: Manifest) -> list[str]:
    """Return which data there is."""
    data = manifest.data
    return [
        f"`{data.file}`, SHA-256 `{data.sha256}`.",
        f"{data.rows:,} rows: {data.train_rows:,} to learn from, {data.test_rows:,} held out as the fixed test set.",
    ]


def metric_lines(spec: ModelSpec, metrics: Mapping[str, Metric]) -> list[str]:
    """Return the table of the metrics."""
    rows = [(metric_name(name), metric_in_words(spec, name, metric)) for name, metric in metrics.items()]
    return _table(("metric", "value"), rows)


def slice_lines(spec: ModelSpec, slices: Mapping[str, SliceMetrics]) -> list[str]:
    """Return the table of the slices: the metric that gates are about, and those in per cent."""
    labels = {one.name: one.label for one in spec.slice}
    shown = slice_columns(spec, slices)
    rows = [
        (
            labels.get(name, name),
            f"{part.rows:,}",
            *(metric_in_words(spec, one, part.metrics[one]) if one in part.metrics else "" for one in shown),
        )
        for name, part in slices.items()
    ]
    return _table(("slice", "test rows", *map(metric_name, shown)), rows)


def slice_columns(spec: ModelSpec, slices: Mapping[str, SliceMetrics]) -> list[str]:
    """Return the metrics that are worth a column beside each other."""
    known = dict.fromkeys(name for part in slices.values() for name in part.metrics)
    wanted = [spec.gates.metric if spec.gates else "", "median_ape", "coverage", "log_loss", "accuracy", "rmse"]
    chosen = [name for name in dict.fromkeys(wanted) if name in known]
    return chosen[:3]


def group_lines(spec: ModelSpec, groups: Sequence[Group]) -> list[str]:
    """Return the table of how often answers were right."""
    of, seen = ("predicted", "true values in their interval") if spec.is_regression else ("probability", "came true")
    rows = [(group_range(spec, one), f"{one.rows:,}", f"{one.promised:.1%}", observed_in_words(one)) for one in groups]
    return _table((of, "test rows", "promised", seen), rows)


def gate_lines(gates: Sequence[GateResult]) -> list[str]:
    """Return the table of the gates; of those about seconds without the seconds."""
    rows = [(one.name, "passed" if one.passed else "failed", one.limit, "" if one.name in TIMED else one.detail) for one in gates]
    return _table(("gate", "result", "must be", "what was seen"), rows)


def _accepted(manifest: Manifest) -> list[str]:
    rows = [(finding.column, finding.code, finding.detail, finding.accepted) for finding in manifest.findings if finding.accepted]
    if not rows:
        return []
    heading = ("column", "finding", "what was seen", "why it is accepted")
    return ["## Accepted findings", "The check of the data found errors that were accepted:", "\n".join(_table(heading, rows))]


def _slices(spec: ModelSpec, manifest: Manifest, evaluated: str) -> list[str]:
    if not manifest.slices:
        return []
    return ["## Quality by slice", "\n".join(slice_lines(spec, manifest.slices)), evaluated]


def _reliability(spec: ModelSpec, groups: Sequence[Group], plots: Mapping[str, str], evaluated: str) -> list[str]:
    images = [f"![{words}]({name})" for name, words in plots.items()]
    if not groups:
        return images
    return ["## How sure it is, and how right", *images, "\n".join(group_lines(spec, groups)), evaluated]


def _gates(manifest: Manifest, evaluated: str) -> list[str]:
    if not manifest.gates:
        return []
    beside = f"Compared with release {manifest.compared_with}." if manifest.compared_with else "There was no release before."
    timed = [one.name for one in manifest.gates if one.name in TIMED]
    seconds = f" Seconds ({', '.join(timed)}) are measured anew by each run, and so not written down here." if timed else ""
    return ["## Gates", beside, "\n".join(gate_lines(manifest.gates)), evaluated + seconds]


def _answering(spec: ModelSpec, parity: Parity | None) -> list[str]:
    if parity is None:
        return []
    if not parity.holds:
        return ["## How it answers", f"By scikit-learn, because there is no compiled form of it: {parity.reason}."]
    apart = "relative error" if spec.is_regression else "difference of a probability"
    flips = "" if spec.is_regression else ", and each row gets the same class"
    proved = [
        f"By a compiled form of what scikit-learn learnt, in double precision, run by onnxruntime {parity.runtime}.",
        f"It was proved on {parity.rows:,} rows of {len(parity.trials)} kinds ({', '.join(parity.trials)}):",
        f"the largest {apart} beside scikit-learn is {parity.worst:.2g}{flips}; allowed is {parity.tolerance:.2g}.",
        "Under another version of onnxruntime scikit-learn answers.",
    ]
    return ["## How it answers", " ".join(proved), "`python -m ml_model verify` proves it again."]


def _changes(manifest: Manifest, changes: Sequence[Change] | None) -> list[str]:
    if changes is None:
        return []
    before = manifest.compared_with
    rows = [(one.kind, one.name, one.before or "–", one.after or "–") for one in changes]
    compared = f"`python -m ml_model compare {before} {manifest.version}` compares their answers."
    return [
        f"## Changes since {before}",
        "\n".join(_table(("what", "name", "before", "now"), rows) if rows else ["None."]),
        compared,
    ]


def _provenance(manifest: Manifest) -> list[str]:
    rows = [
        ("trained at", manifest.trained_at),
        ("model.toml, SHA-256", manifest.spec_sha256),
        ("commit", str(manifest.code)),
        ("seed", str(manifest.seed)),
        ("Python", f"{manifest.python} on {manifest.machine}"),
        *manifest.libraries.items(),
        *flat(manifest.hyperparameters),
    ]
    return _table(("what", "value"), rows)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *rows]
    return ["|" + "|".join(line) + "|" if line[0] == "---" else "| " + " | ".join(map(_cell, line)) + " |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
