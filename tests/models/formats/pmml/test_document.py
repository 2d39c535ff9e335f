"""PMML that must not reach the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats import factory
from modelserving.models.formats.pmml.document import MAX_BYTES, MAX_DEPTH, read_pmml
from modelserving.records import ModelType
from tests.models.samples import field, forest, leaf, linear, pmml, schema, stump

GOOD = linear(alcohol=1.0).decode()


def with_doctype(doctype: str, text: str = GOOD) -> bytes:
    return text.replace("<PMML", f"<!DOCTYPE PMML {doctype}>\n<PMML", 1).encode()


def test_an_external_entity_reads_no_file(tmp_path: Path) -> None:
    """A document that names a file is refused, and not a letter of the file shows."""
    secret = tmp_path / "secret"
    secret.write_text("4711")
    hostile = with_doctype(
        f'[<!ENTITY x SYSTEM "{secret.as_uri()}">]', GOOD.replace('intercept="1"', 'intercept="&x;"')
    )
    with pytest.raises(ModelRefused) as refusal:
        read_pmml(hostile)
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize(
    "doctype",
    [
        '[<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]',
        'SYSTEM "http://127.0.0.1:9/model.dtd"',
        'PUBLIC "-//x//y" "file:///etc/hostname"',
        "[<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]",
        "[<!ELEMENT PMML ANY>]",
    ],
)
def test_a_document_type_is_refused(doctype: str) -> None:
    """Whatever it declares, a document type is refused, and the message says to remove it."""
    with pytest.raises(ModelRefused, match="DOCTYPE"):
        read_pmml(with_doctype(doctype))


def test_a_huge_document_is_refused_unread() -> None:
    """More bytes than the limit are refused, whatever they are."""
    with pytest.raises(ModelRefused, match="at most"):
        read_pmml(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize("depth", [MAX_DEPTH, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    """A document that would overflow the engine's stack is refused before the engine sees it."""
    nodes = "<Node>" * depth + "<True/>" + "</Node>" * depth
    model = f'<TreeModel functionName="regression">{schema("alcohol")}{nodes}</TreeModel>'
    with pytest.raises(ModelRefused, match="deep"):
        read_pmml(pmml(field("quality") + field("alcohol"), model))


def test_the_deepest_tree_that_is_allowed_scores() -> None:
    """The limit on depth is one that the engine can take."""
    depth = MAX_DEPTH - 5
    nodes = '<Node score="1"><True/>' * depth + leaf({}, "<True/>", "2") + "</Node>" * depth
    model = f'<TreeModel functionName="regression">{schema("alcohol")}{nodes}</TreeModel>'
    factory.restore(ModelType.PMML, pmml(field("quality") + field("alcohol"), model)).close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (GOOD[:-30].encode(), "cut short"),
        (GOOD.encode()[: len(GOOD) // 2], "cut short"),
        (b"<html><body>Not found</body></html>", "<html>, not <PMML>"),
        (pmml(field("alcohol"), ""), "no model"),
        (GOOD.replace("RegressionModel", "MagicModel").encode(), "MagicModel"),
        (GOOD.replace("</PMML>", "<TreeModel/></PMML>").encode(), "2 models"),
        (GOOD.replace('"regression"', '"regression" isScorable="false"').encode(), "isScorable"),
        (GOOD.replace("<Header/>", "").encode(), "Header"),
        (GOOD.encode("utf-16")[2:], "no XML"),
        (forest([]).replace(b'"average">', b'"modelChain"><Segment/>'), "lacks"),
        (forest([stump("alcohol", 1, {"5": 1}, {"6": 1})]).replace(b'recordCount="1"', b'recordCount="x"'), "PMML"),
    ],
)
def test_what_is_no_model_is_told_apart(data: bytes, reason: str) -> None:
    """Each way of being no model has its own message."""
    with pytest.raises(ModelFormatError, match=reason):
        factory.restore(ModelType.PMML, data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_declared_encoding_is_read(encoding: str) -> None:
    """A document may come in any encoding that it declares."""
    data = GOOD.replace('encoding="UTF-8"', f'encoding="{encoding}"').encode(encoding)
    assert "RegressionTable" in read_pmml(data).text


def test_prefixes_of_tables_survive() -> None:
    """Columns of an inline table are referred to by prefixed names, which are therefore kept."""
    table = '<Extension xmlns:data="urn:table"><row><data:x1>1</data:x1></row></Extension>'
    text = read_pmml(GOOD.replace("<Header/>", f"<Header>{table}</Header>").encode()).text
    assert "<data:x1>1</data:x1>" in text
    assert 'xmlns:data="urn:table"' in text
    assert "<RegressionModel" in text
