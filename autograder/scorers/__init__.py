"""Small classifiers, one per image data set, that score the samples of generative models."""
