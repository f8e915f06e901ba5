"""Linear maps of an ONNX graph in 8-bit integers, with fixed scales."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, NDArray[Any]]
Feeds = Mapping[str, NDArray[np.int64]]

# Products of two neighbours are summed in 16 bits by processors without VNNI: 2 * 255 * 64 still fits.
GREATEST_WEIGHT = 64
GREATEST_INPUT = 255
# How much of a channel's range moves from the inputs into the weights.
SMOOTHING = 0.7
# Rows of calibration that are kept of a batch, to bound memory.
ROWS_PER_BATCH = 512


def quantize_statically(
    source: Path, target: Path, batches: Iterable[Feeds], *, is_kept: Sequence[str] = ()
) -> None:
    """Write a graph whose linear maps multiply integers.

    Scales of the inputs are fixed beforehand, by what the maps see in the calibration batches, so that a
    vector does not depend on what else is in its batch. Channels that reach far are shrunk before they
    are rounded and their weights stretched, so that one scale fits all.

    Parameters
    ----------
    source, target : Path
    batches : iterable of dict
        Inputs of the graph, with an `attention_mask` of shape (B, T).
    is_kept : sequence of str, optional
        Names of the linear maps that stay as they are, as `linear_maps` returns them.

    References
    ----------
    Xiao and others, "SmoothQuant: accurate and efficient post-training quantization for large language
    models", 2023.
    """
    model = onnx.load(source)
    seen = _seen_inputs(model, batches)
    weights = _weights(model)
    writer = _Writer(model)
    groups: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in _linear_nodes(model):
        if node.name not in is_kept:
            groups[node.input[0]].append(node)
    for number, (name, nodes) in enumerate(groups.items()):
        writer.quantize(f"int8_{number}", nodes, [weights[node.input[1]] for node in nodes], seen[name])
    writer.write(target)


def linear_maps(path: Path) -> dict[str, tuple[int, int]]:
    """Return the shapes of a graph's linear maps by the name of their node.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to (n_inputs, n_outputs)
    """
    model = onnx.load(path)
    weights = _weights(model)
    return {node.name: weights[node.input[1]].shape for node in _linear_nodes(model)}


def _weights(model: onnx.ModelProto) -> Arrays:
    return {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}


def _linear_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    matrices = {entry.name for entry in model.graph.initializer if len(entry.dims) == 2}
    return [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in matrices]


def _seen_inputs(model: onnx.ModelProto, batches: Iterable[Feeds]) -> Arrays:
    """Return what enters each linear map, of shape (n_rows, n_inputs), without padding."""
    names = list(dict.fromkeys(node.input[0] for node in _linear_nodes(model)))
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for feeds in batches:
        rows = np.flatnonzero(feeds["attention_mask"].ravel())[:ROWS_PER_BATCH]
        for name, values in zip(names, session.run(names, dict(feeds)), strict=True):
            found[name].append(values.reshape(-1, values.shape[-1])[rows])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def smoothing_factors(inputs: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by what to divide each input channel, and multiply its weights.

    Parameters
    ----------
    inputs : float array of shape (n_rows, n_inputs)
    weights : float array of shape (n_inputs, n_outputs)

    Returns
    -------
    float32 array of shape (n_inputs,)
        Positive, with a geometric mean of 1.
    """
    reach = np.maximum(np.abs(inputs).max(0), 1e-5)
    stretch = np.maximum(np.abs(weights).max(1), 1e-5)
    factors = reach**SMOOTHING / stretch ** (1 - SMOOTHING)
    return (factors / np.exp(np.log(factors).mean())).astype(np.float32)


class _Writer:
    """Replaces nodes of a graph by others, and keeps it in order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self._vectors = {entry.name for entry in model.graph.initializer if len(entry.dims) == 1}
        self._users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self._users[name].append(node)
        self._before: dict[str, list[onnx.NodeProto]] = {}
        self._instead: dict[str, onnx.NodeProto] = {}
        self._merged: set[str] = set()
        self._added: list[onnx.TensorProto] = []

    def quantize(
        self, prefix: str, nodes: Sequence[onnx.NodeProto], weights: Sequence[NDArray[np.float32]],
        inputs: NDArray[np.float32],
    ) -> None:  # fmt: skip
        """Let the maps of one input share its rounded form."""
        factors = smoothing_factors(inputs, np.concatenate(weights, axis=1))
        low, high = min(float((inputs / factors).min()), 0.0), max(float((inputs / factors).max()), 1e-5)
        scale = (high - low) / GREATEST_INPUT
        shrink = self._add(f"{prefix}_shrink", 1 / factors)
        scale_name = self._add(f"{prefix}_scale", np.float32(scale))
        zero = self._add(f"{prefix}_zero", np.uint8(round(-low / scale)))
        rounded = f"{prefix}_rounded"
        self._before[nodes[0].name] = [
            helper.make_node("Mul", [nodes[0].input[0], shrink], [f"{prefix}_shrunk"]),
            helper.make_node("QuantizeLinear", [f"{prefix}_shrunk", scale_name, zero], [rounded]),
        ]
        for place, (node, matrix) in enumerate(zip(nodes, weights, strict=True)):
            stretched = matrix * factors[:, None]
            steps = np.maximum(np.abs(stretched).max(0), 1e-12) / GREATEST_WEIGHT
            entries = np.round(stretched / steps).astype(np.int8)
            bias, output = self._take_bias(node)
            names = [
                rounded, self._add(f"{prefix}_{place}_weights", entries), scale_name,
                self._add(f"{prefix}_{place}_steps", steps.astype(np.float32)), zero, "", bias,
            ]  # fmt: skip
            self._instead[node.name] = helper.make_node(
                "MatMulIntegerToFloat", names, [output], domain="com.microsoft"
            )

    def _add(self, name: str, values: Any) -> str:
        self._added.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def _take_bias(self, node: onnx.NodeProto) -> tuple[str, str]:
        """Return the name of the vector that is added next, if one is, and of the output after that."""
        users = self._users[node.output[0]]
        if len(users) == 1 and users[0].op_type == "Add":
            others = [name for name in users[0].input if name in self._vectors]
            if others:
                self._merged.add(users[0].name)
                return others[0], users[0].output[0]
        return "", node.output[0]

    def write(self, target: Path) -> None:
        graph = self.model.graph
        nodes: list[onnx.NodeProto] = []
        for node in graph.node:
            nodes += self._before.get(node.name, [])
            if node.name not in self._merged:
                nodes.append(self._instead.get(node.name, node))
        used = {name for node in nodes for name in node.input}
        entries = [entry for entry in graph.initializer if entry.name in used] + self._added
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(entries)
        if not any(known.domain == "com.microsoft" for known in self.model.opset_import):
            self.model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        onnx.save(self.model, target)
