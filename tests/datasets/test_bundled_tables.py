"""Real tables, as scikit-learn bundles them, learnt by nets as a run would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris

from compbench.contracts import Recipe
from compbench.data.splits import Data
from compbench.models import mlp
from compbench.training.loop import Fit
from tests.datasets.loading import loaded


def scored(data: Data, hidden: tuple[int, ...], epochs: int) -> float:
    """The metric of a small net on the test split."""
    torch.manual_seed(0)
    recipe = Recipe(epochs=epochs, batch_size=16, learning_rate=2e-2)
    fit = Fit(data.training, 0, lambda epoch, total: None)
    net = fit(mlp.Model(hidden=hidden).build(data.signature), recipe)
    outputs = fit.outputs(net, data.test).numpy()
    return data.task.headline.value(data.task.scores(outputs, data.test.targets))


def test_a_logistic_regression_tells_irises(tmp_path: Path) -> None:
    bunch: Any = load_iris(as_frame=True)
    table = bunch.frame.assign(target=bunch.target_names[bunch.target])
    table.to_csv(tmp_path / "iris.csv", index=False)
    data = loaded("table", tmp_path, path="iris.csv", target="target", validation_share=0.3)
    assert data.class_names == ("setosa", "versicolor", "virginica")
    assert scored(data, (), 100) >= 0.85


def test_a_linear_regression_tells_the_progression_of_diabetes(tmp_path: Path) -> None:
    bunch: Any = load_diabetes(as_frame=True, scaled=False)
    bunch.frame.to_csv(tmp_path / "d.csv", index=False)
    asked = {"path": "d.csv", "target": "target", "predict": "number", "scale_target": True}
    data = loaded("table", tmp_path, **asked)
    error = scored(data, (), 20)
    # R² of about 0.5 is what linear regressions reach here (Efron et al. 2004)
    assert error < 0.85 * np.std(data.test.targets) < 1


@pytest.mark.parametrize("name", ["iris.csv", "iris.parquet"])
def test_a_table_is_the_same_in_both_formats(tmp_path: Path, name: str) -> None:
    bunch: Any = load_iris(as_frame=True)
    frame: pandas.DataFrame = bunch.frame
    frame.to_csv(tmp_path / "iris.csv", index=False)
    frame.to_parquet(tmp_path / "iris.parquet")
    data = loaded("table", tmp_path, path=name, target="target")
    assert data.test.arrays["features"].sum() == pytest.approx(414.2, abs=30)
    assert data.class_names == ("0", "1", "2")
