"""Describe a data set to other people's tools.

Lives here: croissant_of, metadata as Croissant 1.0 has it (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).
Not here: cards for people (card), preparing (workloads).
Law: files are named with their digests, and columns with their types, as they lie on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlops.api.prepared import PreparedFacts, prepared_facts
from mlops.config.project import LoadedResource
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mlops.api.project import Project

_CONTEXT: Mapping[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform", "samplingRate": "cr:samplingRate", "equivalentProperty": "cr:equivalentProperty",
}  # fmt: skip
_TYPES = {
    "int": "sc:Integer", "float": "sc:Float", "double": "sc:Float", "bool": "sc:Boolean", "string": "sc:Text", "date": "sc:Date",
    "timestamp": "sc:DateTime", "image": "sc:ImageObject",
}  # fmt: skip
_SPLITS = ("train", "val", "test")


def croissant_of(project: Project, text: str) -> dict[str, Any]:
    """Return the metadata of a data set. Raises MlopsError for what is none, and where its rows are not on this machine."""
    at = project.address_of(text)
    resource = project.spec.resources.get(at)
    if at.kind != "dataset" or resource is None:
        raise MlopsError.of(
            "no Croissant", f"Croissant describes data sets, and {at} is none that conf/ declares.", address=str(at)
        )
    facts, folder = prepared_facts(project, at), project.root / "data" / at.name
    if not facts.columns or not folder.is_dir():
        raise MlopsError.of(
            "data are not here",
            f"The files of {at} are not on this machine, so their columns and digests are not known. Fetch them: dvc pull "
            f"prepare@{at.name}; or make them: mlops apply",
            address=str(at),
        )
    listing = {entry["relpath"]: entry["md5"] for entry in project.context().hashes.listing(folder)}
    splits = [split for split in _SPLITS if f"{split}.parquet" in listing]
    return {
        "@context": dict(_CONTEXT), "@type": "sc:Dataset", "name": at.name, "conformsTo": "http://mlcommons.org/croissant/1.0",
        **_described(resource, facts),
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": f"{split}.parquet", "name": f"{split}.parquet",
                "contentUrl": f"data/{at.name}/{split}.parquet", "encodingFormat": "application/x-parquet",
                "contentSize": f"{(folder / f'{split}.parquet').stat().st_size} B", "md5": listing[f"{split}.parquet"],
            }
            for split in splits
        ],
        "recordSet": [_record_set(split, facts) for split in splits],
    }  # fmt: skip


def _described(resource: LoadedResource, facts: PreparedFacts) -> dict[str, Any]:
    card = resource.inputs.get("card", {})
    words = [resource.inputs.get("description", ""), card.get("intended_use", "")]
    words += [f"Limits: {' '.join(card['limits'])}"] if card.get("limits") else []
    found = {
        "description": " ".join(filter(None, words)), "license": card.get("license", ""), "url": card.get("url", ""),
        "citeAs": card.get("citation", ""), "datePublished": card.get("published", ""),
        "version": f"1.0.0+{facts.digest.removesuffix('.dir')}",
    }  # fmt: skip
    said: dict[str, Any] = {key: value for key, value in found.items() if value}
    if card.get("creators"):
        said["creator"] = [{"@type": "sc:Person", "name": name} for name in card["creators"]]
    return said


def _record_set(split: str, facts: PreparedFacts) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet", "@id": split, "name": split, "description": f"{facts.rows.get(split, 0)} rows.",
        "field": list(_fields(split, facts)),
    }  # fmt: skip


def _fields(split: str, facts: PreparedFacts) -> Iterator[dict[str, Any]]:
    for column in facts.columns:
        name = column["name"]
        yield {
            "@type": "cr:Field", "@id": f"{split}/{name}", "name": name,
            "description": "A feature of models." if column.get("feature") else "",
            "dataType": _TYPES.get(str(column["type"]), "sc:Text"),
            "source": {"fileObject": {"@id": f"{split}.parquet"}, "extract": {"column": name}},
        }  # fmt: skip
