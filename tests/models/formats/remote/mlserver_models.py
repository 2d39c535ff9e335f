"""A model for MLServer; runs in an environment of its own, made by ``make setup-mlserver``.

Trains a scikit-learn model that answers the sum of two columns, and writes it with its settings into the folder that
the command line names, as MLServer finds its models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Train and write."""
    import joblib  # type: ignore[import-untyped]
    import numpy as np
    from sklearn.linear_model import LinearRegression

    folder = Path(sys.argv[1]) / "sum"
    folder.mkdir()
    rows = np.random.default_rng(0).normal(size=(100, 2))
    joblib.dump(LinearRegression().fit(rows, rows.sum(axis=1)), folder / "model.joblib")
    settings = {
        "name": "sum",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "v1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")


if __name__ == "__main__":
    main()
