"""Short names of what has an id, as long as they mean one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def by_short_name(ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids (CURIEs such as ``reactome:R-HSA-69541``) by what follows their database; several may share that."""
    found: dict[str, list[str]] = {}
    for name in ids:
        found.setdefault(str(name).rsplit(":", 1)[-1], []).append(str(name))
    return found


def the_one(asked: str, name: str, ids: Sequence[str]) -> str:
    """Give the only id that a name stands for, or raise: which of several was meant nobody knows.

    Parameters
    ----------
    asked
        The argument, as the message is to call it.
    name
        What it was given.
    ids
        All that go by that name, at least one.
    """
    if len(ids) > 1:
        msg = f"{asked}: {name!r} is the name of {len(ids)} ({listed(ids)}); give the id of the one that is meant."
        raise ValueError(msg)
    return ids[0]
