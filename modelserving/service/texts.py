"""What is written into the folder of a service."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelserving.records import Column, RecordSchema
    from modelserving.service.settings import ServiceSettings

TEST = '''"""Does the service answer as it did when it was made? `pytest`, or `python test_service.py`."""

from pathlib import Path

from modelserving.service import check_service


def test_the_model_answers_as_it_did() -> None:
    """The first records, written and read as messages are, get the answers of answers.csv."""
    assert check_service(Path(__file__).parent) == []


if __name__ == "__main__":
    test_the_model_answers_as_it_did()
    print("All answers are as they were.")
'''


def settings_text(settings: ServiceSettings) -> str:
    """``service.toml``."""
    lines = [
        "# What this service is; `modelserving run` reads it.",
        f"name = {_quote(settings.name)}  # whose models score the records: the data type",
        f"schema = {_quote(settings.schema.name)}",
        f"model = {_quote(settings.model.name)}  # the first one; later ones come with `modelserving models publish`",
        f"records = {_quote(settings.records.name)}",
        f"topic = {_quote(settings.topic)}",
        f"server = {_quote(settings.server)}  # stage, actor or streams",
        f"port = {settings.port}",
        "",
        "[parameters]  # of the model",
        *(f"{name} = {_quote(value)}" for name, value in settings.parameters.items()),
    ]
    return "\n".join((*lines, ""))


def readme(settings: ServiceSettings, schema: RecordSchema, record: dict[str, Any]) -> str:
    """The README: three commands, what is in the folder, and what to do next."""
    columns = "\n".join(_row(column) for column in schema.columns)
    topics = settings.topics
    return f"""# {settings.name}

A model server on Apache Kafka: records come in on the topic `{topics.records}`, answers go out on
`{topics.scored}`.

## Three commands, in this folder

```
modelserving run
modelserving publish {settings.records.name} --schema {settings.schema.name} --topic {settings.topic} --rate 10
modelserving ask {shlex.quote(json.dumps(record, ensure_ascii=False))}
```

The first starts a broker (unless `KAFKA_BOOTSTRAP_SERVERS` names yours), publishes the model with golden records (the
first of `{settings.records.name}`, with its own answers at that moment: that does not prove them right, but a server
which gets other ones does not serve it), and serves until Ctrl-C;
it says where to look: `/state` tells which model serves and how fast, `/docs` what else can be asked. The second, in
another terminal, sends records; the third sends one, and shows the answer. All that is on the topics is shown by
`modelserving reader --topic {settings.topic} --schema {settings.schema.name}`.

## What is here

| | |
|---|---|
| `{settings.schema.name}` | the columns of a record, and how it is written ({schema.encoding}) |
| `{settings.model.name}` | the model |
| `{settings.records.name}` | records to try it with |
| `service.toml` | the settings |
| `answers.csv` | what the model answered when this was made |
| `test_service.py` | compares: `python test_service.py`, or pytest |

A record has these columns:

| column | type | |
|---|---|---|
{columns}

## What next

- **A better model**: `modelserving models publish FILE --data-type {settings.name} --topic {settings.topic}`.
  The running server checks it and changes over between two records.
  `modelserving models rollback {settings.name} --topic {settings.topic}` goes back.
- **Another column**: add it to `{settings.schema.name}` with `"nullable": true`. `modelserving schema check` says
  whether that breaks who writes or reads today.
- **What could not be answered** is on `{topics.dead_letters}`:
  `modelserving deadletters list --from {topics.dead_letters}` shows it with the reasons,
  `modelserving deadletters replay --from {topics.dead_letters} --topic {settings.topic}` sends it again.
"""


def _row(column: Column) -> str:
    name = column.name.replace("|", "\\|")  # which would end a cell, in code, too
    return f"| `{name}` | {column.type} | {'may be missing' if column.nullable else ''} |"


def _quote(text: str) -> str:
    """A text of TOML, which is one of JSON."""
    return json.dumps(text, ensure_ascii=False)
