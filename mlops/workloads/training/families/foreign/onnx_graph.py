"""Make a foreign ONNX graph one that joins with features.

Lives here: read_onnx, features_graph and columns_graph, and what both ask of an output.
Not here: finding the file (files), joining (training.export).
Law: operators mean what they meant where the graph was made: an older one is converted, a newer one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, helper, numpy_helper, version_converter

from mlops.errors import MlopsError, near
from mlops.metrics.task import Task
from mlops.workloads.features.columns import DTYPES
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET, OUTPUT
from mlops.workloads.training.families.family import INPUT
from mlops.workloads.training.families.fitted_onnx import number_names

_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
_TENSOR = {"double": TensorProto.DOUBLE, "string": TensorProto.STRING, "int64": TensorProto.INT64}
_NUMBERS = (Task.BINARY, Task.REGRESSION, Task.ANOMALY)
"""Tasks whose prediction is one number."""
_NEWEST = {"": OPSET, "ai.onnx.ml": ML_OPSET}


def read_onnx(uri: str, path: Path, output: str | None) -> onnx.ModelProto:
    """Return the model with its prediction as the only output, in the opset of the features. Raises MlopsError."""
    try:
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model)
    except Exception as error:
        raise refused(uri, f"it is no ONNX model: {error}") from error
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise refused(uri, "its weights lie in other files. Save it as one: onnx.save(…, save_as_external_data=False)")
    model = _raised(uri, onnx.inliner.inline_local_functions(model))
    chosen = _chosen_output(uri, model.graph, output)
    del model.graph.output[:]
    model.graph.output.append(chosen)
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    del model.graph.value_info[:]
    return model


def _raised(uri: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model in the opset of the features. Raises MlopsError where it cannot be."""
    versions = {"" if one.domain == "ai.onnx" else one.domain: one.version for one in model.opset_import}
    used = {"" if node.domain == "ai.onnx" else node.domain for node in model.graph.node}
    for domain in sorted(used):
        shown = domain or "ai.onnx"
        if domain not in _NEWEST:
            raise refused(uri, f"it uses operators of {shown}, which are not part of ONNX. Export it without them")
        if versions.get(domain, 1) > _NEWEST[domain]:
            raise refused(
                uri,
                f"it needs version {versions[domain]} of the operators of {shown}, and features are joined in version "
                f"{_NEWEST[domain]}. Export it with that one, such as opset_version={OPSET}",
            )
    if versions.get("", OPSET) < OPSET:
        try:
            model = version_converter.convert_version(model, OPSET)
        except Exception as error:
            raise refused(
                uri, f"version {versions['']} of its operators cannot be brought to {OPSET}: {error}. Export it anew"
            ) from error
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in _NEWEST.items())
    model.ir_version = IR
    return model


def _chosen_output(uri: str, graph: onnx.GraphProto, name: str | None) -> onnx.ValueInfoProto:
    there = {value.name: value for value in graph.output}
    if name is not None and name not in there:
        hint = near(name, list(there))
        raise refused(uri, f"`architecture.output` names `{name}`, and its outputs are {', '.join(there)}", hint=hint)
    able = [value for value in graph.output if value.type.tensor_type.elem_type in _FLOATS]
    able = [there[name]] if name is not None else able
    if len(able) != 1 or able[0].type.tensor_type.elem_type not in _FLOATS:
        raise refused(
            uri,
            f"which of its outputs is the prediction cannot be known: {', '.join(there)}. Name one that holds FLOAT or DOUBLE under "
            "`architecture.output`; export classifiers of scikit-learn with zipmap=False",
        )
    chosen: onnx.ValueInfoProto = able[0]
    return chosen


def output_width(model: onnx.ModelProto) -> int | None:
    """Return how many numbers a row the prediction has; None where the model does not say."""
    shape = _shape(model.graph.output[0])
    return 1 if len(shape) == 1 else shape[1]


def features_graph(uri: str, model: onnx.ModelProto, width: int, task: Task) -> onnx.ModelProto:
    """Return a graph from `x`, `[N, width]` FLOAT, to the prediction. Raises MlopsError where it takes something else."""
    graph = model.graph
    if len(graph.input) != 1:
        names = ", ".join(value.name for value in graph.input)
        raise refused(uri, f"it has several inputs, {names}. If these are columns, say `inputs: columns`")
    given = graph.input[0]
    wanted, kind = _shape(given), given.type.tensor_type.elem_type
    if kind not in _FLOATS or len(wanted) != 2 or wanted[1] not in (None, width):
        raise refused(
            uri,
            f"it takes `{given.name}`, {TensorProto.DataType.Name(kind)} {_shown(wanted)}, and the features of the data set are "
            f"FLOAT [N, {width}]. Bring the features into its order, or choose another `encoding`",
        )
    nodes = [helper.make_node("Cast", [INPUT], [given.name], to=kind), *graph.node]
    x = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])
    return _finished(nodes, [x], list(graph.initializer), graph.output[0].name, task, width=output_width(model))


