"""Questions about a loss of several tensors, such as ``triplet_loss(anchor, positive, negative, margin)``."""
