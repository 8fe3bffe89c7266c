"""A class: its submissions found and told apart, graded once each, and what an instructor is told of them."""
