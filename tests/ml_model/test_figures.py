import xml.etree.ElementTree as ET

import pytest

from ml_model.benchmark import read_benchmark
from ml_model.csv_files import read_table
from ml_model.figures import CALIBRATION, RESIDUALS, card_files, figures_of

EXAMPLES = ("penguins", "credit", "concrete")


@pytest.fixture
def measured(scorers, data_folder):
    def measured(name):
        scorer = scorers[name]
        bench = read_benchmark(scorer.spec, read_table(data_folder / scorer.spec.data.file))
        return scorer, *bench.take(list(bench.records))

    return measured


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_figures_count_every_test_row(name, measured):
    scorer, records, target = measured(name)
    figures = figures_of(scorer.spec, scorer.score(records), target)
    assert sum(one.rows for one in figures.groups) == len(records)
    plots = {name: ET.fromstring(plot) for name, plot in figures.plots.items()}
    assert set(plots) == {RESIDUALS, CALIBRATION}
    points = len(plots[RESIDUALS].findall("{*}circle"))
    assert points == (len(records) if scorer.spec.is_regression else 0)
    assert len(plots[CALIBRATION].findall("{*}circle")) == len(figures.groups)


def test_the_coverage_of_all_groups_is_the_metric(measured):
    scorer, records, target = measured("concrete")
    groups = figures_of(scorer.spec, scorer.score(records), target).groups
    covered = sum(one.rows * one.observed for one in groups) / len(records)
    assert covered == pytest.approx(scorer.manifest.metrics["coverage"].value, rel=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_bundle_holds_its_card_and_its_plots(name, measured, released):
    scorer, records, target = measured(name)
    for file, content in card_files(scorer, scorer.manifest, records, target, live=None).items():
        assert (released[name] / "1.0.0" / file).read_bytes() == content
        assert file in scorer.manifest.files


def test_a_card_tells_what_changed_since_the_release_before(measured):
    scorer, records, target = measured("concrete")
    manifest = scorer.manifest.model_copy(update={"version": "1.1.0", "compared_with": "1.0.0"})
    card = card_files(scorer, manifest, records, target, live=scorer)["card.md"].decode()
    assert "## Changes since 1.0.0\n\nNone.\n\n`python -m ml_model compare 1.0.0 1.1.0`" in card
