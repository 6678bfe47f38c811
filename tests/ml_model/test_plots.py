import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from ml_model.plots import Axis, axis_over, histogram, intervals, scatter

SVG = "{http://www.w3.org/2000/svg}"
X = np.array([1.0, 2.0, 400.0])
PLOTS = {
    "scatter": scatter(X, X * 2, axis_over("x", X), axis_over("y", X * 2), words="w", line="equal"),
    "scatter of logarithms": scatter(X, X, axis_over("x", X, log=True), axis_over("y", X, np.zeros(1)), words="w", line="zero"),
    "histogram": histogram(X, "x", words="w"),
    "histogram of one value": histogram(np.zeros(5), "x", words="w"),
    "intervals": intervals([("a", 0.9, 0.8, 0.7, 1.0), ("b", 0.9, 1.0, 0.9, 1.0)], "x", "y", words="w"),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_well_formed_and_stays_in_its_frame(name):
    plot = ET.fromstring(PLOTS[name])
    assert (plot.tag, plot.get("role"), plot.get("aria-label")) == (f"{SVG}svg", "img", "w")
    _, _, width, height = map(float, plot.get("viewBox").split())
    for one in plot.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(one.get(key, 0)) <= width
        for key in ("y", "y1", "y2", "cy"):
            assert 0 <= float(one.get(key, 0)) <= height


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_keeps_to_the_content_security_policy_and_to_the_theme(name):
    assert not re.search(r"style=|<style|<script|href|url\(|\son\w+=", PLOTS[name])
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', PLOTS[name])) == {"currentColor"}


def test_points_stand_where_their_values_are():
    across, up = Axis(label="x", low=0, high=10), Axis(label="y", low=0, high=10)
    circles = ET.fromstring(scatter(np.array([0.0, 10.0]), np.array([0.0, 10.0]), across, up, words="")).findall(f"{SVG}circle")
    (left, bottom), (right, top) = ((float(one.get("cx")), float(one.get("cy"))) for one in circles)
    assert left < right
    assert bottom > top


def test_the_bars_of_a_histogram_are_as_high_as_their_counts():
    bars = ET.fromstring(histogram(np.array([0.0] * 10 + [1.0] * 5), "x", words="", bins=2)).findall(f"{SVG}rect")
    first, second = (float(bar.get("height")) for bar in bars)
    assert first == pytest.approx(2 * second, abs=0.02)


def test_ticks_are_round_numbers_between_the_ends():
    assert Axis(label="", low=-0.43, high=0.31).ticks() == pytest.approx([-0.4, -0.2, 0.0, 0.2])
    assert Axis(label="", low=50_000, high=420_000, log=True).ticks() == [50_000, 100_000, 200_000]
    assert Axis(label="", low=3.1, high=3.2, log=True).ticks() == [3.1, 3.2]


def test_a_thousand_points_more_are_thinned_out():
    many = np.arange(9000.0)
    assert 1500 < scatter(many, many, axis_over("x", many), axis_over("y", many), words="").count("<circle") <= 2000


def test_an_axis_over_values_that_are_all_the_same_has_a_width():
    axis = axis_over("x", np.full(3, 7.0))
    assert axis.low < 7 < axis.high
    assert axis_over("x", np.array([0.0, 5.0]), log=True).log is False


def test_words_are_escaped():
    plot = histogram(X, "<script>", words='"><script>')
    assert "<script" not in plot
    assert ET.fromstring(plot).get("aria-label") == '"><script>'
