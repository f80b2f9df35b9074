"""What a check of leakage found, as a table and in words."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Severity = Literal["error", "warning", "note"]
_ORDER = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One sign of leakage: the columns of `LeakageReport.findings`, without the check."""

    severity: Severity
    layer: str
    what: str
    evidence: float
    n: int
    advice: str


@dataclass
class Checked:
    """What one check found, and what it could not look at (``why`` tells; empty if nothing was left out)."""

    findings: list[Finding] = field(default_factory=list)
    why: str = ""
    ran: bool = True


def not_run(why: str) -> Checked:
    """A check that could not be made."""
    return Checked(why=why, ran=False)


def checked(findings: list[Finding], small: list[str], n_layers: int) -> Checked:
    """The result of a check layer by layer, of which some were too small."""
    why = f"too few samples or features in {', '.join(small)}" if small else ""
    return Checked(findings, why, ran=len(small) < n_layers)


def count(n: int, what: str) -> str:
    """Spell a number of things."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@dataclass(frozen=True, eq=False)
class LeakageReport:
    """Signs that an evaluation of some data would be fooled.

    Attributes
    ----------
    findings
        One row a finding, the gravest first: check, severity (``"error"``, ``"warning"`` or ``"note"``),
        layer (empty if it is not about one), what, evidence (a number that `what` explains), n (how
        many features, pairs or samples it is about), advice.
    checks
        Index check; ran, and why it was not run or not on everything.
    subject
        What was looked at.

    Examples
    --------
    >>> import pathweave as pw
    >>> report = pw.evaluate.check_leakage(pw.datasets.simulate(60, seed=1), target="class")
    >>> report.ok
    True
    """

    findings: pd.DataFrame
    checks: pd.DataFrame
    subject: str

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return bool((self.findings["severity"] == "note").all())

    def __str__(self) -> str:
        """Say the findings, and which checks were run, in plain words."""
        ran = self.checks.index[self.checks["ran"]]
        counts = self.findings["severity"].value_counts()
        told = ", ".join(count(int(counts[s]), s) for s in _ORDER if s in counts)
        clean = f"no sign of leakage was found in {count(len(ran), 'check')}"
        head = "; ".join([*([clean] if self.ok else []), *([told] if told else [])])
        lines = [textwrap.fill(f"Leakage check of {self.subject}: {head}.", 110)]
        for row in self.findings.to_dict("records"):
            where = f", layer {row['layer']}" if row["layer"] else ""
            label = row["severity"] if row["severity"] == "note" else row["severity"].upper()
            lines += ["", *_filled(f"{label} ({row['check']}{where}): {row['what']}")]
            lines += _filled(f"What to do: {row['advice']}", indent="  ")
        lines += ["", *_filled(f"Run: {', '.join(ran)}.")]
        for name, row in self.checks.iterrows():
            if row["why"]:
                kind = "Not on everything" if row["ran"] else "Not run"
                lines += _filled(f"{kind}: {name} ({row['why']}).")
        return "\n".join(lines)


def _filled(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, 110, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def make_report(results: dict[str, Checked], subject: str) -> LeakageReport:
    """Gather the results of all checks."""
    rows: list[dict[str, Any]] = [
        {"check": check, **finding.__dict__}
        for check, result in results.items()
        for finding in result.findings
    ]
    columns = ["check", "severity", "layer", "what", "evidence", "n", "advice"]
    table = pd.DataFrame(rows, columns=columns).astype({"evidence": float, "n": int})
    table = table.sort_values("severity", key=lambda s: s.map(_ORDER.index), kind="stable")
    checks = pd.DataFrame(
        {"ran": [r.ran for r in results.values()], "why": [r.why for r in results.values()]},
        index=pd.Index(list(results), name="check"),
    )
    return LeakageReport(table.reset_index(drop=True), checks, subject)
