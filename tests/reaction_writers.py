"""Made-up reactions written as Reactome writes SBML and BioPAX: one biology, two spellings."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

UNIPROT = {
    "CDK2": "P24941", "CCNE1": "P24864", "RB1": "P06400", "CDKN1A": "P38936", "MAPK1": "P28482",
    "MAPK3": "P27361", "JUN": "P05412", "EGF": "P01133", "GPI": "P06744", "FBXW7": "Q969H0-1",
    "TP53": "P04637", "MDM2": "Q00987", "VIRUS": "P03431",
}  # fmt: skip
CHEBI = {"ATP": 30616, "ADP": 456216, "G6P": 4170, "F6P": 16084, "AMP": 456215}
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
BQ = "http://biomodels.net/biology-qualifiers/"


@dataclass(frozen=True)
class Thing:
    """A gene or compound (by name), or a complex or set of things; `form` tells modified ones apart."""

    name: str
    kind: str = "single"
    parts: tuple[Thing, ...] = ()
    form: str = ""

    @property
    def number(self):
        return 1000 + sum(ord(c) * (i + 7) for i, c in enumerate(f"{self.name}{self.form}"))

    def leaves(self):
        return [self] if not self.parts else [x for p in self.parts for x in p.leaves()]

    def all(self):
        return [self, *(x for p in self.parts for x in p.all())]


@dataclass(frozen=True)
class Step:
    """A reaction; controls are (thing, role)."""

    number: int
    inputs: tuple[Thing, ...] = ()
    outputs: tuple[Thing, ...] = ()
    controls: tuple[tuple[Thing, str], ...] = ()
    reversible: bool = False
    kind: str = "BiochemicalReaction"


@dataclass
class Path:
    """A pathway: its own reactions, and pathways below it."""

    number: int
    name: str
    steps: list[Step] = field(default_factory=list)
    below: list[Path] = field(default_factory=list)

    def all_steps(self):
        return self.steps + [s for p in self.below for s in p.all_steps()]

    def all_paths(self):
        return [self, *(x for p in self.below for x in p.all_paths())]


def things_of(steps):
    found = {}
    for step in steps:
        for thing in (*step.inputs, *step.outputs, *(c for c, _ in step.controls)):
            found.update({x.number: x for x in thing.all()})
    return found


SBO = {"catalyst": "13", "positiveregulator": "459", "negativeregulator": "20"}
CLASS = {"complex": "Complex", "set": "DefinedSet"}
TERM = {"complex": ' sboTerm="SBO:0000253"', "set": "", "single": ' sboTerm="SBO:0000297"'}


def link(thing):
    if thing.name in CHEBI:
        return f"http://www.ebi.ac.uk/chebi/searchId.do?chebiId=CHEBI:{CHEBI[thing.name]}"
    return f"https://purl.uniprot.org/uniprot/{UNIPROT[thing.name]}"


def described(meta, terms):
    bags = "".join(
        f"<bqbiol:{q}><rdf:Bag>"
        + "".join(f"<rdf:li rdf:resource={quoteattr(u)} />" for u in links)
        + f"</rdf:Bag></bqbiol:{q}>"
        for q, links in terms
        if links
    )
    return (
        f'<annotation><rdf:RDF xmlns:rdf="{RDF}" xmlns:bqbiol="{BQ}">'
        f'<rdf:Description rdf:about="#{meta}">{bags}</rdf:Description></rdf:RDF></annotation>'
    )


def sbml_text(path):
    """Write one pathway as Reactome's exporter does: all reactions below it, members in flat lists."""
    page = "https://reactome.org/content/detail/R-HSA-"
    species = []
    for thing in things_of(path.all_steps()).values():
        meta = f"metaid_s{thing.number}"
        if thing.kind == "single":
            terms = [("is", [link(thing), f"{page}{thing.number}"])]
            note = "EntityWithAccessionedSequence. This is a protein"
        else:
            parts = dict.fromkeys(link(x) for x in thing.leaves())
            terms = [("is", [f"{page}{thing.number}"]), ("hasPart", parts)]
            note = f"{CLASS[thing.kind]}. Here is Reactomes nested structure"
        species.append(
            f'<species boundaryCondition="false" compartment="compartment_1" constant="false" '
            f'hasOnlySubstanceUnits="false" id="species_{thing.number}" metaid="{meta}" '
            f'name="{escape(thing.name)} [cytosol]"{TERM[thing.kind]}><notes>'
            f'<p xmlns="http://www.w3.org/1999/xhtml">Derived from a Reactome {note}</p></notes>'
            f"{described(meta, terms)}</species>"
        )
    reactions = "".join(map(sbml_reaction, path.all_steps()))
    return (
        "<?xml version='1.0' encoding='utf-8' standalone='no'?>"
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
        '<annotation><p xmlns="http://www.w3.org/1999/xhtml">SBML generated from Reactome version 91'
        " on 1/1/25 using JSBML version 1.5.</p></annotation>"
        f'<model id="pathway_{path.number}" metaid="metaid_0" name={quoteattr(path.name)}>'
        f"{described('metaid_0', [('is', [f'{page}{path.number}'])])}"
        '<listOfCompartments><compartment constant="true" id="compartment_1" name="cytosol" />'
        f"</listOfCompartments><listOfSpecies>{''.join(species)}</listOfSpecies>"
        f"<listOfReactions>{reactions}</listOfReactions></model></sbml>"
    )


