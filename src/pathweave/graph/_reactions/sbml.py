"""Directed edges from Reactome's SBML: one file a pathway."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from pathweave.graph._reactions import documents as xml
from pathweave.graph._reactions.build import build
from pathweave.graph._reactions.edges import Rules
from pathweave.graph._reactions.model import Control, Entity, Model, Reaction
from pathweave.graph._reactions.names import best_names, clean_id, identify, reactome_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd

    from pathweave.graph._pathway_graph import PathwayGraph

MAX_BYTES = 256 * 2**20
"""Reactome's largest file, a pathway of the top level, has some tens of MB."""
SUFFIXES = (".sbml", ".xml")

IS, HAS_PART, IS_VERSION_OF = 0, 1, 3
"""libSBML's numbers of the qualifiers; they are checked in the tests."""
CATALYSTS = frozenset({13, 460})
SIGNS = {
    **dict.fromkeys((459, 21, 461, 462, 533, 534, 535, 636, 637), 1),
    **dict.fromkeys((20, 206, 207, 536, 537, 638, 639, 640), -1),
}
"""Terms of SBO: stimulators and inhibitors of all kinds (Reactome writes 459 and 20)."""
COMPLEX_TERMS = frozenset({253, 296, 297})
"""Terms of SBO: non-covalent complex, macromolecular complex, protein complex."""
CLASS = re.compile(r"Derived from a Reactome (\w+)")
SETS = frozenset({"DefinedSet", "CandidateSet", "OpenSet", "EntitySet"})
COMPARTMENT = re.compile(r"\s*\[[^\]]*\]$")
RELEASE = re.compile(r"Reactome version (\d+)")


