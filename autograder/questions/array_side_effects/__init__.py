"""What a function of NumPy arrays does beside its result: inputs changed, np.random touched, warnings switched off."""
