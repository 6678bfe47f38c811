"""What the tests of compiled forms share: something of every kind that can be learnt, from the small data sets."""

import onnx
from onnx import helper, numpy_helper

from ml_model.csv_files import read_table
from ml_model.data import read_target, records_of
from ml_model.features import FeatureEncoder
from ml_model.logbook import Logbook
from ml_model.records import RecordValidator
from ml_model.tables import EstimatorTable
from ml_model.training import learn

MEMBERS = {
    "linear": {"alpha": 1.0, "weight": 2.0},
    "boosting": {"trees": 8, "weight": 0.5},
    "forest": {"trees": 6, "weight": 1.5},
}
BLENDS = [
    ("linear",), ("boosting",), ("forest",), ("linear", "boosting"), ("linear", "forest"), ("boosting", "forest"),
    ("linear", "boosting", "forest"),
]  # fmt: skip


def changed(spec, members, *, transform=None, adaptive=None, **tables):
    """Return a spec with other members of its estimator."""
    estimator = EstimatorTable.model_validate({"seed": 3, **{name: MEMBERS[name] | tables.get(name, {}) for name in members}})
    target = spec.target.model_copy(update={"transform": transform} if transform else {})
    interval = spec.interval.model_copy(update={"folds": 3} | ({} if adaptive is None else {"adaptive": adaptive}))
    return spec.model_copy(update={"estimator": estimator, "target": target, "interval": interval})


def learnt(spec, path, rows=None):
    """Return what is learnt from the first rows of a CSV file, with the matrix of them."""
    table = read_table(path)[:rows]
    records = RecordValidator(spec).validate(records_of(table, spec))
    matrix = FeatureEncoder(spec).matrix(records)
    return learn(spec, matrix, read_target(spec, table), log=Logbook(lambda line: None)), matrix


class Graph:
    """A compiled form that a test may spoil."""

    def __init__(self, content):
        self.model = onnx.load_from_string(content)
        self.nodes = self.model.graph.node

    def content(self):
        return self.model.SerializeToString(deterministic=True)

    def all(self, operation):
        return [node for node in self.nodes if node.op_type == operation]

    def one(self, operation, position=0):
        return self.all(operation)[position]

    def constant(self, name):
        return next(tensor for tensor in self.model.graph.initializer if tensor.name == name)

    def values(self, name):
        return numpy_helper.to_array(self.constant(name)).copy()

    def set_values(self, name, values):
        self.constant(name).CopyFrom(numpy_helper.from_array(values, name))

    def attribute(self, node, name):
        return next(one for one in node.attribute if one.name == name)

    def tensor(self, node, name):
        return numpy_helper.to_array(self.attribute(node, name).t).copy()

    def set_tensor(self, node, name, values):
        self.attribute(node, name).t.CopyFrom(numpy_helper.from_array(values))

    def bypass(self, node):
        """Hands on the first input of a node in the place of its output."""
        for other in self.nodes:
            for position, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[position] = node.input[0]
        self.nodes.remove(node)

    def before(self, node, operation, *constants, **attributes):
        """Puts an operation before a node, on its first input, with constants as further inputs."""
        place, number = list(self.nodes).index(node), len(self.nodes)
        names = [f"put_{number}_{position}" for position in range(len(constants))]
        self.model.graph.initializer.extend(
            numpy_helper.from_array(constant, name) for name, constant in zip(names, constants, strict=True)
        )
        self.nodes.insert(place, helper.make_node(operation, [node.input[0], *names], [f"put_{number}"], **attributes))
        node.input[0] = f"put_{number}"
