"""What the techniques that quantize ONNX files share, around ONNX Runtime's quantizer."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compbench.contracts import TrainingData
from compbench.contracts.inputs import fed
from compbench.errors import JobFailed, first_line
from compbench.onnxfile.graph import (
    excluded,
    refuse_unchanged,
    settled,
    with_matrix_products,
)
from compbench.runtime.temporary import Temporary
from compbench.toolkit.quantize.masked import masked
from compbench.toolkit.quantize.options import IntegerOptions, StaticOptions
from compbench.toolkit.sample import sample

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import TensorsData

LEAST_OPSET = 13  # the first in which each channel can have a scale
INT4_OPSET = 21  # the first in which QuantizeLinear and DequantizeLinear have int4
_BINS = 2048  # of histograms; with ONNX Runtime's 128 the least divergence is always min-max
_BATCH = 64
_MOST_KEPT_BYTES = 512_000_000  # of activations


def prepared(parent: bytes, opset: int = 0) -> ModelProto:
    """A float file as quantizers want it: constants and batch norms folded, at least at `opset`.

    Raises JobFailed where the file is quantized already, or can't be brought there.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = settled(parent)
    metadata, opset = [*model.metadata_props], max(opset, LEAST_OPSET)
    versions = [x.version for x in model.opset_import if x.domain in ("", "ai.onnx")]
    try:
        if any(version < opset for version in versions):
            model = onnx.version_converter.convert_version(model, opset)
        with _folder() as folder:
            onnx.save(model, folder / "parent.onnx")
            quant_pre_process(folder / "parent.onnx", folder / "new.onnx", skip_symbolic_shape=True)
            model = settled((folder / "new.onnx").read_bytes())
    except JobFailed:
        raise
    except Exception as error:  # of onnx's and ONNX Runtime's own kinds, without a common base
        raise JobFailed(f"it can't be prepared for quantization: {first_line(error)}") from error
    del model.metadata_props[:]
    model.metadata_props.extend(metadata)
    return model


def calibrated(model: ModelProto, data: TrainingData, options: StaticOptions) -> TensorsData:
    """The range of every activation on a sample of the training split."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, calibrate

    methods = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy}
    with _folder() as folder:
        onnx.save(model, folder / "model.onnx")
        calibrator = calibrate.create_calibrator(
            folder / "model.onnx",
            _operators(options),
            str(folder / "augmented.onnx"),
            methods.get(options.calibration, CalibrationMethod.Percentile),
            extra_options={
                "symmetric": False,
                "percentile": options.percentile,
                "num_bins": _BINS,
                "num_quantized_bins": 128,
            },
        )
        calibrator.infer_session = _one_thread(calibrator.augmented_model_path)
        _collect(calibrator, _batches(model, data, options.calibration_samples))
        return calibrator.compute_data()


def quantized(
    model: ModelProto, ranges: TensorsData, options: StaticOptions, form: str = "qdq"
) -> bytes:
    """The file with integer weights, and activations between Quantize/DequantizeLinear pairs.

    `form` "operator" has ONNX Runtime's integer operators instead. Raises JobFailed where nothing
    was quantized, and with the names of the nodes at which ONNX Runtime's quantizer fails.
    """
    floats = [*excluded(model, options.exclude), *masked(model, ranges)]
    try:
        made = _quantized(model, ranges, options, form, floats)
    except Exception as error:  # whatever its arithmetic stumbles over
        for kind in _operators(options):
            names = [n.name for n in model.graph.node if n.op_type == kind and n.name not in floats]
            try:
                _quantized(model, ranges, options, form, [*floats, *names])
            except Exception:
                continue
            raise JobFailed(
                f"ONNX Runtime's quantizer fails at its {kind} ({first_line(error)}): leave it in "
                f"floats, exclude = {names}"
            ) from error
        raise JobFailed(f"ONNX Runtime's quantizer fails: {first_line(error)}") from error
    refuse_unchanged(model, made, _operators(options), options.known_operators)
    return made.SerializeToString(deterministic=True)


def _quantized(
    model: ModelProto,
    ranges: TensorsData,
    options: StaticOptions,
    form: str,
    floats: Sequence[str],
) -> ModelProto:
    import onnx
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantizationMode

    own = onnx.ModelProto()
    own.CopyFrom(model)
    before = (QuantizationMode.QLinearOps, True) if form == "operator" else ()
    quantizer: Any = ONNXQuantizer if form == "operator" else QDQQuantizer
    with quiet():
        made = quantizer(
            own,
            options.per_channel,
            options.reduce_range,
            *before,
            quant_type(options.weight_type),
            quant_type(options.activation_type),
            TensorsData(ranges.calibration_method, dict(ranges.items())),
            [],
            list(floats),
            _operators(options),
            {"TensorQuantOverrides": _one_scale(model, options)},
        )
        made.quantize_model()
        made.model.topological_sort()
    return made.model.model


def dynamic(model: ModelProto, options: IntegerOptions) -> bytes:
    """The file with integer weights, whose activations are quantized while it runs.

    Raises JobFailed where nothing was quantized.
    """
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    names = _chosen(model, _operators(options), excluded(model, options.exclude))
    model = with_matrix_products(model, names)
    others = [node.name for node in model.graph.node if node.name not in names]
    with _folder() as folder:
        onnx.save(model, folder / "parent.onnx")
        quantize_dynamic(
            folder / "parent.onnx",
            folder / "new.onnx",
            op_types_to_quantize=["MatMul", *_operators(options)],
            per_channel=options.per_channel,
            reduce_range=options.reduce_range,
            weight_type=quant_type(options.weight_type),
            # where it can't tell a type, after operators of other domains
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            # it makes a Gemm a MatMul, which has another name
            nodes_to_exclude=[*others, *(f"{name}_MatMul" for name in others)],
        )
        file = (folder / "new.onnx").read_bytes()
    made = onnx.load_model_from_string(file)
    refuse_unchanged(model, made, _operators(options), options.known_operators)
    return file


def weight_only(model: ModelProto, excluded: Sequence[str], **settings: Any) -> bytes:
    """The file with MatMulNBits for matrix products; `settings` are those of its quantizer.

    Raises JobFailed where there is no matrix product of constant weights to quantize.
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    names = _chosen(model, ["Gemm", "MatMul"], excluded)
    model = with_matrix_products(model, names)
    others = [node.name for node in model.graph.node if node.name not in names]
    whole = model.ByteSize()
    with quiet():
        made: Any = MatMulNBitsQuantizer(model, nodes_to_exclude=others, **settings)
        made.process()
    new = made.model.model
    if not any(node.op_type == "MatMulNBits" for node in new.graph.node):
        raise JobFailed(
            "nothing was quantized: it has no linear layer (matrix product of constant weights) "
            "that is not excluded"
        )
    file = new.SerializeToString(deterministic=True)
    if len(file) >= whole:
        raise JobFailed(
            f"nothing was made smaller ({len(file)} bytes, the floats take {whole}): "
            f"blocks of {settings['block_size']} weights are filled up where a layer sums over "
            "fewer; take a smaller block_size, or exclude the small layers"
        )
    return file


