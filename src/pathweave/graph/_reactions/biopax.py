"""Directed edges from BioPAX level 3, as Reactome and Pathway Commons write it."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pathweave._core.settings import settings
from pathweave.graph._reactions import documents as xml
from pathweave.graph._reactions.biopax_model import Reader, database_of
from pathweave.graph._reactions.build import build
from pathweave.graph._reactions.edges import Rules
from pathweave.graph._reactions.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

    import pandas as pd

    from pathweave.graph._pathway_graph import PathwayGraph

MAX_BYTES = 4 * 2**30
"""Human Reactome, the largest of its files, has some 300 MB; Pathway Commons as a whole 2 GB."""
SUFFIXES = (".owl", ".xml", ".rdf")
LEVEL_3 = "http://www.biopax.org/release/biopax-level3.owl#"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
RDF_ID, RDF_ABOUT, RDF_RESOURCE = f"{RDF}ID", f"{RDF}about", f"{RDF}resource"
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
LEVEL_2 = "http://www.biopax.org/release/biopax-level2.owl#"
XREFS = ("UnificationXref", "RelationshipXref")
CLASSES = frozenset({
    "Pathway", "PathwayStep", "BiochemicalPathwayStep", "Provenance", *XREFS,
    "BiochemicalReaction", "Conversion", "ComplexAssembly", "Degradation", "Transport",
    "TransportWithBiochemicalReaction", "TemplateReaction",
    "Control", "Catalysis", "Modulation", "TemplateReactionRegulation",
    "Interaction", "MolecularInteraction", "GeneticInteraction",
    "PhysicalEntity", "Protein", "SmallMolecule", "Complex", "Dna", "DnaRegion", "Rna", "RnaRegion",
    "EntityReference", "ProteinReference", "SmallMoleculeReference", "DnaReference",
    "DnaRegionReference", "RnaReference", "RnaRegionReference",
})  # fmt: skip
"""What is read; evidence, features, sites and literature, most of any file, are not built."""
PROPERTIES = frozenset({
    "displayName", "standardName", "name", "xref", "db", "id", "dataSource", "pathwayComponent",
    "left", "right", "conversionDirection", "product", "controller", "controlled", "controlType",
    "catalysisDirection", "entityReference", "memberPhysicalEntity", "memberEntityReference",
    "component", "pathwayOrder", "stepProcess", "stepConversion",
})  # fmt: skip
READ_AS = {"PhysicalEntity": "SimplePhysicalEntity"}
"""Reactome gives some drugs as ``PhysicalEntity`` a reference, which only the latter may have."""
SNAKE = re.compile(r"(?<!^)(?=[A-Z])")
RELEASE = re.compile(r"reactome.org/biopax/(\d+)/")


def biopax(
    path_or_files: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    only: str | None = None,
    max_members: int = 60,
    currency: bool = False,
    persisting: bool = False,
    to_inputs: bool = False,
    keep_unknown: bool = False,
    table: pd.DataFrame | None = None,
    database: str | None = None,
) -> PathwayGraph:
    """Read the reactions of BioPAX level 3 as one typed, signed graph.

    The edges are those of `sbml`, where their types are described, and more is known: complexes
    and sets are nested (a set in a complex stays a set), pathways have parents, reactions a
    direction. Besides:

    - a control of a control acts on its reaction, with the product of the signs;
    - a ``TemplateReaction`` gives ``expression`` (+1) and ``repression`` (-1) from what regulates
      it to its products;
    - what helps a ``Degradation`` gives ``inhibition`` (-1) of what is degraded, what hinders it
      ``activation`` (+1), both with the flag ``degradation``;
    - catalysts say which way a reaction goes if it does not say so itself.

    Not read, but counted in ``meta[database]["left_out"]``: pathways as controllers, molecular and
    genetic interactions. Not read: cofactors, stoichiometry, modifications, evidence.

    Needs pybiopax: ``pip install 'pathweave[biopax]'``.

    Parameters
    ----------
    path_or_files
        A file, a folder, or a list of files (``*.owl``); each may be packed (``biopax.zip``).
    only
        Pattern for the names of files in folders and archives (``"Homo_sapiens*"``): Reactome's
        archive holds one file a species.
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
        Name for the edges; ``None`` takes the source that the file names most often.

    Returns
    -------
    The graph. Genes are ``hgnc:...``, compounds ``chebi:...`` (``kegg.compound:...`` where the file
    has no ChEBI number), pathways ``reactome:R-HSA-...``, or named by database and file.
    ``meta[database]`` holds release, sha256 of every file, and losses.

    Raises
    ------
    ImportError
        If pybiopax is not installed.
    FileNotFoundError
        If there is no such file or folder, or no BioPAX in it.
    ValueError
        If a file is not BioPAX level 3, is cut off, or is built to do harm.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pathweave import graph
    >>> def protein(name, accession):
    ...     return f'''<bp:Protein rdf:ID="{name}"><bp:entityReference><bp:ProteinReference
    ...     rdf:about="http://identifiers.org/uniprot/{accession}"><bp:name>{name}</bp:name>
    ...     </bp:ProteinReference></bp:entityReference></bp:Protein>'''
    >>> text = f'''<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    ... xmlns:bp="http://www.biopax.org/release/biopax-level3.owl#">
    ... {protein("p53", "P04637")}{protein("mdm2", "Q00987")}
    ... <bp:TemplateReaction rdf:ID="t"><bp:product rdf:resource="#mdm2"/></bp:TemplateReaction>
    ... <bp:TemplateReactionRegulation rdf:ID="c"><bp:controlType>ACTIVATION</bp:controlType>
    ... <bp:controller rdf:resource="#p53"/><bp:controlled rdf:resource="#t"/>
    ... </bp:TemplateReactionRegulation></rdf:RDF>'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "example.owl").write_text(text)
    ...     graph.biopax(folder)
    PathwayGraph: 2 nodes (2 gene), 1 edges (1 expression), 0 pathways, 0 memberships
    """
    rules = Rules(max_members, currency, persisting, to_inputs)
    etree = xml.needed("lxml.etree", extra="biopax", function="graph.biopax")
    library = xml.needed("pybiopax.biopax.model", extra="biopax", function="graph.biopax")
    kinds = (READ_AS.get(name, name) for name in CLASSES)
    known = {name: _known(getattr(library, name)) for name in kinds}
    model = Model()
    sources: Counter[str] = Counter()
    for name, handle in xml.documents(path_or_files, suffixes=SUFFIXES, only=only, what="BioPAX"):
        digest = hashlib.sha256()
        flat = _Flat(name, etree, known)
        root = flat.read(xml.chunks(name, handle, max_bytes=MAX_BYTES, digest=digest))
        model.left_out["properties that their class does not have"] += flat.misplaced
        objects = _objects(library, root, name)
        source = database or database_of(objects.values())
        Reader(objects, name, source, model).read()
        sources[source] += len(objects)
        model.files[name] = digest.hexdigest()
        release = RELEASE.search(root.base or "")
        model.release = model.release or (release[1] if release else "")
    return build(
        model, rules, database=database or sources.most_common(1)[0][0], origin="biopax",
        table=table, keep_unknown=keep_unknown,
    )  # fmt: skip


def _known(kind: type) -> frozenset[str]:
    """Properties that a class of pybiopax takes; others make it stumble."""
    makers = [base.__dict__["__init__"] for base in kind.__mro__ if "__init__" in base.__dict__]
    taken = {name for maker in makers for name in inspect.signature(maker).parameters}
    return frozenset(name for name in PROPERTIES if SNAKE.sub("_", name).lower() in taken)


class _Flat(xml.Watch):
    """Build a flat tree of the classes and properties that are read while watching the document.

    pybiopax stumbles over comments and foreign tags, and what a property holds inside of it is
    lost with the property; here all objects become children of the root, with links to them.
    """

    def __init__(self, name: str, etree: Any, known: Mapping[str, frozenset[str]]) -> None:
        super().__init__(name, root="RDF", what="BioPAX", namespaces=True)
        self._etree = etree
        self._known = known
        self._open: list[Any] = []
        self._text: list[str] = []
        self._unnamed = 0
        self.root: Any = None
        self.level_2 = False
        self.misplaced = 0

    def read(self, pieces: Iterator[bytes]) -> Any:
        """Tree of what is read of a document, for pybiopax."""
        for piece in pieces:
            self.feed(piece)
        self.finish()
        if not len(self.root):
            level = "level 2" if self.level_2 else "another format"
            msg = f"{self._name} holds no pathway, reaction or molecule of BioPAX level 3 ({level}?); convert it first."
            raise ValueError(msg)
        return self.root

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """See a tag open: the root, then classes and properties take turns."""
        super().start(tag, attributes)
        self._text.clear()
        if self.depth == 1:
            # Not `tag`: lxml refuses some addresses of namespaces that expat lets pass.
            self.root = self._etree.Element(f"{RDF}RDF")
            if XML_BASE in attributes:
                self.root.set(XML_BASE, attributes[XML_BASE])
            self._open.append(self.root)
            return
        self.level_2 |= tag.startswith(f"{{{LEVEL_2}}}")
        local = tag.removeprefix(f"{{{LEVEL_3}}}")
        if local == tag:
            self._open.append(None)
        elif self.depth % 2 == 0:
            self._open.append(self._object(local, attributes))
        else:
            self._open.append(self._property(tag, local, attributes))

    def _object(self, local: str, attributes: dict[str, str]) -> Any:
        if local not in CLASSES:
            return None
        # ``rdf:about="#x"`` is another spelling of ``rdf:ID="x"``; links are ``#x`` for both.
        key = (attributes.get(RDF_ID) or attributes.get(RDF_ABOUT) or "").removeprefix("#")
        if not key:
            self._unnamed += 1
            key = f"unnamed_{self._unnamed}"
        holder = self._open[-1]
        if holder is not None and holder is not self.root:
            holder.set(RDF_RESOURCE, f"#{key}")
        tag = f"{{{LEVEL_3}}}{READ_AS.get(local, local)}"
        return self._etree.SubElement(self.root, tag, {RDF_ABOUT: key})

    def _property(self, tag: str, local: str, attributes: dict[str, str]) -> Any:
        holder = self._open[-1]
        if holder is None or local not in PROPERTIES:
            return None
        if local not in self._known[holder.tag.removeprefix(f"{{{LEVEL_3}}}")]:
            self.misplaced += 1
            return None
        link = attributes.get(RDF_RESOURCE)
        return self._etree.SubElement(holder, tag, {RDF_RESOURCE: link} if link else {})

    def data(self, text: str) -> None:
        """See text; only that of properties is kept."""
        if self.depth % 2 and self._open[-1] is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        """See a tag close."""
        element = self._open.pop()
        if self.depth % 2 and self.depth > 1 and element is not None:
            element.text = "".join(self._text).strip() or None
        self._text.clear()
        super().end(tag)


def _objects(library: Any, root: Any, name: str) -> dict[str, Any]:
    """Let pybiopax build its objects; what it cannot build is a ValueError."""
    try:
        with _quiet(library.PYBIOPAX_TQDM_CONFIG):
            return library.BioPaxModel.from_xml(root).objects
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        msg = f"{name} is not BioPAX level 3 as pybiopax reads it ({error!r}); validate the file."
        raise ValueError(msg) from error


@contextmanager
def _quiet(config: dict[str, Any]) -> Iterator[None]:
    """Show pybiopax's progress bar only if bars are wanted, and leave its settings as they were."""
    before = dict(config)
    config["disable"] = not settings.progress
    try:
        yield
    finally:
        config.clear()
        config.update(before)