def sbml_reaction(step):
    def side(tag, things, term):
        if not things:
            return ""
        inside = "".join(
            f'<speciesReference constant="true" sboTerm="SBO:00000{term}" stoichiometry="1" '
            f'species="species_{t.number}" />'
            for t in things
        )
        return f"<{tag}>{inside}</{tag}>"

    modifiers = "".join(
        f'<modifierSpeciesReference id="modifierspeciesreference_{step.number}_{role}_{t.number}" '
        f'sboTerm="SBO:{SBO[role]:0>7}" species="species_{t.number}" />'
        for t, role in step.controls
    )
    meta = f"metaid_r{step.number}"
    terms = [("is", [f"https://reactome.org/content/detail/R-HSA-{step.number}"])]
    return (
        f'<reaction fast="false" id="reaction_{step.number}" metaid="{meta}" '
        f'reversible="{str(step.reversible).lower()}">{described(meta, terms)}'
        + side("listOfReactants", step.inputs, 10)
        + side("listOfProducts", step.outputs, 11)
        + (f"<listOfModifiers>{modifiers}</listOfModifiers>" if modifiers else "")
        + "</reaction>"
    )


STRING = 'rdf:datatype="http://www.w3.org/2001/XMLSchema#string"'
HEAD = (
    f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:bp="http://www.biopax.org/release/biopax-level3.owl#" '
    'xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:owl="http://www.w3.org/2002/07/owl#" '
    'xml:base="http://www.reactome.org/biopax/91/48887#">'
    '<owl:Ontology rdf:about=""><owl:imports rdf:resource="http://www.biopax.org/release/'
    'biopax-level3.owl" /></owl:Ontology>'
)


def text_of(tag, text):
    return f"<bp:{tag} {STRING}>{escape(str(text))}</bp:{tag}>"


def to(tag, target):
    return f'<bp:{tag} rdf:resource="#{target}" />'


def xref(key, database, number):
    return (
        f'<bp:UnificationXref rdf:ID="{key}">{text_of("db", database)}{text_of("id", number)}'
        "</bp:UnificationXref>"
    )


def bp(kind, key, *inside):
    return f'<bp:{kind} rdf:ID="{key}">{"".join(inside)}</bp:{kind}>'


