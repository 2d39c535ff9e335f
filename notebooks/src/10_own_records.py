# %% [markdown]
# # 10 · Your own records
#
# You take a table that no server here has ever seen, train a model on it, and have both served: texts, missing values, labels, and a schema that watches over them.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | find out the schema of a table · train a pipeline and export it · register, publish, serve, ask · send what is unseen, missing, and renamed |
# | **You learn** | what a server has to know about records, who may change what, and where a change is found out |
# | **You need** | lesson 02 for records as bytes, lesson 05 for models as data; a CSV of your own, if you like |
# | **Time** | 25 minutes, and the exercises as long as you like |
# | **Plan** | half day: not in it; full day: all of it, if people bring tables |

# %%
# pipeline: client decode score models

# %% tags=["parameters"]
# For automatic tests: nothing to do here.
fast = False

# %% tags=["setup"]
import json
from threading import Event

from modelserving.workshop import start, table
from modelserving.config import data_folder
from modelserving.records import Topics
from modelserving.widgets import TopicView
from modelserving.widgets.waiting import waiting
from modelserving.workshop.display.figures import distributions
from modelserving.workshop.processes.process import ServerProcess

lesson = start("10", fast=fast)

# %% [markdown]
# ## Somebody's table
#
# Two thousand hires of bicycles: when, in which weather, from which station, by whom. (They are made up, from published figures; `data/README.md` says from
# which.) If you brought a CSV, name it here, and change the columns below.

# %%
import pandas as pd

file = data_folder() / "hires.csv"
hires = pd.read_csv(file)
hires.head(3).T  # a hire is a column here, so that all fits

# %% [markdown]
# A model is to say the `rider`: a `member`, or a `casual` one. So `rider` and `minutes` are known only later, and no record has them. What is a record, then?

# %%
# predict: whole

# %%
from modelserving.registry import infer_schema

schema = infer_schema(file, "hire", leave_out=["rider", "minutes"])
columns = {column.name: column for column in schema.columns}
rows = [(one.name, one.type, "yes" if one.nullable else "") for one in schema.columns]
table("A hire", rows, "column", "type", "may be missing")

# %%
lesson.tell("whole")

# %% [markdown]
# ## A model of it
#
# What becomes of a number that is missing, and of a text that was never seen, is decided **in the pipeline**: what is done to records outside of it, every server
# would have to do again.

# %%
with waiting("scikit-learn to be imported"):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

numbers = ["hour", "temperature", "humidity", "wind", "age"]
texts = ["weather", "station", "bike"]
prepare = ColumnTransformer([
    ("numbers", SimpleImputer(strategy="median"), numbers),
    ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
])

# %%
known = hires.dropna(subset=texts)
pipeline = make_pipeline(prepare, LogisticRegression(max_iter=2_000))
with waiting("the pipeline to be fitted"):
    pipeline.fit(known, known["rider"])
f"right on {pipeline.score(known, known['rider']):.1%} of the hires that it has seen"

# %% [markdown]
# A server takes no Python. So the pipeline becomes **ONNX**, with one input for each column, by name; `zipmap` would make a list of dictionaries of the probabilities.

# %%
with waiting("the export to be imported"):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

inputs = [(name, FloatTensorType([None, 1])) for name in numbers]
inputs += [(name, StringTensorType([None, 1])) for name in texts]
onnx = to_onnx(pipeline, initial_types=inputs, options={"zipmap": False}, target_opset=18)
model_file = lesson.folder / "rider.onnx"
f"The file has {model_file.write_bytes(onnx.SerializeToString()):,} bytes."

# %% [markdown]
# ## The schema gets a number
#
# Whoever writes hires and whoever reads them should mean the same. A **schema registry** keeps what they agreed on, under a name and a number, and refuses a change
# that breaks one of them. Ours is a topic; with `--schema-registry URL` it is any with Confluent's interface.

# %%
from modelserving.registry import TopicRegistry, define

kept_on = f"{lesson.prefix}-schemas"
registry = lesson.manage(TopicRegistry(lesson.connection, kept_on), name="registry")
first = registry.register("hire", define(schema))
lesson.tell("its-number")

# %%
# predict: again

# %%
again = registry.register("hire", define(schema))
lesson.tell("again")

# %% [markdown]
# ## Served
#
# The same stage server as in lesson 04, and no line of it knows of bicycles: it is told the schema, and the topic.

# %%
from modelserving.kafka import create_topics
from modelserving.records.schema_files import write_schema

topics = Topics.of(f"{lesson.prefix}-hire-records")
create_topics(lesson.connection, topics)
schema_file = lesson.folder / "hire.json"
schema_file.write_text(write_schema(schema), encoding="utf-8")
options = ("--schema", str(schema_file), "--topic", topics.records, "--port", "0")
reading = lesson.group("server", goes_on=True)
group = ("--group", reading, "--no-preload")
server = lesson.manage(lambda: ServerProcess.start("stage", options=options + group), name="server")

# %%
from modelserving.models.admin.describe import About, describe_file
from modelserving.models.admin.publish import publish_model

about = About("hire", "rider", parameters={"outputs": "*"})  # its probabilities, too
publish_model(lesson.connection, topics, describe_file(model_file, about))
lesson.wait_for(lambda: "hire" in server.get("/models")["models"], "the server to take the model")
lesson.tell("shown")

# %% [markdown]
# The view has the hires, and how far the server is with them. Leave it open:

