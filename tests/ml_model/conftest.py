"""A small spec with a field of every kind, its data, and one trained bundle of each example spec."""

import copy
import datetime as dt
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from ml_model.artifacts import MANIFEST
from ml_model.records import RecordValidator, write_cell
from ml_model.releases import FILE, add_release
from ml_model.scoring import Scorer, load_scorer
from ml_model.spec import ModelSpec, load_spec, parse_spec
from ml_model.training import train

Tree = dict[str, Any]
DATA = Path(__file__).parents[1] / "data"
EXAMPLES = ("penguins", "credit", "concrete")
HOUSE_ROWS = 240

settings.register_profile("ml_model", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ml_model")

_HOUSE: Tree = {
    "model": {
        "name": "small-houses",
        "title": "Small houses",
        "noun": "house",
        "action": "Estimate the price",
        "task": "regression",
        "summary": "Estimates the price of a small house.",
        "intended_use": "For tests.",
        "limits": "The houses are invented.",
    },
    "target": {
        "column": "Price",
        "label": "Price",
        "unit": "euros",
        "prefix": "",
        "decimals": 0,
        "transform": "log",
        "classes": [],
    },
    "data": {"file": "houses.csv", "identity": ["Id"], "test_share": 0.25, "split_salt": ""},
    "section": [{"name": "main", "title": "The house", "help": ""}],
    "field": [
        {
            "name": "area",
            "column": "Area",
            "kind": "number",
            "section": "main",
            "label": "Area",
            "help": "Measured inside.",
            "unit": "sq ft",
            "required": False,
            "blank": "It was not measured.",
            "range": [0, 10000],
            "trained": [500, 3000],
            "example": 1500.5,
        },
        {
            "name": "rooms",
            "column": "Rooms",
            "kind": "integer",
            "section": "main",
            "label": "Rooms",
            "range": [0, 20],
            "trained": [1, 9],
            "example": 4,
        },
        {
            "name": "garden",
            "column": "Garden",
            "kind": "boolean",
            "section": "main",
            "label": "Garden",
            "required": False,
            "example": True,
        },
        {
            "name": "heating",
            "column": "Heating",
            "kind": "category",
            "section": "main",
            "label": "Heating",
            "choices": [["gas", "Gas"], ["oil", "Oil"], ["wood", "Wood"]],
            "example": "gas",
        },
        {
            "name": "cellar",
            "column": "Cellar",
            "kind": "category",
            "section": "main",
            "label": "Cellar",
            "required": False,
            "empty_cell": "none",
            "choices": [["none", "No cellar"], ["part", "Under a part"], ["full", "Under the whole"]],
            "example": "full",
        },
        {
            "name": "grade",
            "column": "Grade",
            "kind": "ordered",
            "section": "main",
            "label": "Grade",
            "required": False,
            "choices": [[1, "Poor"], [2, "Fair"], [3, "Good"]],
            "example": 2,
        },
        {
            "name": "sold",
            "column": "Sold",
            "kind": "date",
            "section": "main",
            "label": "Day of the sale",
            "required": False,
            "earliest": "1990-01-01",
            "latest": "2030-12-31",
            "example": "2010-06-15",
        },
        {
            "name": "lot",
            "column": "Lot",
            "kind": "number",
            "section": "main",
            "label": "Lot",
            "range": [0, 1000000],
            "trained": [1000, 9000],
            "example": 5000,
            "feature": False,
        },
    ],
    "derived": [
        {"name": "log_lot", "label": "Logarithm of the lot", "unit": "", "expression": "log(lot)"},
        {"name": "area_unknown", "label": "Area not known", "expression": "unknown(area)"},
    ],
    "estimator": {"seed": 7, "linear": {"alpha": 1.0}, "boosting": {"trees": 20}, "forest": {"trees": 20}},
    "interval": {"level": 0.9, "folds": 5, "adaptive": True},
}


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str() | bool():
            return json.dumps(value)
    return repr(value)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the example specs and their data."""
    return DATA


@pytest.fixture(scope="session")
def to_toml() -> Callable[[Tree], str]:
    """Writes a tree as the text of a ``model.toml``."""
    return lambda tree: "".join(f"{key} = {_toml(value)}\n" for key, value in tree.items())


@pytest.fixture
def tree() -> Tree:
    """The spec of the small houses as a tree that a test may change."""
    return copy.deepcopy(_HOUSE)


@pytest.fixture(scope="session")
def parse(to_toml: Callable[[Tree], str]) -> Callable[[Tree], ModelSpec]:
    """Parses a tree as ``model.toml``."""
    return lambda tree: parse_spec(to_toml(tree))


@pytest.fixture(scope="session")
def house(parse: Callable[[Tree], ModelSpec]) -> ModelSpec:
    """The spec of the small houses."""
    return parse(_HOUSE)


@pytest.fixture(scope="session")
def validator(house: ModelSpec) -> RecordValidator:
    """The validator of the small houses."""
    return RecordValidator(house)


@pytest.fixture
def record(house: ModelSpec) -> dict[str, Any]:
    """A valid record of a small house that a test may change."""
    return house.example()


@pytest.fixture(scope="session")
def house_csv(house: ModelSpec) -> str:
    """A data file of small houses, of which some span the trained ranges."""
    rng = np.random.default_rng(11)
    lines = [",".join(["Id", *(field.column for field in house.field), "Price"])]
    for number in range(HOUSE_ROWS):
        edge = number if number < 2 else None
        area = (500.0, 3000.0)[edge] if edge is not None else round(float(rng.uniform(500, 3000)), 1)
        rooms = (1, 9)[edge] if edge is not None else int(rng.integers(1, 10))
        lot = (1000, 9000)[edge] if edge is not None else int(rng.integers(1000, 9001))
        if 6 <= number < 18:  # some of them are training rows, however the rows are split
            area, rooms, lot = ((500.0, 1, 1000), (3000.0, 9, 9000))[number % 2]
        record = {
            "area": None if number % 20 == 5 else area,
            "rooms": rooms,
            "garden": bool(rng.integers(2)),
            "heating": ("gas", "oil")[rng.integers(2)],
            "cellar": (None, "none", "part", "full")[rng.integers(4)],
            "grade": (1, 2, 3)[rng.integers(3)],
            "sold": str(dt.date(2000, 1, 1) + dt.timedelta(days=int(rng.integers(5000)))),
            "lot": lot,
        }
        price = (100 * area + 5000 * rooms + 3 * lot) * float(np.exp(rng.normal(0, 0.02 + 0.02 * rooms)))
        cells = [write_cell(field, record[field.name]) for field in house.field]
        lines.append(",".join([f"h{number}", *cells, f"{price:.0f}"]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def write_house(tmp_path: Path, to_toml: Callable[[Tree], str], house_csv: str) -> Callable[..., Path]:
    """Writes spec, data and provenance to a folder and returns the path of the spec; each part can be replaced."""

    def write(tree: Tree = _HOUSE, content: str | bytes = house_csv, **told: object) -> Path:
        folder = tmp_path / "house"
        folder.mkdir(exist_ok=True)
        encoded = content.encode() if isinstance(content, str) else content
        (folder / "houses.csv").write_bytes(encoded)
        provenance = {
            "origin": "Invented.",
            "licence": "CC0",
            "sha256": hashlib.sha256(encoded).hexdigest(),
            "rows": encoded.count(b"\n") - 1,
            "columns": encoded.partition(b"\n")[0].count(b",") + 1,
        } | told
        (folder / "provenance.toml").write_text(to_toml({"houses.csv": provenance}).replace("houses.csv", '"houses.csv"', 1))
        path = folder / "model.toml"
        path.write_text(to_toml(tree), "utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def git() -> Callable[..., str]:
    """Runs git in a folder and returns what it prints."""

    def run(folder: Path, *words: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture(scope="session")
def specs(house: ModelSpec) -> dict[str, ModelSpec]:
    """Every spec that the tests have, by name."""
    return {**{name: load_spec(DATA / f"{name}.toml") for name in EXAMPLES}, "house": house}


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory, to_toml: Callable[[Tree], str], house_csv: str) -> dict[str, Path]:
    """Folder of releases by name of the spec, each with the one release 1.0.0."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "model.toml").write_text(to_toml(_HOUSE), "utf-8")
    (folder / "houses.csv").write_text(house_csv, "utf-8")
    told = {"origin": "Invented.", "licence": "CC0", "sha256": hashlib.sha256(house_csv.encode()).hexdigest()}
    told |= {"rows": HOUSE_ROWS, "columns": 10}
    (folder / "provenance.toml").write_text(f'["houses.csv"]\n{to_toml(told)}', "utf-8")
    paths = {**{name: DATA / f"{name}.toml" for name in EXAMPLES}, "house": folder / "model.toml"}
    folders = {}
    for name, path in paths.items():
        folders[name] = tmp_path_factory.mktemp(name)
        train("1.0.0", report=lambda line: None, spec_path=path, trained=folders[name])
    return folders


@pytest.fixture(scope="session")
def scorers(released: dict[str, Path]) -> dict[str, Scorer]:
    """The scorer of each release."""
    return {name: load_scorer(trained=folder) for name, folder in released.items()}


@pytest.fixture(scope="session", params=["linear", "forest"])
def boundless(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, to_toml: Callable[[Tree], str]) -> Scorer:
    """A scorer whose contract accepts numbers that overflow: in a linear model the answer, in a forest single precision."""
    folder = tmp_path_factory.mktemp("boundless")
    amount = next(field for field in _HOUSE["field"] if field["name"] == "area") | {"required": True, "example": 5.0}
    del amount["blank"]
    amount |= {"range": [-1e300, 1e300], "trained": [0.0, 9.75]}
    tree = _HOUSE | {"field": [amount], "derived": [], "estimator": {"seed": 1, request.param: {}}}
    tree |= {"data": {"file": "houses.csv"}, "interval": {"level": 0.9, "folds": 5, "adaptive": False}}
    noise = np.random.default_rng(3).normal(0, 1, 200)
    rows = [f"{row % 40 / 4},{np.exp(row % 40 / 4 + noise[row])}" for row in range(200)]
    content = "\n".join(["Area,Price", *rows, ""])
    (folder / "houses.csv").write_text(content, "utf-8")
    told = {"origin": "Invented.", "licence": "CC0", "sha256": hashlib.sha256(content.encode()).hexdigest()}
    (folder / "provenance.toml").write_text(f'["houses.csv"]\n{to_toml(told | {"rows": 200, "columns": 2})}', "utf-8")
    (folder / "model.toml").write_text(to_toml(tree), "utf-8")
    train("1.0.0", report=lambda line: None, spec_path=folder / "model.toml", trained=folder / "trained", override="for a test")
    return load_scorer(trained=folder / "trained")


@pytest.fixture
def trained(released: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the releases of the small houses that a test may damage."""
    return Path(shutil.copytree(released["house"], tmp_path / "trained"))


@pytest.fixture
def relist() -> Callable[[Path, dict[str, bytes]], None]:
    """Replaces files of release 1.0.0 and mends every digest, as someone would who may write the whole folder."""

    def replace(trained: Path, files: dict[str, bytes]) -> None:
        bundle = trained / "1.0.0"
        manifest = json.loads(files.get(MANIFEST) or (bundle / MANIFEST).read_bytes())
        for name, content in files.items():
            (bundle / name).write_bytes(content)
            if name != MANIFEST:
                manifest["files"][name] = hashlib.sha256(content).hexdigest()
        stored = json.dumps(manifest).encode()
        (bundle / MANIFEST).write_bytes(stored)
        (trained / FILE).write_text(f'live = "1.0.0"\n[manifests]\n"1.0.0" = "{hashlib.sha256(stored).hexdigest()}"\n')

    return replace


@pytest.fixture(scope="session")
def adopt() -> Callable[[Path, str, Path], None]:
    """Lists the release 1.0.0 of another folder under a version of its own."""

    def adopt(trained: Path, version: str, source: Path) -> None:
        bundle = Path(shutil.copytree(source / "1.0.0", trained / version))
        manifest = json.loads((bundle / MANIFEST).read_bytes()) | {"version": version}
        stored = json.dumps(manifest).encode()
        (bundle / MANIFEST).write_bytes(stored)
        add_release(version, hashlib.sha256(stored).hexdigest(), trained)

    return adopt
