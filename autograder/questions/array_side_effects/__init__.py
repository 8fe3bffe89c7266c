"""What a function of NumPy arrays does beside its result: inputs, random state and error modes changed, dtype not kept."""