def sbml(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    only: str | None = None,
    hierarchy: PathwayGraph | None = None,
    max_members: int = 60,
    currency: bool = False,
    persisting: bool = False,
    to_inputs: bool = False,
    keep_unknown: bool = False,
    table: pd.DataFrame | None = None,
    database: str | None = None,
) -> PathwayGraph:
    """Read the reactions of SBML files, as Reactome writes them, as one typed, signed graph.

    A reaction gives, for what goes in, what comes out, and what controls it:

    - ``conversion``: compound in to compound out;
    - ``catalysis``: compound in to gene of the catalyst, gene of the catalyst to compounds that
      come out and to genes that come out changed, unsigned;
    - ``reaction``: gene in to gene out, unsigned, where at least one of the two is on one side
      alone (see `persisting`);
    - ``activation`` (+1), ``inhibition`` (-1), ``regulation`` (0, how is not known): gene or
      compound of a regulator to compounds that come out, to genes that come out changed, and to
      the genes of the catalyst;
    - ``expression`` (+1) and ``repression`` (-1) in their place where the reaction reads DNA;
    - ``complex``: undirected, between different parts of each complex that takes part, of
      weight 1 / (members - 1).

    A gene comes out changed if it comes out as an entity that did not go in: modified, cleaved,
    moved or new; where that holds of none, or is not known, all that come out count. Complexes
    act through all their members, sets through any of them; a complex that acts on some of its own
    members does so through the others, and so does a regulator that holds the enzyme or an input.
    Of a compound bound in a complex only the ``complex`` edges are read. Reversible reactions go
    both ways. What is left out is counted in ``meta[database]["left_out"]``.

    **What this format cannot tell.** Reactome writes the members of a complex or a set as one flat
    list of accessions. What a species is as a whole (complex or set) is known, what is inside is
    not: of a set within a complex the alternatives get ``complex`` edges with each other, of a
    complex within a set none are read, and which member of a complex a reaction changes cannot be
    told. Nor are parents of pathways there (see `hierarchy`), degradation (a reaction that fails
    has no outputs either), or which of two catalysts a regulator acts on. `biopax` knows all but
    the last; prefer it.

    Needs libSBML: ``pip install 'pathweave[sbml]'``.

    Parameters
    ----------
    path_or_files
        A file, a folder, or a list of files; each may be packed (``homo_sapiens.3.1.sbml.tgz``).
    only
        Pattern for the names of files in folders and archives (``"R-HSA-*"``).
    hierarchy
        A graph that knows the parents of pathways, such as `reactome`'s. The file of a pathway
        repeats all reactions of those below it; with this they belong to the lowest alone.
    max_members
        Complexes and sets of more genes and compounds give no edges; their members stay members
        of pathways.
    currency
        Also read water, protons, ATP, ADP, phosphates, NAD(P)(H), CO2, O2 and CoA.
    persisting
        Also ``reaction`` edges between genes, and ``conversion`` edges between compounds, that are
        on both sides of a reaction: bound, moved, modified. graphite has these.
    to_inputs
        Let controls act on what goes in too, with the same sign, as in graphite.
    keep_unknown
        Keep proteins of other species and genes that HGNC does not know, as ``uniprot:...``.
    table
        What the user knows better of genes, see `pathweave.ids.map`: the way to another species.
    database
        Name for the edges; ``None`` takes ``"reactome"`` if the file says so, else ``"sbml"``.

    Returns
    -------
    The graph. Genes are ``hgnc:...``, compounds ``chebi:...``, pathways ``reactome:R-HSA-...``.
    ``meta[database]`` holds release, sha256 of every file, and losses.

    Raises
    ------
    ImportError
        If libSBML is not installed.
    FileNotFoundError
        If there is no such file or folder, or no SBML in it.
    ValueError
        If a file is not SBML, is cut off, or is built to do harm.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pathweave import graph
    >>> def species(name, accession):
    ...     return f'''<species id="{name}" metaid="m_{name}" compartment="c" constant="false"
    ...     hasOnlySubstanceUnits="false" boundaryCondition="false"><annotation>
    ...     <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    ...     xmlns:bqbiol="http://biomodels.net/biology-qualifiers/">
    ...     <rdf:Description rdf:about="#m_{name}"><bqbiol:is><rdf:Bag>
    ...     <rdf:li rdf:resource="https://identifiers.org/uniprot:{accession}"/>
    ...     </rdf:Bag></bqbiol:is></rdf:Description></rdf:RDF></annotation></species>'''
    >>> text = f'''<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3"
    ... version="1"><model id="example"><listOfCompartments><compartment id="c" constant="true"/>
    ... </listOfCompartments><listOfSpecies>{species("a", "P04637")}{species("b", "Q00987")}
    ... </listOfSpecies><listOfReactions><reaction id="r" reversible="false" fast="false">
    ... <listOfProducts><speciesReference species="a" constant="true"/></listOfProducts>
    ... <listOfModifiers><modifierSpeciesReference sboTerm="SBO:0000020" species="b"/>
    ... </listOfModifiers></reaction></listOfReactions></model></sbml>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "example.sbml").write_text(text)
    ...     graph.sbml(folder)
    PathwayGraph: 2 nodes (2 gene), 1 edges (1 inhibition), 1 pathways, 2 memberships
    """
    rules = Rules(max_members, currency, persisting, to_inputs)
    library = xml.needed("libsbml", extra="sbml", function="graph.sbml")
    model = Model()
    foreign = False
    found = xml.documents(path_or_files, suffixes=SUFFIXES, only=only, what="SBML")
    for name, handle in found:
        text, sha256 = _text(name, handle)
        model.files[name] = sha256
        foreign |= not _read(model, _parsed(library, text, name), name)
        if not model.release and (release := RELEASE.search(text)):
            model.release = release[1]
    return build(
        model, rules, database=database or ("sbml" if foreign else "reactome"), origin="sbml",
        table=table, keep_unknown=keep_unknown, hierarchy=hierarchy,
    )  # fmt: skip


def _text(name: str, handle: xml.Readable) -> tuple[str, str]:
    """Whole text of a document that was looked at, and its sha256."""
    watch = xml.Watch(name, root="sbml", what="SBML")
    digest = hashlib.sha256()
    pieces = []
    for chunk in xml.chunks(name, handle, max_bytes=MAX_BYTES, digest=digest):
        watch.feed(chunk)
        pieces.append(chunk)
    watch.finish()
    try:
        return b"".join(pieces).decode("utf-8-sig"), digest.hexdigest()
    except UnicodeDecodeError as error:
        msg = f"{name} is not UTF-8 ({error.reason}), which SBML must be; convert it."
        raise ValueError(msg) from error


