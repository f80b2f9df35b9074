"""What the objects of a BioPAX file mean: entities, reactions, controls and pathways."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from pathweave.graph._reactions.model import Control, Entity, Reaction
from pathweave.graph._reactions.names import best_names, clean_id, reactome_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathweave.graph._reactions.model import Model

PATHWAY_IDS = (
    (re.compile(r"^(R-[A-Z]{3}-\d+(?:-\d+)?)(?:\.\d+)?$"), "reactome"),
    (re.compile(r"^(REACT_\d+)(?:\.\d+)?$"), "reactome"),
    (re.compile(r"^(?:path:)?([a-z]{3,4}\d{5})$"), "kegg.pathway"),
    (re.compile(r"^(WP\d+)(?:_r\d+)?$"), "wikipathways"),
    (re.compile(r"^(SMP\d{5,7})$"), "smpdb"),
)
LEFT_OUT = {
    "GeneticInteraction": "genetic interactions",
    "MolecularInteraction": "molecular interactions",
    "Interaction": "interactions without direction",
}


def class_of(thing: object) -> str:
    """Name of the BioPAX class; texts (links to nowhere) have none."""
    return "" if isinstance(thing, str) or thing is None else type(thing).__name__


def _text(value: object) -> str:
    """A text, or an empty one where a file puts an object or nothing."""
    return value if isinstance(value, str) else ""


def _label(thing: Any) -> str:
    return next(filter(None, map(_text, (thing.display_name, *thing.name))), "")


def database_of(objects: Iterable[Any]) -> str:
    """Name of the source that most objects have, made fit for ids; ``biopax`` where none has."""
    found = Counter(
        source
        for thing in objects
        for source in getattr(thing, "data_source", ())
        if class_of(source) == "Provenance"
    )
    for source, _ in found.most_common(1):
        # "Reactome (http://reactome.org)", "Pathway Commons"
        name = clean_id(re.sub(r"\(.*?\)", "", _label(source)).lower())
        return name.partition(":")[0][:30] or "biopax"
    return "biopax"


class Reader:
    """Read the objects of one file into a model.

    Parameters
    ----------
    objects
        What pybiopax found, by uid.
    file
        Name of the file: part of the keys of what has no stable id.
    database
        Prefix of the ids of pathways that have no known stable id.
    model
        Where all is written.
    """

    def __init__(self, objects: dict[str, Any], file: str, database: str, model: Model) -> None:
        self._objects = objects
        self._file = file
        self._database = database
        self._model = model

    def read(self) -> None:
        """Read entities, reactions and pathways."""
        things = list(self._objects.values())
        pathways = {
            id(thing): self._pathway_id(thing) for thing in things if class_of(thing) == "Pathway"
        }
        carried = self._pathways([t for t in things if class_of(t) == "Pathway"], pathways)
        controls = self._controls(things)
        for thing in things:
            self._entity(thing)
            kind = class_of(thing)
            if hasattr(thing, "left") or kind == "TemplateReaction":
                reaction = self._reaction(thing, controls.get(id(thing), []))
                reaction.pathways = carried.get(id(thing), set())
                self._model.add_reaction(self._key(thing), reaction)
            elif kind in LEFT_OUT:
                self._model.left_out[LEFT_OUT[kind]] += 1

    def _key(self, thing: Any) -> str:
        """Stable id of an object if it has one, so that several files can speak of the same."""
        links = [*_unification(thing), str(thing.uid)]
        return reactome_id(links) or f"{self._file}#{thing.uid}"

    def _pathway_id(self, pathway: Any) -> str:
        links = [link.partition(":")[2] for link in _unification(pathway)]
        for candidate in (*links, str(pathway.uid).rsplit("/", 1)[-1]):
            for pattern, prefix in PATHWAY_IDS:
                match = pattern.match(candidate)
                if match:
                    return f"{prefix}:{match[1]}"
        local = re.split(r"[/#]", str(pathway.uid))[-1] or str(pathway.uid)
        return f"{self._database}:{clean_id(local)}"

    def _pathways(self, found: list[Any], ids: dict[int, str]) -> dict[int, set[str]]:
        """Add pathways and their parents; return the pathways of each process."""
        out: dict[int, set[str]] = {}
        parents: dict[str, set[str]] = {}
        for pathway in found:
            for part in _parts_of(pathway):
                if class_of(part) == "Pathway":
                    parents.setdefault(ids[id(part)], set()).add(ids[id(pathway)])
                elif class_of(part):
                    out.setdefault(id(part), set()).add(ids[id(pathway)])
        for pathway in found:
            key = ids[id(pathway)]
            self._model.add_pathway(key, _label(pathway), parents.get(key, ()))
        return out

    def _entity(self, thing: Any) -> None:
        if not hasattr(thing, "member_physical_entity"):
            return
        label = _label(thing)
        members = self._keys(thing.member_physical_entity)
        components = self._keys(getattr(thing, "component", ()))
        if members:
            entity = Entity("set", parts=members, label=label)
        elif components:
            entity = Entity("complex", parts=components, label=label)
        else:
            names = _names(thing)
            of_gene = bool(names) and names[0].startswith("ensembl:")
            dna = class_of(thing) in {"Dna", "DnaRegion"} or of_gene
            entity = Entity("single", names, label=label, dna=dna)
        self._model.entities[self._entity_key(thing)] = entity

    def _entity_key(self, thing: Any) -> str:
        return f"{self._file}#{thing.uid}"

    def _keys(self, things: Iterable[Any]) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                self._entity_key(t) if class_of(t) else f"{self._file}#{t}" for t in things if t
            )
        )

    def _reaction(self, thing: Any, controls: list[tuple[Control, str]]) -> Reaction:
        found = tuple(dict.fromkeys(control for control, _ in controls))
        if class_of(thing) == "TemplateReaction":
            # Whatever makes or hinders transcription regulates it.
            acting = tuple(Control(c.controller, "regulator", c.sign) for c in found)
            products = self._keys(thing.product)
            return Reaction((), products, acting, kind="transcription")
        left, right = self._keys(thing.left), self._keys(thing.right)
        direction = _direction(thing.conversion_direction)
        if not direction:
            # Only where the reaction itself is silent do its catalysts say which way it goes.
            ways = {way for _, way in controls if way}
            direction = ways.pop() if len(ways) == 1 else "both" if ways else "right"
        if direction == "left":
            left, right = right, left
        kind: Literal["reaction", "degradation"] = "reaction"
        if class_of(thing) == "Degradation":
            kind = "degradation"
        return Reaction(left, right, found, reversible=direction == "both", kind=kind)

    def _controls(self, things: list[Any]) -> dict[int, list[tuple[Control, str]]]:
        """Controls of each reaction, those of its controls included, and the way they say."""
        out: dict[int, list[tuple[Control, str]]] = {}
        for thing in things:
            if not hasattr(thing, "control_type"):
                continue
            end, sign, steps = _end(thing)
            if end is None:
                self._model.left_out["controls of nothing that is a reaction"] += 1
                continue
            catalyst = class_of(thing) == "Catalysis" and steps == 1 and sign >= 0
            way = _direction(getattr(thing, "catalysis_direction", None))
            for controller in thing.controller:
                if class_of(controller) == "Pathway":
                    self._model.left_out["controllers that are pathways"] += 1
                    continue
                for key in self._keys([controller]):
                    role: Literal["catalyst", "regulator"] = "catalyst" if catalyst else "regulator"
                    control = Control(key, role, 1 if catalyst else sign)
                    out.setdefault(id(end), []).append((control, way))
        return out


def _parts_of(pathway: Any) -> list[Any]:
    """Processes and pathways in a pathway; where it lists none, those of its steps."""
    if pathway.pathway_component:
        return list(pathway.pathway_component)
    steps = [step for step in pathway.pathway_order if hasattr(step, "step_process")]
    found = [process for step in steps for process in step.step_process]
    found += [getattr(step, "step_conversion", None) for step in steps]
    return [part for part in found if part is not None]


def _links(thing: Any) -> list[str]:
    """References of an object as ``database:id``, those that identify it first."""
    found = [
        xref for xref in thing.xref if class_of(xref) in {"UnificationXref", "RelationshipXref"}
    ]
    found.sort(key=class_of, reverse=True)
    return _spelled(found)


def _names(thing: Any) -> tuple[str, ...]:
    """Names of a molecule: of its reference, its reference's members, or its own."""
    seen: set[int] = set()
    todo: list[Any] = [getattr(thing, "entity_reference", None)]
    found: list[str] = []
    while todo:
        at = todo.pop()
        if isinstance(at, str):
            found.append(at)
        elif hasattr(at, "member_entity_reference") and id(at) not in seen:
            seen.add(id(at))
            own = _names_of_reference(at)
            found += own
            if not own:
                todo += at.member_entity_reference
    return best_names(found) or best_names(_unification(thing))


