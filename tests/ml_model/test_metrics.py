from ml_model.metrics import METRICS


def test_every_metric_that_a_release_records_has_its_words(scorers):
    for scorer in scorers.values():
        for name in scorer.manifest.metrics:
            assert METRICS[name].numbers is scorer.spec.is_regression


def test_words_tell_metrics_apart():
    assert len({kind.words for kind in METRICS.values()}) == len(METRICS)


def test_a_loss_can_be_taken_row_by_row():
    assert {name for name, kind in METRICS.items() if kind.is_loss} == {"rmsle", "rmse", "mae", "log_loss", "brier"}