def biopax_text(*paths, extra=""):
    """Write pathways as Reactome's BioPAX: members nested, pathways with their components."""
    every = [x for p in paths for x in p.all_paths()]
    steps = {s.number: s for p in every for s in p.steps}
    out = [HEAD, bp("Provenance", "Provenance1", text_of("name", "Reactome"))]
    for path in every:
        components = [to("pathwayComponent", f"r{s.number}") for s in path.steps]
        components += [to("pathwayComponent", f"p{p.number}") for p in path.below]
        out.append(
            bp("Pathway", f"p{path.number}", *components, text_of("displayName", path.name),
               to("xref", f"px{path.number}"), to("dataSource", "Provenance1"))
        )  # fmt: skip
        out.append(xref(f"px{path.number}", "Reactome", f"R-HSA-{path.number}"))
    references = {}
    for thing in things_of(steps.values()).values():
        out.append(biopax_entity(thing))
        out.append(xref(f"ex{thing.number}", "Reactome", f"R-HSA-{thing.number}"))
        if thing.kind == "single":
            references[thing.name] = biopax_reference(thing)
    out += references.values()
    for step in steps.values():
        out += biopax_reaction(step)
    return "".join([*out, extra, "</rdf:RDF>"])


def biopax_entity(thing):
    kind = "SmallMolecule" if thing.name in CHEBI else "Protein"
    inside = [text_of("displayName", thing.name), to("xref", f"ex{thing.number}")]
    if thing.kind == "single":
        inside.append(to("entityReference", f"ref_{thing.name}"))
    elif thing.kind == "complex":
        kind = "Complex"
        inside += [to("component", f"e{p.number}") for p in thing.parts]
    else:
        inside += [to("memberPhysicalEntity", f"e{p.number}") for p in thing.parts]
    return bp(kind, f"e{thing.number}", *inside, "<!-- a comment -->")


def biopax_reference(thing):
    if thing.name in CHEBI:
        kind, database, number = "SmallMoleculeReference", "ChEBI", CHEBI[thing.name]
    else:
        number = UNIPROT[thing.name]
        kind, database = "ProteinReference", "UniProt Isoform" if "-" in number else "UniProt"
    return bp(kind, f"ref_{thing.name}", to("xref", f"rx_{thing.name}")) + xref(
        f"rx_{thing.name}", database, number
    )


def biopax_reaction(step):
    direction = "REVERSIBLE" if step.reversible else "LEFT-TO-RIGHT"
    inside = [text_of("conversionDirection", direction)]
    inside += [to("left", f"e{t.number}") for t in step.inputs]
    inside += [to("right", f"e{t.number}") for t in step.outputs]
    inside += [to("xref", f"rxx{step.number}"), to("dataSource", "Provenance1")]
    yield bp(step.kind, f"r{step.number}", *inside)
    yield xref(f"rxx{step.number}", "Reactome", f"R-HSA-{step.number}")
    for i, (thing, role) in enumerate(step.controls):
        kind = "Catalysis" if role == "catalyst" else "Control"
        how = "INHIBITION" if role == "negativeregulator" else "ACTIVATION"
        yield bp(
            kind, f"c{step.number}_{i}", to("controller", f"e{thing.number}"),
            to("controlled", f"r{step.number}"), text_of("controlType", how),
        )  # fmt: skip


def one(name, form=""):
    return Thing(name, form=form)


def bound(*parts):
    return Thing(":".join(p.name for p in parts), "complex", parts)


def either(*parts):
    return Thing(",".join(p.name for p in parts), "set", parts)


