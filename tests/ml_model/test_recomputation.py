import json
import re
import shutil

import pytest

from ml_model.errors import DataError
from ml_model.recomputation import evaluate

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
RECOMPUTED = ("Data", "Quality on the fixed test set", "Quality by slice", "Gates", "How sure it is, and how right")


def tables(text: str) -> dict[str, list[str]]:
    """The rows of each table of a card, and the sentences about the rows, by heading."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    chosen = re.compile(r"\||[\d,]+ rows:|`[^`]+`, SHA-256")
    return {
        title: [line for line in body.splitlines() if chosen.match(line)]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def unfounded(card: str, printed: str) -> list[tuple[str, str]]:
    """The rows of a card with a number that its command does not print in the same row."""
    told = {title: set(lines) for title, lines in tables(printed).items()}
    return [
        (title, line)
        for title, lines in tables(card).items()
        if title in RECOMPUTED
        for line in lines
        if NUMBER.search(line) and line not in told.get(title, ())
    ]


@pytest.fixture
def folder_of(data_folder, write_house):
    return lambda name: write_house().parent if name == "house" else data_folder


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete", "house"])
def test_every_number_of_a_card_comes_out_again(name, released, folder_of):
    found = evaluate("1.0.0", trained=released[name], folder=folder_of(name))
    assert found.differences == []
    card = (released[name] / "1.0.0" / "card.md").read_text("utf-8")
    assert unfounded(card, "\n".join(found.lines)) == []
    shown = [title for title in RECOMPUTED if title in tables(card)]
    assert {"Data", "Quality on the fixed test set", "Gates", "How sure it is, and how right"} <= set(shown) or name == "house"
    for title in shown:
        section = card.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert "`python -m ml_model evaluate 1.0.0`" in section


def test_a_card_that_says_something_else_is_found_out(released, folder_of):
    found = evaluate("1.0.0", trained=released["concrete"], folder=folder_of("concrete"))
    card = (released["concrete"] / "1.0.0" / "card.md").read_text("utf-8")
    for title in RECOMPUTED:
        line = next(line for line in tables(card)[title] if NUMBER.search(line))
        number = NUMBER.findall(line)[-1]
        forged = f"9{number}".join(line.rsplit(number, 1))
        assert unfounded(card.replace(line, forged), "\n".join(found.lines)) == [(title, forged)]


@pytest.mark.parametrize("way", [("metrics", "rmsle", "value"), ("metrics", "coverage", "low"), ("data", "test_rows")])
def test_a_manifest_that_says_something_else_is_found_out(way, trained, relist, folder_of):
    manifest = json.loads((trained / "1.0.0" / "manifest.json").read_bytes())
    part = manifest
    for step in way[:-1]:
        part = part[step]
    part[way[-1]] = part[way[-1]] + 1 if way[0] == "data" else part[way[-1]] * (1 + 1e-7)
    relist(trained, {"manifest.json": json.dumps(manifest).encode()})
    (difference,) = evaluate("1.0.0", trained=trained, folder=folder_of("house")).differences
    assert difference.startswith(f"{'.'.join(way)}: the manifest says ")


def test_other_data_is_refused(released, data_folder, tmp_path):
    for name in ("concrete.csv", "provenance.toml"):
        shutil.copy(data_folder / name, tmp_path)
    with (tmp_path / "concrete.csv").open("a") as file:
        file.write("1,2,3,4,5,6,7,8,9\n")
    with pytest.raises(DataError, match="digest"):
        evaluate("1.0.0", trained=released["concrete"], folder=tmp_path)
