"""Numbers that explanations are given, checked before anything is read."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_whole(least: int, **numbers: Any) -> None:
    """Raise on the first number that is not whole, or less than `least`."""
    for name, value in numbers.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < least:
            msg = f"{name}={value!r} must be a whole number of {least} or more."
            raise (ValueError if whole else TypeError)(msg)