def quant_type(name: str) -> QuantType:
    """ONNX Runtime's word for "int8", "uint8" or "int4"."""
    from onnxruntime.quantization import QuantType

    return {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8, "int4": QuantType.QInt4}[name]


def opset(options: IntegerOptions) -> int:
    """The least opset that has the type of the weights; 0 where every one has."""
    return INT4_OPSET if options.weight_type == "int4" else 0


def _one_scale(model: ModelProto, options: IntegerOptions) -> dict[str, list[dict[str, Any]]]:
    """What ONNX Runtime's quantizer is told of weights that are looked up and multiplied with, too.

    It would give the rows that are looked up the scales of the weight's channels, which are others.
    """
    looked_up = {node.input[0] for node in model.graph.node if node.op_type == "Gather"}
    others = {n for node in model.graph.node if node.op_type != "Gather" for n in node.input}
    weights = {w.name for w in model.graph.initializer}
    told = {"quant_type": quant_type(options.weight_type), "reduce_range": options.reduce_range}
    return {name: [told] for name in sorted(weights & looked_up & others)}


def _one_thread(path: Path | str) -> Any:
    """A session whose sums don't depend on the number of cores, in the graph as it is."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _chosen(model: ModelProto, operators: Sequence[str], excluded: Sequence[str]) -> set[str]:
    return {n.name for n in model.graph.node if n.op_type in operators} - set(excluded)


def _operators(options: IntegerOptions) -> list[str]:
    return list(options.known_operators if options.operators is None else options.operators)


def _batches(model: ModelProto, data: TrainingData, count: int) -> Iterator[dict[str, np.ndarray]]:
    """Batches of one size: the calibrators that count histograms can't take another."""
    from compbench.onnxfile import feeding, metadata

    feeds = metadata.feeds(model) or data.signature.feeds(x.name for x in model.graph.input)
    seen = sample(data.train, count)
    size = feeding.fixed_batch(model)
    if size is None:
        size = next(size for size in range(_BATCH, 0, -1) if len(seen) % size == 0)
    else:  # filled up with the first ones where there are fewer, else the last ones are left out
        whole = max(size, len(seen) // size * size)
        seen = seen.part(np.resize(np.arange(len(seen)), whole))
    return (fed(feeds, batch) for batch in seen.batches(size))


def _collect(calibrator: Any, batches: Iterator[dict[str, np.ndarray]]) -> None:
    """Count the activations of all batches, as many at once as fit.

    Those that count histograms keep every activation of what they are given at once.
    """
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self, given: Sequence[dict[str, np.ndarray]]) -> None:
            self.left = iter(given)

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            return next(self.left, None)

    first = next(batches)
    kept = sum(np.asarray(x).nbytes for x in calibrator.infer_session.run(None, first))
    batches, at_once = chain([first], batches), max(1, _MOST_KEPT_BYTES // kept)
    while some := [*islice(batches, at_once)]:
        calibrator.collect_data(Reader(some))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps the quantizer's advice (already followed) and its progress off the screen."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().setLevel(level)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Temporary()
    try:
        with quiet():
            yield Path(folder.path)
    finally:
        folder.close()
