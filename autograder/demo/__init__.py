"""The four submissions of the demo."""
