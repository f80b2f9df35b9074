"""Readers of interaction tables: each turns one layout into ends, types, signs and flags."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pathweave._core.checks import listed
from pathweave.graph._tables import FALSE, truth

_REGULATION = {-1: "repression", 0: "expression", 1: "expression"}
_SIGN_OF = {"activation": 1, "expression": 1, "inhibition": -1, "repression": -1}
_SIGNALLING = {-1: "inhibition", 0: "interaction", 1: "activation"}
_MIRNA = re.compile(r"^([a-z]{3}-)?(mir|let)-", re.IGNORECASE)


def text(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as stripped text, empty where it is missing or the table lacks it."""
    if column not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    values = frame[column].astype(object)
    return values.where(values.notna(), "").astype(str).str.strip().astype(object)


def flag(rows: pd.Series | np.ndarray, word: str) -> np.ndarray:
    """Return the word where rows are true, else nothing."""
    return np.where(np.asarray(rows, bool), word, "").astype(object)


def joined(*flags: np.ndarray | pd.Series) -> list[str]:
    """Join the flags of each row by ``;``."""
    columns = [[str(f).replace(";", ",") for f in column] for column in flags]
    return [";".join(f for f in row if f) for row in zip(*columns, strict=True)]


def named(sign: np.ndarray, regulates: np.ndarray) -> np.ndarray:
    """Name edges by their sign: regulation of expression, or of activity."""
    pairs = zip(sign, regulates, strict=True)
    return np.array([(_REGULATION if r else _SIGNALLING)[int(s)] for s, r in pairs], dtype=object)


def without_number(frame: pd.DataFrame) -> pd.Series:
    """Rows whose weight is no number."""
    if "weight" not in frame:
        return pd.Series(data=False, index=frame.index)
    return pd.to_numeric(frame["weight"], errors="coerce").isna()