CYCLIN = bound(one("CDK2"), one("CCNE1"))
PHOSPHORYLATION = Step(
    101, (one("RB1"), one("ATP")), (one("RB1", "p"), one("ADP")),
    ((CYCLIN, "catalyst"), (one("CDKN1A"), "negativeregulator")),
)  # fmt: skip
ASSEMBLY = Step(102, (one("CDK2"), one("CCNE1")), (CYCLIN,))
KINASES = Step(
    103, (one("JUN"),), (one("JUN", "p"),),
    ((either(one("MAPK1"), one("MAPK3")), "catalyst"), (one("EGF"), "positiveregulator")),
)  # fmt: skip
ISOMERS = Step(104, (one("G6P"),), (one("F6P"),), ((one("GPI"), "catalyst"),), reversible=True)
NESTED = Step(105, (one("CDKN1A"), CYCLIN), (bound(CYCLIN, one("CDKN1A")),))
DEGRADED = Step(106, (one("CCNE1"),), (), ((one("FBXW7"), "catalyst"),))
MOVED = Step(107, (one("TP53"),), (one("TP53", "nucleus"),))
TURNED = Step(108, (one("TP53"),), (one("MDM2"),), ((one("VIRUS"), "positiveregulator"),))

LOWER = Path(2002, "Lower & smaller", [KINASES, ISOMERS, MOVED, TURNED])
UPPER = Path(2001, "Upper", [PHOSPHORYLATION, ASSEMBLY, NESTED, DEGRADED], [LOWER])
U, L = "reactome:R-HSA-2001", "reactome:R-HSA-2002"

EXPECTED = {
    # The complex acts on the protein it changes; ATP and ADP are currency.
    ("CDK2", "RB1", "catalysis", 0, True, 1.0, U),
    ("CCNE1", "RB1", "catalysis", 0, True, 1.0, U),
    ("CDKN1A", "RB1", "inhibition", -1, True, 1.0, U),
    ("CDKN1A", "CDK2", "inhibition", -1, True, 1.0, U),
    ("CDKN1A", "CCNE1", "inhibition", -1, True, 1.0, U),
    # Two members: weight 1; three members: 1/2, but for the pair that is a complex of its own.
    ("CCNE1", "CDK2", "complex", 0, False, 1.0, U),
    ("CDK2", "CDKN1A", "complex", 0, False, 0.5, U),
    ("CCNE1", "CDKN1A", "complex", 0, False, 0.5, U),
    # Members of a set stand for each other: no edge between them.
    ("MAPK1", "JUN", "catalysis", 0, True, 1.0, L),
    ("MAPK3", "JUN", "catalysis", 0, True, 1.0, L),
    ("EGF", "JUN", "activation", 1, True, 1.0, L),
    ("EGF", "MAPK1", "activation", 1, True, 1.0, L),
    ("EGF", "MAPK3", "activation", 1, True, 1.0, L),
    # Reversible: both ways.
    ("CHEBI:4170", "CHEBI:16084", "conversion", 0, True, 1.0, L),
    ("CHEBI:16084", "CHEBI:4170", "conversion", 0, True, 1.0, L),
    ("CHEBI:4170", "GPI", "catalysis", 0, True, 1.0, L),
    ("GPI", "CHEBI:16084", "catalysis", 0, True, 1.0, L),
    ("CHEBI:16084", "GPI", "catalysis", 0, True, 1.0, L),
    ("GPI", "CHEBI:4170", "catalysis", 0, True, 1.0, L),
    ("TP53", "MDM2", "reaction", 0, True, 1.0, L),
}
"""Edges of `UPPER`, by symbols; ends of undirected ones in alphabetical order."""


def rows(graph):
    """Edges by symbols, in the form of `EXPECTED`."""
    symbol = graph.nodes.set_index("id")["symbol"]
    table = graph.edges
    out = set()
    for edge in table.itertuples():
        ends = [symbol[edge.source], symbol[edge.target]]
        if not edge.directed:
            ends.sort()
        out.add((*ends, edge.type, edge.sign, edge.directed, edge.weight, edge.pathways))
    return out


def sound(read, file):
    """Whether a damaged file gives a graph without loops, or an error that names it."""
    try:
        graph = read(file)
    except ValueError as error:
        return file.name in str(error)
    return not (graph.edges["source"] == graph.edges["target"]).any()
