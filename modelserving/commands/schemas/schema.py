"""``modelserving schema infer | register | list | show | check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.schemas.registries import RegistryUrl, open_registry
from modelserving.errors import SchemaError

if TYPE_CHECKING:
    from modelserving.registry import Definition, RegisteredSchema, Rule

schema_app = typer.Typer(help="What records look like: find out, keep, compare.", no_args_is_help=True)

SchemaFile = Annotated[Path, typer.Argument(help="A schema file: our JSON, a .proto text, or Avro (.avsc).")]
Subject = Annotated[str, typer.Option(help="Under which name; none: the schema's subject, or else its name.")]
RuleName = Annotated[
    str,
    typer.Option(
        "--rule",
        help="none, backward (new readers read old records), forward (the other way round) or full; and each with "
        "_transitive, which looks at all versions.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(schema_app, name="schema")


@schema_app.command()
def infer(
    records: Annotated[Path, typer.Argument(help="CSV with a header, JSON lines or Parquet.")],
    name: Annotated[str, typer.Option(help="Of the kind of record; none: the file's.")] = "",
    encoding: Annotated[str, typer.Option(help="How such a record is to travel: json, protobuf or avro.")] = "json",
    without: Annotated[
        list[str] | None, typer.Option(help="A column that no record has, such as the answer; repeatable.")
    ] = None,
    definition: Annotated[
        bool, typer.Option("--definition", help="In the encoding's own words: JSON Schema, .proto or Avro.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Write it to this file, and not to the terminal.")] = None,
) -> None:
    """Find out what a file's columns are, and write it down as a schema."""
    from modelserving.records.schema_files import write_schema
    from modelserving.registry import define, infer_schema
    from modelserving.system import write_atomically

    found = infer_schema(records, name, encoding, without or ())
    defined = define(found)
    text = defined.text.rstrip("\n") + "\n" if definition else write_schema(found)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomically(output, text)
        typer.echo(f"{output}: {len(found.columns)} columns, {found.encoding}.")


@schema_app.command("register")
def register_schema(
    schema: SchemaFile, subject: Subject = "", rule: RuleName = "", schema_registry: RegistryUrl = ""
) -> None:
    """Keep a schema in the registry, as a new version of its subject; one that breaks the subject's rule is refused."""
    name, definition = _read(schema, subject)
    with open_registry(schema_registry) as registry:
        if rule:
            registry.set_rule(name, _rule(rule))
        typer.echo(_line(registry.register(name, definition)))


@schema_app.command("list")
def list_schemas(schema_registry: RegistryUrl = "") -> None:
    """Show the subjects, their versions, numbers and rules."""
    with open_registry(schema_registry) as registry:
        subjects = registry.subjects()
        for name in subjects:
            rule = registry.rule(name)
            for one in registry.versions(name):
                typer.echo(f"{_line(one)} Rule: {rule}.")
    if not subjects:
        typer.echo("No schemas yet. `modelserving schema register FILE` keeps one.")


@schema_app.command()
def show(
    subject: Annotated[str, typer.Argument(help="A subject, or the number of a schema.")],
    version: Annotated[int, typer.Option(min=0, help="Which version; 0: the newest.")] = 0,
    schema_registry: RegistryUrl = "",
) -> None:
    """Show a schema as the registry keeps it."""
    with open_registry(schema_registry) as registry:
        versions = registry.versions(subject)
        if versions:
            chosen = [one for one in versions if version in {0, one.version}]
            if not chosen:
                raise SchemaError(f"{subject!r} has no version {version}; it has 1 to {versions[-1].version}.")
            definition = chosen[-1].definition
        elif subject.isdecimal():
            definition = registry.find(int(subject))
        else:
            known = ", ".join(registry.subjects()) or "none"
            raise SchemaError(f"the registry has no subject {subject!r}. It has: {known}.")
    typer.echo(definition.text.rstrip("\n"))


@schema_app.command()
def check(
    schema: SchemaFile,
    against: Annotated[Path | None, typer.Option(help="Another schema file; none: the subject's versions.")] = None,
    subject: Subject = "",
    rule: RuleName = "",
    schema_registry: RegistryUrl = "",
) -> None:
    """Say whether a schema could be the next version; status 1 and the column that breaks it, if not."""
    from modelserving.registry import Rule, check_compatible

    name, definition = _read(schema, subject)
    if against is not None:
        wanted = _rule(rule) if rule else Rule.BACKWARD
        check_compatible(wanted, str(against), definition, [(1, _read(against, "")[1])])
        typer.echo(f"{schema} is {wanted}-compatible with {against}.")
        return
    with open_registry(schema_registry) as registry:
        wanted = _rule(rule) if rule else registry.rule(name)
        versions = [(one.version, one.definition) for one in registry.versions(name)]
        check_compatible(wanted, name, definition, versions)
    typer.echo(f"{schema} is {wanted}-compatible with {len(versions)} versions of {name!r}.")


def _read(path: Path, subject: str) -> tuple[str, Definition]:
    from modelserving.records.schema_files import read_schema
    from modelserving.registry import define

    schema = read_schema(path)
    return subject or schema.subject or schema.name, define(schema)


def _rule(said: str) -> Rule:
    from modelserving.registry import Rule

    try:
        return Rule(said.lower().replace("-", "_"))
    except ValueError:
        raise SchemaError(f"there is no rule {said!r}. Known: {', '.join(Rule)}.") from None


def _line(one: RegisteredSchema) -> str:
    definition = one.definition
    columns = ", ".join(field.column.name for field in definition.fields)
    shape = "not flat, so not for records here" if definition.problem else f"columns {columns}"
    return f"{one.subject} version {one.version}: number {one.schema_id}, {definition.encoding}, {shape}."
