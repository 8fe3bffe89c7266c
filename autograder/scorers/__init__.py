"""Small classifiers, one for each data set of pictures, by which samples of a generative model are scored."""