def columns_graph(uri: str, model: onnx.ModelProto, types: Mapping[str, str]) -> onnx.ModelProto:
    """Return a graph from columns to what the model predicts, `[N, K]` FLOAT, in the place of features. `types`: column -> type of
    the contract. Raises MlopsError where the model takes what is no column."""
    prefixed = onnx.compose.add_prefix(model, "m_", rename_inputs=True, rename_outputs=True)
    graph, nodes = prefixed.graph, []
    for value in graph.input:
        name = value.name.removeprefix("m_")
        if name not in types:
            raise refused(
                uri,
                f"it takes `{name}`, which is no feature of the data set: {', '.join(types)}",
                hint=near(name, types),
            )
        kind = value.type.tensor_type.elem_type
        is_text, wants_text = types[name] == "string", kind == TensorProto.STRING
        if is_text != wants_text:
            raise refused(
                uri,
                f"it takes `{name}` as {TensorProto.DataType.Name(kind)}, and the column is {types[name]}. Cast it in the SQL",
            )
        given = name
        if not is_text:
            given = f"{value.name}_cast"
            nodes.append(helper.make_node("Cast", [name], [given], to=kind))
        shape = [-1] if len(_shape(value)) == 1 else [-1, 1]
        graph.initializer.append(numpy_helper.from_array(np.array(shape, dtype=np.int64), f"{value.name}_shape"))
        nodes.append(helper.make_node("Reshape", [given, f"{value.name}_shape"], [value.name]))
    columns = [helper.make_tensor_value_info(name, _TENSOR[DTYPES[kind]], ["N", 1]) for name, kind in types.items()]
    result = graph.output[0]
    made = [*nodes, *graph.node, helper.make_node("Cast", [result.name], ["m_float"], to=TensorProto.FLOAT)]
    if len(_shape(result)) == 1:
        graph.initializer.append(numpy_helper.from_array(np.array([-1, 1], dtype=np.int64), "m_rows"))
        made.append(helper.make_node("Reshape", ["m_float", "m_rows"], [OUTPUT]))
    else:
        made.append(helper.make_node("Identity", ["m_float"], [OUTPUT]))
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", output_width(model) or "K"])
    return _model(helper.make_graph(made, "features", columns, [output], list(graph.initializer)))


def passed_on(width: int, task: Task) -> onnx.ModelProto:
    """Return the graph of a model whose prediction stands in the place of its features already."""
    x = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])
    return _finished([helper.make_node("Identity", [INPUT], ["passed"])], [x], [], "passed", task, width=width)


def _finished(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[onnx.ValueInfoProto], constants: list[onnx.TensorProto], result: str,
    task: Task, *, width: int | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """Return a graph whose output is the prediction of the task: one number `[N]`, or several `[N, K]`."""
    made = [*nodes, helper.make_node("Cast", [result], ["prediction"], to=TensorProto.FLOAT)]
    output = helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["N", width])
    if task in _NUMBERS:
        # Of two classes, the last number is the probability of the second; of one number, it is that one.
        constants = [*constants, numpy_helper.from_array(np.array(-1, dtype=np.int64), "last_place")]
        made += [
            helper.make_node("Flatten", ["prediction"], ["prediction_rows"], axis=1),
            helper.make_node("Gather", ["prediction_rows", "last_place"], ["prediction_number"], axis=1),
        ]
        output = helper.make_tensor_value_info("prediction_number", TensorProto.FLOAT, ["N"])
    model = _model(helper.make_graph(made, "model", list(inputs), [output], constants))
    number_names(model.graph, {INPUT: INPUT})
    return model


def check_count(uri: str, count: int, task: Task, classes: int) -> None:
    """Raises MlopsError where a model gives another count of numbers a row than its task takes. `classes`: of the label."""
    able = {Task.BINARY: (1, 2), Task.REGRESSION: (1,), Task.ANOMALY: (1,), Task.MULTICLASS: (classes,)}.get(task)
    if able is not None and count not in able:
        raise refused(
            uri,
            f"its output has {count} numbers a row, and task {task} takes {' or '.join(map(str, able))}. Change the task, or "
            "name another `architecture.output`",
        )


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    opsets = [helper.make_opsetid(domain, version) for domain, version in _NEWEST.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    onnx.checker.check_model(model)
    return model


def _shape(value: onnx.ValueInfoProto) -> list[int | None]:
    return [size.dim_value or None for size in value.type.tensor_type.shape.dim]


def _shown(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('N' if size is None else str(size) for size in shape)}]"


def refused(uri: str, why: str, *, hint: str | None = None) -> MlopsError:
    return MlopsError.of("model cannot be imported", f"`{uri}`: {why}.", hint=hint)
