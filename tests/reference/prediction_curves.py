"""Writes prediction_curves.json: what scikit-learn makes of made-up margins. Run: python3 tests/reference/prediction_curves.py

Margins of the first set have ties and weights; those of the second have none, and as many rows as ten equal bins take."""
import json
import os

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

random = np.random.default_rng(12)


def rows(n, digits):
    margin = np.round(random.normal(0, 2, n), digits)
    y = np.where(random.uniform(size=n) < 1 / (1 + np.exp(-0.7 * margin)), 1, -1)
    return y, margin


y, margin = rows(80, 1)
weight = np.round(random.uniform(0, 3, 80), 2)
weight[:5] = 0
false_positive, true_positive, threshold = roc_curve(y, margin, sample_weight=weight, drop_intermediate=False)
y2, margin2 = rows(200, 6)
assert len(set(margin2)) == 200
probability = 1 / (1 + np.exp(-margin2))
observed, predicted = calibration_curve(y2, probability, n_bins=10, strategy="quantile")
out = {
    "made_by": "tests/reference/prediction_curves.py, scikit-learn " + sklearn.__version__,
    "weighted": {
        "y": y.tolist(),
        "margin": margin.tolist(),
        "weight": weight.tolist(),
        # the first point, at (0, 0), has a threshold that differs between versions of scikit-learn
        "false_positive": false_positive[1:].tolist(),
        "true_positive": true_positive[1:].tolist(),
        "threshold": threshold[1:].tolist(),
        "auc": roc_auc_score(y, margin, sample_weight=weight),
        "confusion": confusion_matrix(y, np.where(margin > 0, 1, -1), sample_weight=weight).tolist(),
        "confusion_rows": confusion_matrix(y[5:], np.where(margin > 0, 1, -1)[5:]).tolist(),
    },
    "plain": {
        "y": y2.tolist(),
        "margin": margin2.tolist(),
        "observed": observed.tolist(),
        "predicted": predicted.tolist(),
    },
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "prediction_curves.json"), "w", encoding="utf-8") as file:
    json.dump(out, file)
    file.write("\n")
