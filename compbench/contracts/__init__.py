"""What a plugin file relies on: the base classes of plugins, and the data that they see.

Every plugin is a frozen pydantic model: its fields are its options in a suite file. Importing a
plugin must be cheap, so plugin files import torch inside their methods.
"""

from compbench.contracts.data import Companion, DatasetSource, Samples, Split, TrainingData
from compbench.contracts.inputs import Feed, Input, Inputs, Normalisation, Shape, Signature
from compbench.contracts.loss import (
    Compared,
    Glimpse,
    LossBase,
    LossOption,
    Net,
    describe_loss,
)
from compbench.contracts.metric import Column, Measured, MetricBase, MetricHistory, Running
from compbench.contracts.model import (
    MODEL_WORDS,
    ModelFamily,
    ModelOption,
    StudentOption,
    describe_model,
    model_options,
    net_or_parent,
    own_model,
    takes_several_models,
)
from compbench.contracts.options import Options
from compbench.contracts.provider import ExecutionProvider
from compbench.contracts.shift import ImageShift, ShiftBase
from compbench.contracts.task import Means, TaskBase
from compbench.contracts.technique import (
    ChoosingTechnique,
    Locate,
    LoweringTechnique,
    NullCase,
    OnnxTechnique,
    Predictor,
    PredictorTechnique,
    RootTechnique,
    TechniqueBase,
    TorchTechnique,
)
from compbench.contracts.training import (
    AfterStep,
    Batch,
    Epoch,
    FineTuning,
    Listening,
    Loss,
    Recipe,
    Resumable,
    SampleShare,
    Teaching,
    Trainer,
    stateless,
)

__all__ = [
    "MODEL_WORDS",
    "AfterStep",
    "Batch",
    "ChoosingTechnique",
    "Column",
    "Companion",
    "Compared",
    "DatasetSource",
    "Epoch",
    "ExecutionProvider",
    "Feed",
    "FineTuning",
    "Glimpse",
    "ImageShift",
    "Input",
    "Inputs",
    "Listening",
    "Locate",
    "Loss",
    "LossBase",
    "LossOption",
    "LoweringTechnique",
    "Means",
    "Measured",
    "MetricBase",
    "MetricHistory",
    "ModelFamily",
    "ModelOption",
    "Net",
    "Normalisation",
    "NullCase",
    "OnnxTechnique",
    "Options",
    "Predictor",
    "PredictorTechnique",
    "Recipe",
    "Resumable",
    "RootTechnique",
    "Running",
    "SampleShare",
    "Samples",
    "Shape",
    "ShiftBase",
    "Signature",
    "Split",
    "StudentOption",
    "TaskBase",
    "Teaching",
    "TechniqueBase",
    "TorchTechnique",
    "Trainer",
    "TrainingData",
    "describe_loss",
    "describe_model",
    "model_options",
    "net_or_parent",
    "own_model",
    "stateless",
    "takes_several_models",
]