def _parsed(library: Any, text: str, name: str) -> Any:
    """Model of the document; raise what libSBML has to say against it."""
    document = library.readSBMLFromString(text)
    errors = [document.getError(i) for i in range(document.getNumErrors())]
    bad = [error for error in errors if error.isError() or error.isFatal()]
    if bad or document.getModel() is None:
        said = bad[0].getMessage().strip() if bad else "it holds no model"
        line = f" in line {bad[0].getLine()}" if bad and bad[0].getLine() else ""
        msg = f"{name} is not SBML that can be read ({len(bad)} error(s), the first{line}: {said})."
        raise ValueError(msg)
    # The model belongs to the document, which must outlive it.
    return document


def _terms(element: Any) -> dict[int, list[str]]:
    """Links of an element by qualifier."""
    out: dict[int, list[str]] = {}
    for i in range(element.getNumCVTerms()):
        term = element.getCVTerm(i)
        if term.getQualifierType() == 1:
            links = (term.getResourceURI(k) for k in range(term.getNumResources()))
            out.setdefault(term.getBiologicalQualifierType(), []).extend(links)
    return out


def _read(model: Model, document: Any, name: str) -> bool:
    """Add a document to the model; return whether it is of Reactome."""
    source = document.getModel()
    own = reactome_id(_terms(source).get(IS, []))
    pathway = f"reactome:{own}" if own else _local_id(source.getId(), name)
    model.add_pathway(pathway, source.getName() or source.getId())
    keys = {}
    for i in range(source.getNumSpecies()):
        species = source.getSpecies(i)
        terms = _terms(species)
        key = reactome_id(terms.get(IS, [])) or f"{name}#{species.getId()}"
        keys[species.getId()] = key
        if key not in model.entities:
            model.entities[key] = _entity(species, terms, model)
    for i in range(source.getNumReactions()):
        reaction = source.getReaction(i)
        key = reactome_id(_terms(reaction).get(IS, [])) or f"{name}#{reaction.getId()}"
        model.add_reaction(key, _reaction(reaction, keys, pathway))
    return bool(own)


def _local_id(text: str, name: str) -> str:
    return f"sbml:{clean_id(text or PurePosixPath(name).stem)}"


def _entity(species: Any, terms: dict[int, list[str]], model: Model) -> Entity:
    label = COMPARTMENT.sub("", species.getName())
    names = best_names(terms.get(IS, [])) or best_names(terms.get(IS_VERSION_OF, []))
    links = terms.get(HAS_PART, [])
    if names or not links:
        dna = bool(names) and names[0].startswith("ensembl:")
        return Entity("single", names, label=label, dna=dna)
    parts = []
    for link in dict.fromkeys(links):
        part = identify(link)
        key = part or reactome_id([link]) or link
        parts.append(key)
        if part or not reactome_id([link]):
            names = (part,) if part else ()
            single = Entity("single", names, dna=part.startswith("ensembl:"))
            model.entities.setdefault(key, single)
    return Entity(_kind(species, terms), parts=tuple(sorted(parts)), label=label, flat=True)


def _kind(species: Any, terms: dict[int, list[str]]) -> Literal["complex", "set"]:
    """Tell sets from complexes: by Reactome's words, else by the term of SBO (sets have none)."""
    said = CLASS.search(species.getNotesString())
    if said:
        return "set" if said[1] in SETS else "complex"
    of_reactome = bool(reactome_id(terms.get(IS, [])))
    return "set" if of_reactome and species.getSBOTerm() not in COMPLEX_TERMS else "complex"


def _reaction(reaction: Any, keys: dict[str, str], pathway: str) -> Reaction:
    def side(number: int, get: Any) -> tuple[str, ...]:
        species = (get(i).getSpecies() for i in range(number))
        return tuple(dict.fromkeys(keys.get(one, one) for one in species))

    modifiers = [reaction.getModifier(i) for i in range(reaction.getNumModifiers())]
    controls = dict.fromkeys(
        _control(keys.get(one.getSpecies(), one.getSpecies()), one.getSBOTerm())
        for one in modifiers
    )
    return Reaction(
        inputs=side(reaction.getNumReactants(), reaction.getReactant),
        outputs=side(reaction.getNumProducts(), reaction.getProduct),
        controls=tuple(controls),
        reversible=reaction.getReversible(),
        pathways={pathway},
    )


def _control(key: str, term: int) -> Control:
    """Read the term of SBO: a catalyst, a stimulator, an inhibitor, or one of their kinds."""
    if term in CATALYSTS:
        return Control(key, "catalyst")
    return Control(key, "regulator", SIGNS.get(term, 0))
