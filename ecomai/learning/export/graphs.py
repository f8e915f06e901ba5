"""Networks as ONNX graphs that answer as they do."""

import inspect
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from ecomai.learning.exceptions import ExportError

# The greatest difference between torch and ONNX Runtime, in units of the vectors' entries.
TOLERANCE = 1e-4
# The first one in which attention is one step: a text alone takes a third less time than step by step.
OPSET = 23


def export_graph(
    module: nn.Module, sample: tuple[Tensor, ...], path: Path, *, output: str, shapes: dict[str, Any]
) -> None:
    """Write a module as an ONNX graph; `shapes` names its inputs and which of their sizes may vary.

    A module whose `forward` takes any number of inputs gets them in that order.
    """
    kinds = {parameter.kind for parameter in inspect.signature(module.forward).parameters.values()}
    takes_any = inspect.Parameter.VAR_POSITIONAL in kinds
    # It warns of parts of torchvision that no graph of ours uses.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.cpu().eval(),
            sample,
            str(path),
            input_names=list(shapes),
            output_names=[output],
            dynamic_shapes=(tuple(shapes.values()),) if takes_any else shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
            opset_version=OPSET,
        )


def compare_graph(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, *, names: tuple[str, ...]
) -> None:
    """Raise ExportError where a graph does not answer as its module does, to within `TOLERANCE`."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    answered = session.run(None, feeds)[0]
    with torch.no_grad():
        expected = module(*inputs).numpy()
    difference = float(np.abs(answered - expected).max(initial=0))
    if not difference <= TOLERANCE:  # also where it is not a number
        raise ExportError(f"{path.name} differs from its model by {difference:.2g}; it was not exported.")
