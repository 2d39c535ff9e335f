# `make` alone shows what there is. Each target sets up what it needs; what is there already is left alone.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
BIN := .venv/bin
RUN := $(BIN)/modelserving
# Three at a time, on two cores: most tests wait for a broker, a server or a page. What shares something is in one group.
# `make check` has little that needs a core for long, and five at a time.
SIDE_BY_SIDE := -n 3 --dist loadgroup
FAST := not slow and not notebook and not browser and not ray and not registry

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-quix setup-jpmml setup-mlserver lab demo test fuzz test-ray test-registry test-mlserver check lint format types slides pictures notebooks protos lock clean

help: ## show this list
	@echo "make lab    the workbook: JupyterLab on its home page, with the broker running"
	@echo "make demo   the main job without a browser: broker, client, server, live view; Ctrl-C ends it"
	@echo "make test   all tests"
	@echo
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "  %-12s %s\n", $$1, $$2}'

setup: ## Python packages, Java and Kafka, all inside this folder; a second run takes nothing
	@"$(PYTHON)" bootstrap.py lab

setup-dev: ## the same, with what the tests and the training of the models need
	@"$(PYTHON)" bootstrap.py dev

setup-quix: ## Quix Streams, for the comparison in lesson 08, in an environment of its own
	@"$(PYTHON)" bootstrap.py quix

setup-jpmml: ## JPMML (AGPL), which PMML's answers are compared with in a test, in an environment of its own
	@"$(PYTHON)" bootstrap.py jpmml

setup-mlserver: ## MLServer, which a remote model is asked at in a test, in an environment of its own (375 MB)
	@"$(PYTHON)" bootstrap.py mlserver

lab: setup ## open the workbook (LAB_ARGS="--no-browser", and any option of JupyterLab, are passed on)
	@$(RUN) lab $(LAB_ARGS)

demo: setup ## watch wine records being scored (DEMO_ARGS="--max-records 500" and the like are passed on)
	@$(RUN) demo $(DEMO_ARGS)

test: setup-dev setup-quix lint types ## all tests: style, types, package, lessons, browser
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not ray and not registry" --durations=25 $(PYTEST_ARGS)

check: setup-dev lint types ## the fast part, about two minutes
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -n 5 -m "$(FAST)" --hypothesis-profile quick $(PYTEST_ARGS)

fuzz: setup-dev ## property tests with thousands of new examples; those of `make test` are the same in each run
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "hypothesis and not broker" --hypothesis-profile fuzz -o timeout=3600 $(PYTEST_ARGS)

test-ray: setup-dev ## the actors on Ray, apart: Ray and Java do not get on in one process of tests
	$(BIN)/python -m pytest -m ray $(PYTEST_ARGS)

test-registry: setup-dev ## a real schema registry, brought first (159 MB)
	@$(RUN) registry install
	$(BIN)/python -m pytest -m registry $(PYTEST_ARGS)

test-mlserver: setup-dev setup-mlserver ## a real MLServer as the service of a remote model
	$(BIN)/python -m pytest tests/models/formats/remote/test_against_mlserver.py $(PYTEST_ARGS)

lint: setup-dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup-dev ## mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup-dev ## types
	$(BIN)/mypy

slides: setup ## the presentation, into build/slides (HALF=1: the half day)
	@$(RUN) slides $(if $(HALF),--half)

pictures: setup-dev ## take the pictures of README and guide again, from what really runs (needs Chromium)
	$(BIN)/python -m tests.browser.pictures

notebooks: setup-dev ## derive the notebooks from their text sources
	$(BIN)/python -m modelserving.workshop.authoring.derive

protos: setup-dev ## generate the code for the messages in protos/
	$(BIN)/python -m modelserving.records.generate

lock: ## resolve the dependencies again, newest first, and pin them by hash
	$(BIN)/python -m uv pip compile --upgrade $(LOCK_ARGS) --extra lab --extra fast --extra mlflow --extra ray --extra tracing --group dev -o requirements/dev.txt pyproject.toml
	$(BIN)/python -m uv pip compile $(LOCK_ARGS) --extra lab --group build -c requirements/dev.txt -o requirements/lab.txt pyproject.toml
	$(BIN)/python -m modelserving.jars
	printf 'quixstreams\nonnxruntime\npyarrow\n' | $(BIN)/python -m uv pip compile --upgrade $(LOCK_ARGS) -o requirements/quix.txt -
	printf 'jpmml-evaluator\njpype1\njdk4py\n' | $(BIN)/python -m uv pip compile --upgrade $(LOCK_ARGS) -o requirements/jpmml.txt -
	printf 'mlserver\nmlserver-sklearn\n' | $(BIN)/python -m uv pip compile --upgrade $(LOCK_ARGS) -o requirements/mlserver.txt -
	echo uv | $(BIN)/python -m uv pip compile $(LOCK_ARGS) -o requirements/uv.txt -

clean: ## stop the broker and delete everything that set-up and the lessons wrote, except work/
	-@$(RUN) broker stop
	rm -rf .venv .venv-quix .venv-jpmml .venv-mlserver .modelserving .pytest_cache .mypy_cache .ruff_cache .hypothesis

LOCK_ARGS := --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock"
