"""Questions about one epoch of training."""