def _names_of_reference(reference: Any) -> list[str]:
    """Its address, else references that identify it, else the one that is related to it.

    The address comes first: Pathway Commons lists secondary numbers beside it as if they identified.
    """
    for texts in ([str(reference.uid)], _unification(reference)):
        if best_names(texts):
            return texts
    related = best_names(_links(reference))
    return list(related) if len(related) == 1 else []


def _unification(thing: Any) -> list[str]:
    return _spelled(xref for xref in thing.xref if class_of(xref) == "UnificationXref")


def _spelled(xrefs: Iterable[Any]) -> list[str]:
    found = ((_text(xref.db), _text(xref.id)) for xref in xrefs)
    return [f"{database}:{number}" for database, number in found if database and number]


def _direction(text: object) -> str:
    """``right``, ``left`` or ``both``; Reactome writes LEFT-TO-RIGHT, others LEFT_TO_RIGHT."""
    word = _text(text).upper().replace("_", "-")
    if word == "REVERSIBLE":
        return "both"
    return "left" if "RIGHT-TO-LEFT" in word else "right" if "LEFT-TO-RIGHT" in word else ""


def _sign(control: Any) -> int:
    word = _text(control.control_type).upper()
    if word.startswith("INHIBITION"):
        return -1
    return int(word.startswith("ACTIVATION") or (not word and class_of(control) == "Catalysis"))


def _end(control: Any) -> tuple[Any, int, int]:
    """Follow a control (of a control ...) to its reaction: reaction or None, sign, steps."""
    sign, steps = 1, 0
    seen: set[int] = set()
    at = control
    while hasattr(at, "control_type"):
        if id(at) in seen:
            return None, 0, 0
        seen.add(id(at))
        sign *= _sign(at)
        steps += 1
        at = at.controlled
    reaction = hasattr(at, "left") or class_of(at) == "TemplateReaction"
    return (at if reaction else None), sign, steps
