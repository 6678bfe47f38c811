"""The model card of a release, as Markdown (Mitchell et al. 2019, "Model cards for model reporting")."""

from __future__ import annotations

from ml_model.artifacts import Manifest, Metric
from ml_model.metrics import METRICS
from ml_model.spec import ModelSpec


def render_card(spec: ModelSpec, manifest: Manifest) -> str:
    """Return the card of a release."""
    data = manifest.data
    rows = [f"| {METRICS[name].words} | {metric_in_words(spec, name, metric)} |" for name, metric in manifest.metrics.items()]
    return "\n".join(
        [
            f"# {spec.model.title}, release {manifest.version}",
            "",
            spec.model.summary,
            "",
            "## Intended use",
            "",
            spec.model.intended_use,
            "",
            "## Limits",
            "",
            spec.model.limits,
            "",
            "## Data",
            "",
            f"{data.origin} Licence: {data.licence}",
            "",
            f"`{data.file}`, SHA-256 `{data.sha256}`.",
            f"{data.rows:,} rows: {data.train_rows:,} to learn from, {data.test_rows:,} held out as the fixed test set.",
            "",
            "## Quality on the fixed test set",
            "",
            "With 95 % intervals from resampling the test rows.",
            "",
            "| metric | value |",
            "|---|---|",
            *rows,
            "",
            "## Provenance",
            "",
            "| what | value |",
            "|---|---|",
            f"| trained at | {manifest.trained_at} |",
            f"| commit | {manifest.code.commit}{'' if manifest.code.clean else ', with changes that were not committed'} |",
            f"| seed | {manifest.seed} |",
            f"| Python | {manifest.python} on {manifest.machine} |",
            *(f"| {name} | {number} |" for name, number in manifest.libraries.items()),
            "",
        ]
    )


def metric_in_words(spec: ModelSpec, name: str, metric: Metric) -> str:
    """Return ``value (low to high)`` as a person reads it."""

    def shown(value: float) -> str:
        match METRICS[name].shown:
            case "share":
                return f"{value:.1%}"
            case "unit":
                return f"{spec.target.prefix}{value:,.{spec.target.decimals}f}"
        return f"{value:.4f}"

    return f"{shown(metric.value)} ({shown(metric.low)} to {shown(metric.high)})"
