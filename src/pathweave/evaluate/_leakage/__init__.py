"""Signs that an evaluation would be fooled: one file a check."""

from __future__ import annotations

from pathweave.evaluate._leakage.check import check_leakage
from pathweave.evaluate._leakage.report import LeakageReport

__all__ = ["LeakageReport", "check_leakage"]
