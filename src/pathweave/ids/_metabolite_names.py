"""Other spellings of a metabolite's name, to be looked up in a user's table."""

from __future__ import annotations

import re
from functools import cache

from pathweave.ids._lipids import lipid_class
from pathweave.ids._text import spell_greek

# What laboratories write : how name tables (ChEBI's, HMDB's) call it; several separated by "|".
# Written by hand from textbooks.
_COMMON = """
pep: phosphoenolpyruvate
gaba: gamma-aminobutyric acid | 4-aminobutanoic acid
5-hiaa: (5-hydroxyindol-3-yl)acetic acid | 5-hydroxyindoleacetic acid
adma: n(omega),n(omega)-dimethyl-l-arginine | asymmetric dimethylarginine
sdma: n(omega),n'(omega)-dimethyl-l-arginine | symmetric dimethylarginine
nmma: n(omega)-methyl-l-arginine | n-monomethyl-l-arginine
dhap: glycerone phosphate | dihydroxyacetone phosphate
f1p: d-fructose 1-phosphate | fructose 1-phosphate
f6p: d-fructose 6-phosphate | fructose 6-phosphate
g1p: d-glucose 1-phosphate | alpha-d-glucose 1-phosphate | glucose 1-phosphate
g6p: d-glucose 6-phosphate | glucose 6-phosphate
glutathione oxidized: glutathione disulfide | oxidized glutathione
oxidized glutathione: glutathione disulfide
gssg: glutathione disulfide | oxidized glutathione
glutathione reduced: glutathione
reduced glutathione: glutathione
gsh: glutathione
niacinamide: nicotinamide
alpha-ketoglutarate: 2-oxoglutaric acid | 2-oxoglutarate
akg: 2-oxoglutaric acid | 2-oxoglutarate
alpha-ketoisovalerate: 3-methyl-2-oxobutanoic acid
alpha-glycerophosphate: sn-glycerol 3-phosphate | glycerol 3-phosphate
alpha-glycerophosphocholine: sn-glycero-3-phosphocholine | glycerophosphocholine
alpha-hydroxybutyrate: 2-hydroxybutyric acid
hippurate: n-benzoylglycine | hippuric acid
sorbitol: d-glucitol
hexoses: hexose
betaine: glycine betaine
butyrobetaine: gamma-butyrobetaine | 4-(trimethylammonio)butanoic acid
gamma-butyrobetaine: 4-(trimethylammonio)butanoic acid
trimethylamine-n-oxide: trimethylamine n-oxide
tmao: trimethylamine n-oxide
2-deoxyadenosine: 2'-deoxyadenosine
2-deoxycytidine: 2'-deoxycytidine
2-deoxyguanosine: 2'-deoxyguanosine
2-deoxyuridine: 2'-deoxyuridine
camp: 3',5'-cyclic amp | cyclic amp
cgmp: 3',5'-cyclic gmp | cyclic gmp
cotinine: (-)-cotinine
pyroglutamate: 5-oxoproline | 5-oxo-l-proline
pyroglutamic acid: 5-oxoproline | 5-oxo-l-proline
methionine sulfoxide: methionine s-oxide | l-methionine s-oxide
phosphocreatine: n-phosphocreatine | creatine phosphate
6-phosphogluconate: 6-phospho-d-gluconic acid | 6-phosphogluconic acid
3-ureidopropionate: n-carbamoyl-beta-alanine
malondialdehyde: malonaldehyde
acetylglycine: n-acetylglycine
dimethylglycine: n,n-dimethylglycine
s-adenosylhomocysteine: s-adenosyl-l-homocysteine
5-adenosylhomocysteine: s-adenosyl-l-homocysteine
sah: s-adenosyl-l-homocysteine
sam: s-adenosyl-l-methionine
udp-glucose: udp-d-glucose
udp-galactose: udp-d-galactose
udp-glcnac: udp-n-acetyl-d-glucosamine | udp-n-acetylglucosamine
oleylcarnitine: o-oleoylcarnitine | oleoylcarnitine
arachidonyl carnitine: o-arachidonoylcarnitine | arachidonoylcarnitine
lauroylcarnitine: o-dodecanoylcarnitine | o-lauroyl-l-carnitine
myristoylcarnitine: o-tetradecanoylcarnitine | o-myristoyl-l-carnitine
stearoylcarnitine: o-octadecanoylcarnitine | o-stearoylcarnitine | o-stearoyl-l-carnitine
butyrylcarnitine: o-butanoylcarnitine
2-methylbutyroylcarnitine: 2-methylbutyrylcarnitine | o-2-methylbutanoylcarnitine
propionylcarnitine: o-propanoylcarnitine | o-propionylcarnitine | o-propanoyl-l-carnitine
valerylcarnitine: o-pentanoylcarnitine | o-valerylcarnitine
vitamin c: ascorbic acid | l-ascorbic acid
"""

