"""A fitted model asked again, after genes, features or pathways were changed."""