def own(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of the user's own; without signs a negative weight is one, or the type tells."""
    out = frame[[c for c in ("source", "target", "type", "sign", "weight") if c in frame]].copy()
    out["flags"] = text(frame, "flags")
    if "directed" in frame:
        given = frame["directed"]
        out["directed"] = given.where(given.notna(), None)
    if "weight" in out:
        out["weight"] = pd.to_numeric(out["weight"], errors="coerce")
    kind = text(frame, "type")
    by_type = kind.map(_SIGN_OF).fillna(0).astype(int)
    if "sign" in out:
        out["sign"] = out["sign"].astype(object).where(text(frame, "sign") != "", by_type)
    elif "weight" in out and (out["weight"] < 0).any():
        out["sign"] = np.sign(out["weight"]).astype(int)
        out["weight"] = out["weight"].abs()
    else:
        out["sign"] = by_type
    sign = pd.to_numeric(out["sign"], errors="coerce")
    against = (by_type * sign == -1) & (kind != "expression")
    if against.any():
        row = against.idxmax()
        msg = (
            f"table: {int(against.sum())} row(s) contradict themselves, such as type {kind[row]!r} with "
            f"sign {sign[row]:+g}. Mend the sign, or leave one of the two empty."
        )
        raise ValueError(msg)
    by_sign = sign.map(_SIGNALLING).fillna("interaction")
    return out.assign(type=kind.where(kind != "", by_sign))


def omnipath(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that are both stimulation and inhibition give two edges."""
    up, down = (
        truth(frame[c], c) if c in frame else truth(text(frame, f"consensus_{s}"), c)
        for c, s in (("is_stimulation", "stimulation"), ("is_inhibition", "inhibition"))
    )
    kind = text(frame, "type")
    mirna = (kind == "post_transcriptional").to_numpy()
    down = down | (mirna & ~up)
    agreed = {
        1: truth(text(frame, "consensus_stimulation"), "consensus_stimulation"),
        -1: truth(text(frame, "consensus_inhibition"), "consensus_inhibition"),
    }
    regulates = kind.str.contains("transcriptional").to_numpy(bool)
    parts = []
    for sign, rows in ((1, up), (-1, down), (0, ~up & ~down)):
        chosen = frame[rows]
        signs = np.full(len(chosen), sign)
        directed = (
            truth(chosen["is_directed"], "is_directed", empty=True)
            if "is_directed" in chosen
            else True
        )
        consensus = flag(agreed[sign][rows], "consensus") if sign else flag(signs, "")
        parts.append(
            pd.DataFrame(
                {
                    "source": _omnipath_name(chosen, "source"),
                    "target": _omnipath_name(chosen, "target"),
                    "source_alt": _omnipath_symbol(chosen, "source"),
                    "target_alt": _omnipath_symbol(chosen, "target"),
                    "type": named(signs, regulates[rows]),
                    "sign": signs,
                    "directed": directed | (signs != 0),
                    "flags": consensus,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _omnipath_name(frame: pd.DataFrame, end: str) -> pd.Series:
    """MiRNAs go by their name, which other tables share, and not by their accession."""
    name, symbol = text(frame, end), text(frame, f"{end}_genesymbol")
    mirna = name.str.match(r"MI(MAT)?\d+$")
    by_name = "mirna:" + symbol.where(symbol.str.match(_MIRNA), "")
    name = name.mask(name.str.fullmatch(r"\d+"), "CID:" + name)  # PubChem's, not Entrez's
    return name.mask(mirna, by_name.mask(by_name == "mirna:", "mirbase:" + name))


def _omnipath_symbol(frame: pd.DataFrame, end: str) -> pd.Series:
    """Symbols, but not the names of small molecules, some of which are symbols of genes too."""
    number = text(frame, end).str.fullmatch(r"\d+")
    return text(frame, f"{end}_genesymbol").mask(number, "")


def signor(frame: pd.DataFrame) -> pd.DataFrame:
    """The effect is the sign; the mechanism a flag, or the type where there is no sign."""
    effect, mechanism = text(frame, "effect").str.lower(), text(frame, "mechanism").str.lower()
    sign = effect.str.startswith("up-regulates").astype(int).to_numpy()
    sign = sign - effect.str.startswith("down-regulates").to_numpy(int)
    form = (effect == "form complex").to_numpy()
    regulates = (
        mechanism.str.contains(r"transcription|translation")
        | effect.str.contains("by expression|by repression")
    ).to_numpy() & ~mechanism.str.contains("post translational").to_numpy()
    kind = named(sign, regulates)
    plain_mechanism = (sign == 0) & (kind == "interaction") & (mechanism != "").to_numpy()
    kind = np.where(plain_mechanism, mechanism.str.replace(" ", "_"), kind)
    kind = np.where(form, "complex", kind)
    directed = ~form & ~(kind == "binding")
    direct = text(frame, "direct").str.lower()
    flags = joined(
        np.where(mechanism == kind, "", mechanism),
        flag(direct.isin(FALSE), "indirect effect"),
    )
    score = pd.to_numeric(text(frame, "score"), errors="coerce")
    return pd.DataFrame(
        {
            "source": _signor_name(frame, "a"),
            "target": _signor_name(frame, "b"),
            "source_alt": text(frame, "entitya").where(text(frame, "typea") == "protein", ""),
            "target_alt": text(frame, "entityb").where(text(frame, "typeb") == "protein", ""),
            "type": kind,
            "sign": sign,
            "directed": directed,
            "weight": score.fillna(score.min()).fillna(1.0),
            "flags": flags,
        }
    )


def _signor_name(frame: pd.DataFrame, end: str) -> pd.Series:
    name, database = text(frame, f"id{end}"), text(frame, f"database{end}").str.lower()
    name = name.str.replace(r"[-_]PRO_\d+$", "", regex=True)
    name = name.mask(database.eq("chebi") & name.str.fullmatch(r"\d+"), "CHEBI:" + name)
    return name.mask(database.eq("mirbase"), "mirbase:" + name)


def string(frame: pd.DataFrame) -> pd.DataFrame:
    """Links have neither sign nor direction."""
    out = pd.DataFrame({"source": text(frame, "protein1"), "target": text(frame, "protein2")})
    return out.assign(type="interaction", sign=0, directed=False, flags="")


def string_network(frame: pd.DataFrame) -> pd.DataFrame:
    """What STRING's page and its interface for programs export: symbols."""
    one, two = ("preferredname_a", "preferredname_b")
    if one not in frame:
        one, two = "node1", "node2"
    out = pd.DataFrame({"source": text(frame, one), "target": text(frame, two)})
    return out.assign(type="interaction", sign=0, directed=False, flags="")


def string_actions(frame: pd.DataFrame) -> pd.DataFrame:
    """Each action stands there from both sides; ``a_is_acting`` tells whose it is."""
    mode, action = text(frame, "mode").str.lower(), text(frame, "action").str.lower()
    said = action.where(action != "", mode)
    sign = said.eq("activation").to_numpy(int) - said.eq("inhibition").to_numpy(int)
    kind = np.where(mode.eq("expression"), named(sign, np.ones(len(sign), bool)), mode)
    kind = np.where(mode.isin(["activation", "inhibition"]), named(sign, sign > 2), kind)
    directed = truth(frame["is_directional"], "is_directional")
    turned = directed & ~truth(frame["a_is_acting"], "a_is_acting")
    a, b = text(frame, "item_id_a"), text(frame, "item_id_b")
    return pd.DataFrame(
        {
            "source": a.mask(turned, b),
            "target": b.mask(turned, a),
            "type": np.where(kind == "ptmod", "modification", kind),
            "sign": sign,
            "directed": directed,
            "flags": flag(mode.eq("expression") & (sign == 0), "unsigned"),
        }
    )


def reactome_fi(frame: pd.DataFrame) -> pd.DataFrame:
    """Direction has a sign at each end: ``|->`` is inhibited by, and activates."""
    symbol = text(frame, "direction")
    odd = ~symbol.str.fullmatch(r"(<|\|)?-(>|\|)?")
    if odd.any():
        msg = f"table: column 'Direction' holds {listed(symbol[odd].unique())}; known are ->, <-, -|, |-, -."
        raise ValueError(msg)
    one, two, note = text(frame, "gene1"), text(frame, "gene2"), text(frame, "annotation")
    signs = {">": 1, "<": 1, "|": -1}
    predicted = flag(note.str.contains("predicted"), "predicted")
    parts = []
    for arrow, source, target, passive in (
        (symbol.str[-1], one, two, False),
        (symbol.str[0], two, one, True),
    ):
        rows = arrow.isin(list(signs)).to_numpy()
        said = [_side(words, passive=passive) for words in note[rows]]
        sign = arrow[rows].map(signs).to_numpy(int)
        sign = np.where([words == {"expression regulate"} for words in said], 0, sign)
        kind = [_fi_type(words, s) for words, s in zip(said, sign, strict=True)]
        parts.append(
            pd.DataFrame({"source": source[rows], "target": target[rows], "type": kind, "sign": sign})
            .assign(directed=True, flags=predicted[rows], row=np.flatnonzero(rows))
        )  # fmt: skip
    loose = (symbol == "-").to_numpy()
    kind = [_fi_type(_side(words, passive=None), 0) for words in note[loose]]
    parts.append(
        pd.DataFrame({"source": one[loose], "target": two[loose], "type": kind, "sign": 0})
        .assign(directed=False, flags=predicted[loose], row=np.flatnonzero(loose))
    )  # fmt: skip
    out = pd.concat(parts, ignore_index=True)
    score = pd.to_numeric(text(frame, "score"), errors="coerce").fillna(1.0).to_numpy()
    return out.assign(weight=score[out["row"].to_numpy(int)]).drop(columns="row")


def _side(note: str, *, passive: bool | None) -> set[str]:
    """Words of an annotation that speak of one direction: "catalyzed by" is Gene2's doing."""
    out = set()
    for part in re.split(r"[;,]", note):
        words = part.split(":")[-1].strip().lower()
        if not words or words in {"predicted", "input"}:
            continue
        if passive is None or words.endswith(" by") == passive or words == "complex":
            out.add(re.sub(r"regulate[sd]?( by)?$", "regulate", words).removesuffix(" by"))
    return out - {"complex"} if passive is not None else out


def _fi_type(words: set[str], sign: int) -> str:
    told = " ".join(sorted(words))
    if "express" in told or "repress" in told:
        return _REGULATION[sign]
    if sign == 1 and "catalyze" in told:
        return "catalysis"
    if sign:
        return _SIGNALLING[sign]
    for word in ("complex", "binding", "reaction"):
        if word in told:
            return word
    return "interaction"


def without_function(frame: pd.DataFrame) -> pd.Series:
    """Rows in which an experiment found no effect of the miRNA."""
    return text(frame, "support type").str.lower().str.startswith("non-functional")


def mirtarbase(frame: pd.DataFrame) -> pd.DataFrame:
    """Genes by their Entrez number, else their symbol; a second name is the symbol."""
    support = text(frame, "support type").str.lower()
    entrez = text(frame, "target gene (entrez id)")
    entrez = entrez.where(entrez != "", text(frame, "target gene (entrez gene id)"))
    symbol = text(frame, "target gene")
    target = ("ncbigene:" + entrez.str.removesuffix(".0")).where(entrez != "", symbol)
    mirna = text(frame, "mirna")
    out = pd.DataFrame({"source": "mirna:" + mirna, "target": target, "target_alt": symbol})
    weak = flag(support.str.contains("weak"), "weak")
    return out[mirna != ""].assign(
        type="repression", sign=-1, directed=True, flags=weak[(mirna != "").to_numpy()]
    )