_BRACKETS = re.compile(r"\s+\([^()]*\)$|\*+$")
_EITHER = re.compile(r"^(?:d-?/l|l-?/d|cis/trans|trans/cis|r/s)-", re.IGNORECASE)
_STEREO = re.compile(r"^(?:dl|d|l|cis|trans|\(\+\)|\(-\)|\(r\)|\(s\))-", re.IGNORECASE)
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "omega": "ω"}
_PHOSPHATE = re.compile(r"[- ]?(\d?)-?P$")
_DASHED = re.compile(r"-(\d'?-)(?:phosphate)$")
_CHARGE = re.compile(
    r"\s*\(\d*[+-]\)$|\s+(?:di)?(?:zwitterion|anion|cation|ion)$|\s+tri(?:anion|cation)$"
)

_REDOX = frozenset(
    {
        "iron", "copper", "cobalt", "manganese", "chromium", "nickel", "mercury", "tin", "lead",
        "vanadium", "molybdenum", "hydrogen", "oxygen", "dioxygen", "iodine", "chlorine", "bromine",
        "electron", "",
    }
)  # fmt: skip
"""Whose charge makes another substance of them."""


@cache
def _common() -> dict[str, list[str]]:
    rows = (line.split(": ", 1) for line in _COMMON.strip().splitlines())
    return {name: [other.strip() for other in others.split("|")] for name, others in rows}


def _acid(name: str) -> str | None:
    return (
        f"{name[:-3]}ic acid" if name.endswith("ate") and not name.endswith("phosphate") else None
    )


def _forms(name: str) -> list[str]:
    """Salt and acid, with and without the stereo prefix."""
    out = [name]
    if acid := _acid(name):
        out += [acid, f"{name[:-3]}oic acid", f"{name} ion"]
    if name.endswith("ic acid"):
        out.append(f"{name[:-7]}ate")
    if name.endswith("ylcarnitine"):
        out += [f"o-{name}", f"o-{name[:-9]}-l-carnitine"]
    out += [f"l-{form}" for form in out] + [f"d-{form}" for form in out]
    bare = _STEREO.sub("", name)
    if bare != name:
        out += [bare, acid] if (acid := _acid(bare)) else [bare]
        if bare.endswith("ic acid"):
            out.append(f"{bare[:-7]}ate")
    for word, letter in _GREEK.items():
        out += [form.replace(word, letter) for form in out if word in form]
    return out


def _tries(part: str) -> list[str]:
    lower = spell_greek(re.sub(r"\s+", " ", part.lower()))
    tries = [lower]
    for other in _common().get(lower, ()):
        tries += [other, *_forms(other)]
    tries += _forms(lower)
    if _DASHED.search(lower):
        tries += _forms(_DASHED.sub(r" \1phosphate", lower))
    if _PHOSPHATE.search(part):
        long = _PHOSPHATE.sub(r" \1-phosphate", part).lower().replace("  ", " ")
        tries += _forms(long)
    return list(dict.fromkeys(tries))


def spellings(name: str) -> list[list[str]]:
    """Return, for each compound that a name stands for, its spellings, the best first.

    ``A/B`` stands for both; lipid shorthand (``C34:1 PC``) for its class.
    """
    name = re.sub(r"\s+", " ", name.strip())
    label = lipid_class(name)
    if label is not None:
        return [[label, f"{label}s"]] if label else []
    plain = name
    while (shorter := _BRACKETS.sub("", plain).strip()) != plain:
        plain = shorter
    plain = _EITHER.sub("", plain.replace("_", " "))
    parts = [part.strip() for part in plain.split("/")] if "/" in plain else [plain]
    return [_tries(part) for part in parts if part]


def chargeless(name: str) -> str:
    """Name of a compound whatever its charge: ``pyruvic acid`` and ``pyruvate`` are one."""
    text = re.sub(r"\s+", " ", name.strip().lower().replace("−", "-"))
    while (shorter := _CHARGE.sub("", text)) != text and shorter not in _REDOX:
        text = shorter
    if text.endswith("ic acid"):
        return f"{text[:-7]}ate"
    return f"{text[:-3]}e" if text.endswith("inium") else text
