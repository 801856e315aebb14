"""Trains a scikit-learn classifier and writes it as ONNX, as anyone would: `python classifier.py`.

It knows nothing of compbench but the samples that it may learn from. Needs skl2onnx.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from own_digits import Dataset
from skl2onnx import to_onnx  # pyright: ignore[reportMissingImports]
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Write classifier.onnx beside this file."""
    train = Dataset().load(Path()).train
    features = train.arrays["features"]
    model = make_pipeline(StandardScaler(), MLPClassifier((256, 128), max_iter=100, random_state=0))
    model.fit(features, train.targets)
    file = to_onnx(model, features[:1])  # with a label and a ZipMap of scores, its default
    (Path(__file__).parent / "classifier.onnx").write_bytes(file.SerializeToString())


if __name__ == "__main__":
    main()
