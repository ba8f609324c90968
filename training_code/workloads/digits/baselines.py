"""What recognises digits without a network: the figures that a trained one has to beat."""

from __future__ import annotations

import numpy as np

from training_code.workloads.digits.data import INK, PIXELS, Records


def logistic_regression_accuracy(train: Records, heldout: Records) -> float:
    """Share of held-out images that a linear classifier of the pixels gets right, with scikit-learn's own settings.

    It sees what the network sees and has no idea of neighbouring pixels: what it lacks is what convolutions are for.
    Nearest centroids (0.89 to 0.91) or the commonest digit (0.10) would be beaten by a network that hardly learned.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=1000).fit(train[:, :PIXELS] / INK, train[:, PIXELS])
    return float(fitted.score(heldout[:, :PIXELS] / INK, heldout[:, PIXELS]))


def majority_accuracy(labels: Records) -> float:
    """Share of the commonest digit: the best constant answer, chosen by these very labels."""
    return float(np.bincount(labels).max() / len(labels))
