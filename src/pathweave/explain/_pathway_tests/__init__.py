"""Tests of pathways and genes that go with an outcome: evidence, all pathways together, what chance gives."""