# %%
hires_topic = topics.records
lesson.manage(lambda: TopicView(lesson.connection, hires_topic, reading), name="view")

# %% [markdown]
# ## Asked
#
# One hire, as somebody may write it who has never heard of us: JSON. `ask` publishes it, and waits for its answer, or for its dead letter.

# %%
from modelserving.client import Asker, FileMessage

asker = lesson.manage(lambda: Asker.open(lesson.connection, topics), name="asker")
hire = {
    "hour": 15, "workday": False, "weather": "clear", "temperature": 24.5, "humidity": 40,
    "wind": 8.0, "station": "Castle Park", "bike": "classic", "age": 31,
}
def ask(record):
    return asker.ask(FileMessage(b"hire", json.dumps(record).encode()))

# %%
answer = ask(hire)
rows = [(name, f"{value:.3f}") for name, value in answer.outputs]
table(f"The rider: {answer.answer}", rows, "output", "value")

# %% [markdown]
# Now a hire in a weather that no record ever had.

# %%
# predict: unseen

# %%
unseen = ask({**hire, "weather": "hail"})
lesson.tell("unseen")

# %%
# predict: missing

# %%
def became(found):
    return "an answer" if hasattr(found, "answer") else "a dead letter"

without_age, without_wind = ask({**hire, "age": None}), ask({**hire, "wind": None})
lesson.tell("missing")

# %% [markdown]
# ## All of them
#
# `modelserving publish hires.csv --schema hire.json` is this, in a terminal:

# %%
from modelserving.client import FilePublisher, read_messages
from modelserving.kafka import end_offsets

count = 300 if fast else len(hires)
base = end_offsets(lesson.connection, topics.records)[0]
publisher = FilePublisher(lesson.connection, topics.records, limit=count)
publisher.run(lambda: read_messages(file, schema), loop=False, stop=Event())

# %%
from modelserving.kafka import read_topic
from modelserving.records import decode_scored

def read_answers():
    scored = read_topic(lesson.connection, topics.scored)
    found = (decode_scored(message.value) for message in scored)
    return {one.offset - base: one for one in found if one.offset >= base}

lesson.wait_for(lambda: len(read_answers()) == count, "an answer to each", 90)
answers = read_answers()

# %%
# predict: differ

# %%
by_pipeline = pipeline.predict(hires.head(count))
differ = sum(answers[row].answer != by_pipeline[row] for row in range(count))
lesson.tell("differ")

# %%
casual = {row: dict(one.outputs)["probabilities(casual)"] for row, one in answers.items()}
by_rider = {kind: [casual[row] for row in range(count) if hires["rider"][row] == kind]
            for kind in ("member", "casual")}
says = "Casual riders get higher probabilities of being casual than members do; the two overlap."
distributions(by_rider, says, x="probability of being casual, as the server said it")

# %% [markdown]
# ## Exercise: how sure?

# %%
# exercise: records-sure

# %% [markdown]
# ## Break it: somebody renames a field
#
# While the server runs, the people with the bicycles tidy up: `hour` becomes `o_clock`, and in another message `temperature` becomes `celsius`. They tell nobody.

# %%
def renamed(old, new):
    return {new if name == old else name: value for name, value in hire.items()}

# %%
# predict: renamed

# %% tags=["breaks"]
o_clock, celsius = ask(renamed("hour", "o_clock")), ask(renamed("temperature", "celsius"))
lesson.tell("renamed")

# %% [markdown]
# The first one hurts, and is seen. The second one is worse. Could somebody have known before? Whoever registers first, and publishes then:

# %%
from dataclasses import replace

from modelserving.errors import SchemaError

def with_name(old, new):
    named = (replace(one, name=new) if one.name == old else one for one in schema.columns)
    return define(replace(schema, columns=tuple(named)))

# %%
# predict: registered

# %% tags=["breaks"]
refused = {}
for old, new in (("hour", "o_clock"), ("temperature", "celsius")):
    try:
        registry.register("hire", with_name(old, new))
    except SchemaError as error:
        refused[new] = str(error)
lesson.tell("registered")

# %% [markdown]
# ## Exercise: a change that breaks nobody

# %%
# exercise: records-evolve

# %% [markdown]
# ## Exercise: a schema by hand

# %%
# exercise: records-schema

# %% [markdown]
# ## Recap
#
# * A server knows of records what the **schema** says: names, types, what may be missing. All else is the model's.
# * What is done to a value belongs **into the model**: unseen and missing values, too.
# * An answer is a number or a **label**, with what the model says beside it.
# * A value that may not be missing and is: a dead letter. One that may: an answer, without it, and without a word.
# * A registry refuses what breaks those whom its rule protects (`backward`: new readers of old records); a renamed column that may be missing breaks none. **Add, use both, remove.**
#
# You can now have a table and a model of your own served, and change both while they are.
#
# **In practice** `modelserving new my-service --from table.csv --model model.onnx` writes all of this into a folder: schema, model, settings, a test, a README;
# `modelserving run my-service` runs it. Name schemas after their topics, let only what is compatible in, and watch how often a column is missing (lesson 17).
#
# **Source**: [registry/](../modelserving/registry/__init__.py), [records/decoder.py](../modelserving/records/decoder.py) for what a server does with a schema,
# [service/](../modelserving/service/__init__.py) for the folder

# %%
lesson.recap()

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next lesson: [11 · A heater that listens](11_heater.ipynb)
