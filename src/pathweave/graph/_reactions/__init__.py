"""Reactions of SBML and BioPAX: one model, and the edges it means."""

from __future__ import annotations
