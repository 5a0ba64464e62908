"""The description of a data package as Croissant 1.0 (mlcommons.org), which data hubs read.

It says what ``datapackage.json`` says, in the words of schema.org. Choosing and writing tables
belongs to ``package``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warehouse.citation import citation

VERSION = "http://mlcommons.org/croissant/1.0"
# As the specification gives it: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FORMATS = {"parquet": "application/x-parquet", "csv": "text/csv"}
# Table Schema's types. An array or an object has no type of its own here: its text is JSON.
DATA_TYPES = {
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "datetime": "sc:DateTime",
    "integer": "sc:Integer",
    "number": "sc:Float",
}


def croissant(described: Mapping[str, Any], cited: str) -> dict[str, Any]:
    """Return the description of a data package as Croissant.

    Parameters
    ----------
    described : mapping
        What ``datapackage.json`` says.
    cited : str
        How to cite it.

    Returns
    -------
    dict
        One file object a file, one record set a table, read from its Parquet.
    """
    by = citation()
    [licence] = described["licenses"]
    resources = described["resources"]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": described["name"],
        "alternateName": described["title"],
        "description": described["description"],
        "version": described["version"],
        "license": licence["path"],
        "citeAs": cited,
        "url": f"https://doi.org/{by.doi}" if by.doi else "README.md",
        "datePublished": described["created"],
        "creator": [{"@type": "sc:Organization", "name": one} for one in by.authors],
        "keywords": described["keywords"],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": one["path"],
                "name": one["name"],
                "contentUrl": one["path"],
                "contentSize": f"{one['bytes']} B",
                "encodingFormat": FORMATS[one["format"]],
                "sha256": one["hash"].removeprefix("sha256:"),
            }
            for one in resources
        ],
        "recordSet": [record_set(one) for one in resources if one["format"] == "parquet"],
    }


def record_set(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table and its columns, each with its unit."""
    name, schema = resource["name"], resource["schema"]
    described: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": resource["title"],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field['name']}",
                "name": field["name"],
                "description": field["description"]
                + (f" [{field['unit']}]" if "unit" in field else ""),
                "dataType": DATA_TYPES.get(field["type"], "sc:Text"),
                "source": {
                    "fileObject": {"@id": resource["path"]},
                    "extract": {"column": field["name"]},
                },
            }
            for field in schema["fields"]
        ],
    }
    if keys := schema.get("primaryKey"):
        described["key"] = [{"@id": f"{name}/{key}"} for key in keys]
    return described
