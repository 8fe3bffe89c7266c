"""Where images come from: one module per layout; each offers what ``data_scripts.dataset.Source`` asks."""
