"""The demo's submissions: what a class hands in, in four pieces."""
