"""What a layer measures: recorded by the user, or guessed from its name and its identifiers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, select_layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mudata import MuData

# The first pattern that is found in the lower-case name decides: "mirna" before "rna",
# "protein_expression" before "expression", and responses to drugs before everything.
_NAME_PATTERNS: Final = (
    ("other", r"drug|ic50|actarea|(^|_)auc($|_)|sensitiv|response|depend|crispr|(^|_)rnai($|_)|clinic|pheno"
              r"|atac|chip_?seq|histone|microb|16s|taxa|metagen|image|radiom|pathol"),
    ("mirna", r"mirna|(^|_)mir(s|na|seq)?($|_)|micro_?rna"),
    ("methylation", r"meth|dnam|cpg|450k|850k|(^|_)epic($|_)|rrbs|wgbs|bisulf|(^|_)(beta|mvalue)s?($|_)"),
    ("cnv", r"cnv|(^|_)cna|scna|copy_?n|gistic|(^|_)cn($|_)|acgh|cgh"),
    ("mutation", r"mutat|(^|_)mut($|_)|(^|_)(sn[vp]s?|maf|wes|wxs|indels?)($|_)|variant|somatic"),
    ("proteome", r"prot|rppa|olink|somascan|(^|_)(adt|npx|tmt|itraq|cytof|phospho)|antibod|cytokine"),
    ("metabolome", r"metabol|metab|(^|_)(met|mets|lcms|gcms|nmr)($|_)|lipid|compound"),
    ("transcriptome", r"rna|transcript|gex|expr|(^|_)(exp|gene|genes|ge|tpm|fpkm|rpkm|counts?|microarray|affy|tx)($|_)"),
)  # fmt: skip

_ID_PATTERNS: Final = (
    ("methylation", re.compile(r"(cg|ch\.\w+\.)\d{5,}\w*$")),
    ("mirna", re.compile(r"(hsa|mmu|rno)-(mir|let)-|MIMAT\d{7}$", re.IGNORECASE)),
    ("transcriptome", re.compile(r"ENS[A-Z]{0,4}[GT]\d{11}(\.\d+)?$")),
    ("metabolome", re.compile(r"(CHEBI:\d+|HMDB\d{5,7}|C\d{5})$", re.IGNORECASE)),
    ("proteome", re.compile(
        r"([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2})(-\d+)?$")),
)  # fmt: skip


def _name_kind(name: str) -> str | None:
    """Kind told by the name alone; ``None`` where the name tells nothing."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", str(name))
    plain = re.sub(r"[^a-z0-9]+", "_", spaced.lower())
    return next((kind for kind, pattern in _NAME_PATTERNS if re.search(pattern, plain)), None)


def _identifier_kind(names: Iterable[str]) -> str | None:
    """Kind told by the feature names: that of more than half of them."""
    names = [str(name) for name in names][:2000]
    for kind, pattern in _ID_PATTERNS:
        if sum(pattern.match(name) is not None for name in names) > len(names) / 2:
            return kind
    return None


def guess_kind(name: str, features: Iterable[str] = ()) -> str:
    """Guess what a layer measures from its name and, failing that, from its features' names.

    Parameters
    ----------
    name
        Name of the layer, such as ``"rna"``, ``"RPPAArray"`` or ``"dnam_450k"``.
    features
        Names of its features; used where the name tells nothing.

    Returns
    -------
    One of ``pathweave._core.keys.LAYER_KINDS``; ``"other"`` where nothing was recognised, and for
    responses to drugs, chromatin and clinical tables.

    Examples
    --------
    >>> from pathweave.io import guess_kind
    >>> [guess_kind(name) for name in ("gex", "miRNASeqGene", "dnam_450k", "drug_ic50")]
    ['transcriptome', 'mirna', 'methylation', 'other']
    >>> guess_kind("view1", features=["cg00000029", "cg00000165"])
    'methylation'
    """
    return _name_kind(name) or _identifier_kind(features) or "other"


def layer_kinds(mdata: MuData) -> dict[str, str]:
    """Tell what every layer measures.

    Parameters
    ----------
    mdata
        Data with one modality a layer.

    Returns
    -------
    Layer name to kind: that recorded by `set_kinds` in ``mod.uns["pathweave"]["kind"]``, else the
    guess of `guess_kind`.

    Examples
    --------
    >>> import pathweave as pw
    >>> pw.io.layer_kinds(pw.datasets.miniacc())["protein"]
    'proteome'
    """
    check_mudata(mdata)
    return {layer: _kind(layer, mod) for layer, mod in mdata.mod.items()}


def _kind(layer: str, mod: Any) -> str:
    """Tell the recorded kind of one modality, else the guess."""
    record = mod.uns.get(keys.UNS)
    kind = record.get(keys.KIND) if hasattr(record, "get") else None
    if kind is None:
        return guess_kind(layer, mod.var_names)
    check_choice(f"the kind recorded for layer {layer!r}", str(kind), keys.LAYER_KINDS)
    return str(kind)


def set_kinds(mdata: MuData, kinds: Mapping[str, str]) -> None:
    """Record what layers measure, where the guess is wrong.

    Parameters
    ----------
    mdata
        Data with one modality a layer.
    kinds
        Layer name to kind, e.g. ``{"array1": "methylation"}``.

    Returns
    -------
    `None`. Sets ``mdata.mod[layer].uns["pathweave"]["kind"]``, text.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> pw.io.set_kinds(mdata, {"cnv": "other"})
    >>> pw.io.layer_kinds(mdata)["cnv"]
    'other'
    """
    check_mudata(mdata)
    if not hasattr(kinds, "items"):
        msg = (
            f"kinds must be a dict such as {{'meth': 'methylation'}}, found {type(kinds).__name__}."
        )
        raise TypeError(msg)
    if kinds:
        select_layers(mdata, list(kinds), name="kinds")
    for layer, kind in kinds.items():
        check_choice(f"kinds[{layer!r}]", kind, keys.LAYER_KINDS)
    for layer, kind in kinds.items():
        uns = mdata.mod[layer].uns
        uns[keys.UNS] = {**dict(uns.get(keys.UNS, {})), keys.KIND: kind}
