"""A classifier of handwritten digits: data preparation, training, export, evaluation."""
