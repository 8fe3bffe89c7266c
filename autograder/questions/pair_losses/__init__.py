"""Questions about a loss of two batches of embeddings: ``loss(a, b, parameter)``."""
