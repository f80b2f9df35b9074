"""Environments of the peers, one each under ``benchmarks/.peers``: ``python benchmarks/peers/environment.py [mofa ...]``.

Without names, those that are not there yet are made.

The project's ``constraints.txt`` holds what they share, torch's CPU build above all. Needs are listed where a
peer's own list would bring gigabytes that its models do not use.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
HOME = BENCHMARKS / ".peers"
TORCH = ("torch", "torch-geometric")
# peer: (with what it needs, without)
PEERS = {
    # CC BY-NC-ND 4.0: called, never copied.
    "bioneuralnet": ((*TORCH, "bioneuralnet==1.3.1"), ()),
    # LGPL-3.0.
    "mofa": (("mofapy2==0.7.5",), ()),
    # LGPL-3.0. It calls scikit-learn by an argument that 1.8 no longer has.
    "snf": (("joblib", "numpy", "scipy", "threadpoolctl"), ("scikit-learn==1.7.2", "snfpy==0.2.2")),
    # PolyForm Noncommercial 1.0.0. It asks for torchvision and xgboost too (1 GB) but imports neither.
    "flexynesis": (
        (*TORCH, "captum", "filelock", "geomloss", "h5py", "ipython", "lifelines", "lightning", "platformdirs", "plotnine", "pot", "python-louvain",
         "pyyaml", "requests", "rich", "safetensors", "scikit-optimize", "scikit-survival", "seaborn", "umap-learn"),
        ("flexynesis==1.1.14",),
    ),
}  # fmt: skip


def python_of(peer: str) -> Path:
    """The peer's interpreter."""
    path = HOME / peer / "bin" / "python"
    if not path.exists():
        msg = f"{peer} has no environment; make it with: python benchmarks/peers/environment.py {peer}"
        raise FileNotFoundError(msg)
    return path


def make(peer: str) -> None:
    """Make a peer's environment anew."""
    whole, alone = PEERS[peer]
    venv.create(HOME / peer, with_pip=True, clear=True)
    install = [str(HOME / peer / "bin" / "python"), "-m", "pip", "install", "-q"]
    held = ["-c", str(BENCHMARKS.parent / "constraints.txt")]
    subprocess.run([*install, *held, *whole], check=True)  # noqa: S603
    if alone:
        subprocess.run([*install, "--no-deps", *alone], check=True)  # noqa: S603


if __name__ == "__main__":
    for name in sys.argv[1:] or [peer for peer in PEERS if not (HOME / peer).exists()]:
        make(name)
