"""A language model over bytes: data preparation, training, export, evaluation."""
