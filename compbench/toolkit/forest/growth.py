"""scikit-learn's models of numbers (N, F) and what is wanted (N, K), grown part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.toolkit.forest import trees
from compbench.toolkit.forest.options import ForestOptions
from compbench.toolkit.forest.trees import Ensemble

_PARTS = 20  # in which a forest is grown, so that one can see how far it is
Tell = Callable[[str, float], None]
Table = NDArray[np.float32]
Means = NDArray[np.float64]


@dataclass(frozen=True)
class Grown:
    """What was grown: its trees, and what scikit-learn itself gives for rows of numbers (N, F)."""

    ensemble: Ensemble
    predict: Callable[[Table], Means]  # (N, K)


@dataclass(frozen=True)
class Sample:
    """Rows of numbers (N, F), what is wanted of each (N, K), their weights (N,) if they differ."""

    rows: Table
    wanted: Means
    weights: NDArray[np.float64] | None = None


def grown(
    sample: Sample, by: ForestOptions, feature_share: float, seed: int, threads: int, tell: Tell
) -> Grown:
    """The trees of a sample; the same for a seed, on any number of threads."""
    if by.is_boosting:
        return _boosted(sample, by, feature_share, seed, threads, tell)
    return _forest(sample, by, feature_share, seed, threads, tell)


def _forest(
    sample: Sample, by: ForestOptions, feature_share: float, seed: int, threads: int, tell: Tell
) -> Grown:
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

    kind: Any = RandomForestRegressor if by.kind == "random_forest" else ExtraTreesRegressor
    model = kind(
        n_estimators=0,
        max_depth=by.most_depth,
        min_samples_leaf=by.min_samples_leaf,
        max_features=feature_share,
        random_state=seed,
        n_jobs=threads,
        warm_start=True,
    )
    outputs = sample.wanted.shape[1]
    wanted = sample.wanted[:, 0] if outputs == 1 else sample.wanted
    step = max(threads, -(-by.trees // _PARTS))
    while model.n_estimators < by.trees:
        model.n_estimators = min(by.trees, model.n_estimators + step)
        model.fit(sample.rows, wanted, sample_weight=sample.weights)
        tell(f"tree {model.n_estimators}/{by.trees}", model.n_estimators / by.trees)
    model.n_jobs = 1  # several threads add trees up in the order in which they are done

    def predict(rows: Table) -> Means:
        return model.predict(rows).reshape(len(rows), outputs)

    found = tuple(trees.of_tree(each) for each in model.estimators_)
    return Grown(Ensemble(found, outputs), predict)


def _boosted(
    sample: Sample, by: ForestOptions, feature_share: float, seed: int, threads: int, tell: Tell
) -> Grown:
    """A model for each output; each on one thread, as several add up gradients in any order."""
    from sklearn import ensemble

    rows = sample.rows.astype(np.float64)  # once: each model would make a copy of its own

    def fitted(output: int) -> Any:
        kind: Any = ensemble.HistGradientBoostingRegressor
        model = kind(
            learning_rate=by.step,
            max_iter=by.trees,
            max_depth=by.most_depth,
            max_leaf_nodes=None,
            min_samples_leaf=by.min_samples_leaf,
            max_features=feature_share,
            early_stopping=False,
            random_state=seed,
        )
        with _one_thread():
            return model.fit(rows, sample.wanted[:, output], sample_weight=sample.weights)

    outputs = sample.wanted.shape[1]
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(fitted, output) for output in range(outputs)]
        try:
            for done, _ in enumerate(as_completed(tasks), start=1):
                tell(f"trees of output {done}/{outputs}", done / outputs)
            models = [task.result() for task in tasks]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    def predict(rows: Table) -> Means:
        with _one_thread():
            return np.stack([model.predict(rows) for model in models], axis=1)

    found = tuple(tree for k, model in enumerate(models) for tree in trees.of_boosting(model, k))
    base = np.array([float(np.ravel(model._baseline_prediction)[0]) for model in models])
    return Grown(Ensemble(found, outputs, base), predict)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP's threads of the calling thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield
