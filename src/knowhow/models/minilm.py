"""MiniLM as an ONNX graph, written straight from its safetensors: the same BERT encoder, fused operators, no torch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import DataError
from knowhow.models.tensors import read_tensors

if TYPE_CHECKING:
    from knowhow.models.tensors import Array

_FUSED = "com.microsoft"


class _Graph:
    """Collects nodes and weights of an ONNX graph; every method returns the name of what it added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, name: str, array: Array) -> str:
        import numpy as np
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output


def convert_minilm(source: Path, target: Path) -> None:
    """Write `target`/model.onnx and tokenizer.json from the BERT encoder in `source` (config.json, model.safetensors).

    Inputs input_ids and attention_mask, int64 (batch, sequence); outputs sentence_embedding (batch, hidden), the mean over
    unmasked positions scaled to length 1, and last_hidden_state (batch, sequence, hidden).
    """
    from onnx import save

    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise DataError(
            "is no BERT encoder with gelu.", source=str(source / "config.json"), mend="Use another model."
        )
    tensors = {
        name.removeprefix("bert."): array
        for name, array in read_tensors(source / "model.safetensors").items()
    }
    graph = _Graph()
    hidden = _add_embeddings(graph, tensors, config)
    for layer in range(config["num_hidden_layers"]):
        hidden = _add_layer(graph, tensors, config, layer, hidden)
    _add_pooling(graph, hidden)
    target.mkdir(parents=True, exist_ok=True)
    save(_finish(graph, config), target / "model.onnx")
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def _add_embeddings(graph: _Graph, tensors: dict[str, Array], config: dict[str, Any]) -> str:
    import numpy as np
    from onnx import TensorProto

    place = "embeddings."
    # Sentence encoders see one segment only, so the first segment's vector joins the position vectors.
    positions = (
        tensors[f"{place}position_embeddings.weight"] + tensors[f"{place}token_type_embeddings.weight"][0]
    )
    words = graph.node(
        "Gather", [graph.weight("word", tensors[f"{place}word_embeddings.weight"]), "input_ids"], "words"
    )
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    zero = graph.weight("zero", np.array([0], np.int64))
    axis = graph.weight("first_axis", np.array([0], np.int64))
    graph.node("Slice", [graph.weight("position", positions), zero, length, axis], "positions")
    graph.node("Add", [words, "positions"], "embedded")
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    return graph.node(
        "LayerNormalization",
        ["embedded", *_norm(graph, tensors, f"{place}LayerNorm")],
        "hidden_0",
        axis=-1,
        epsilon=config["layer_norm_eps"],
    )


def _add_layer(
    graph: _Graph, tensors: dict[str, Array], config: dict[str, Any], layer: int, hidden: str
) -> str:
    import numpy as np

    place, epsilon = f"encoder.layer.{layer}.", config["layer_norm_eps"]
    parts = [f"{place}attention.self.{part}" for part in ("query", "key", "value")]
    joined = np.concatenate([tensors[f"{part}.weight"].T for part in parts], axis=1)
    bias = np.concatenate([tensors[f"{part}.bias"] for part in parts])
    attention = graph.node(
        "Attention",
        [hidden, graph.weight(f"{place}qkv", joined), graph.weight(f"{place}qkv_bias", bias), "mask"],
        f"attention_{layer}",
        domain=_FUSED,
        num_heads=config["num_attention_heads"],
    )
    attended = _add_output(graph, tensors, f"{place}attention.output", attention, hidden, epsilon)
    inner = _matmul(graph, tensors, f"{place}intermediate.dense", attended)
    inner_bias = graph.weight(f"{place}inner_bias", tensors[f"{place}intermediate.dense.bias"])
    active = graph.node("BiasGelu", [inner, inner_bias], f"active_{layer}", domain=_FUSED)
    return _add_output(graph, tensors, f"{place}output", active, attended, epsilon)


def _add_output(
    graph: _Graph, tensors: dict[str, Array], place: str, inputs: str, residual: str, epsilon: float
) -> str:
    dense = _matmul(graph, tensors, f"{place}.dense", inputs)
    bias = graph.weight(f"{place}.dense_bias", tensors[f"{place}.dense.bias"])
    norm = _norm(graph, tensors, f"{place}.LayerNorm")
    return graph.node(
        "SkipLayerNormalization",
        [dense, residual, *norm, bias],
        f"{place}.normed",
        domain=_FUSED,
        epsilon=epsilon,
    )


def _add_pooling(graph: _Graph, hidden: str) -> None:
    import numpy as np
    from onnx import TensorProto

    graph.node("Identity", [hidden], "last_hidden_state")
    graph.node("Cast", ["attention_mask"], "float_mask", to=TensorProto.FLOAT)
    axis = graph.weight("second_axis", np.array([1], np.int64))
    graph.node("Unsqueeze", ["float_mask", axis], "row_mask")
    # Scaling to length 1 makes the division by the count of the mean superfluous.
    graph.node("MatMul", ["row_mask", hidden], "summed")
    graph.node("Squeeze", ["summed", axis], "pooled")
    graph.node("LpNormalization", ["pooled"], "sentence_embedding", axis=1, p=2)


def _finish(graph: _Graph, config: dict[str, Any]) -> Any:
    from onnx import TensorProto, helper

    size = config["hidden_size"]
    whole = helper.make_graph(
        graph.nodes,
        "encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", size]),
            helper.make_tensor_value_info(
                "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", size]
            ),
        ],
        graph.weights,
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(whole, opset_imports=imports, ir_version=8, producer_name="knowhow")


def _matmul(graph: _Graph, tensors: dict[str, Array], place: str, inputs: str) -> str:
    return graph.node(
        "MatMul", [inputs, graph.weight(f"{place}.weight", tensors[f"{place}.weight"].T)], f"{place}.product"
    )


def _norm(graph: _Graph, tensors: dict[str, Array], place: str) -> list[str]:
    return [
        graph.weight(f"{place}.gain", tensors[f"{place}.weight"]),
        graph.weight(f"{place}.shift", tensors[f"{place}.bias"]),
    ]
