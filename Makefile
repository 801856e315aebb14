# One virtual environment in .venv; every target sets it up as needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

OPENVINO := .venv-openvino

.PHONY: demo test check bench damage openvino clean

demo: $(READY)  ## run the quickstart suite and say where its report is, below results/reports
	$(BIN)/compbench run suites/quickstart.toml

test: check  ## everything: lint, types, fast and slow tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -n 2

check: $(READY)  ## ruff, pyright and the fast tests: three to five minutes on two cores
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2

# each line ends with an error where a bound is missed, and stops make; `make -i` goes on
bench: $(READY)  ## the project's own speed, and the measurement measured (four hours)
	$(BIN)/pytest tests/benchmarks -o python_files='bench_*.py' -o python_functions='bench_*' --benchmark-only
	$(BIN)/python -m tests.benchmarks.overhead
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.distilling
	$(BIN)/python -m tests.benchmarks.streaming
	$(BIN)/python -m tests.benchmarks.streaming limit
	$(BIN)/python -m tests.benchmarks.images
	$(BIN)/python -m tests.benchmarks.accounting
	$(BIN)/python -m tests.benchmarks.growth
	$(BIN)/python -m tests.simulations
	$(BIN)/python -m tests.benchmarks.drifting
	$(BIN)/python -m tests.benchmarks.power 60
	$(BIN)/python -m tests.benchmarks.large 1000 3 2
	$(BIN)/compbench run suites/quickstart.toml --quiet
	$(BIN)/python -m tests.benchmarks.gate 40 quickstart
	$(if $(BEFORE),$(BIN)/python -m tests.benchmarks.making $(BEFORE),@echo 'making against an earlier checkout: make bench BEFORE=../before')

damage: $(READY)  ## kills, flipped bits, mutated suites, hundreds of variants (six hours)
	$(BIN)/python -m tests.benchmarks.killing 100
	$(BIN)/python -m tests.benchmarks.killing training 3
	$(BIN)/python -m tests.benchmarks.flips 10000 1000 5000
	$(BIN)/python -m tests.benchmarks.suite_fuzz 20000
	$(BIN)/python -m tests.benchmarks.many 30 100 300

openvino: $(OPENVINO)/.ready  ## quickstart artifacts on two providers, in an environment of its own
	$(OPENVINO)/bin/compbench run suites/providers.toml

clean:  ## remove the environments; results, and the reports in them, stay
	rm -rf $(VENV) $(OPENVINO)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)

# onnxruntime-openvino installs the same module as onnxruntime, so that one has to go first
$(OPENVINO)/.ready: pyproject.toml
	$(PYTHON) -m venv $(OPENVINO)
	$(OPENVINO)/bin/python -m pip install --quiet --editable '.[openvino]'
	$(OPENVINO)/bin/python -m pip uninstall --quiet --yes onnxruntime onnxruntime-openvino
	$(OPENVINO)/bin/python -m pip install --quiet --no-deps 'onnxruntime-openvino>=1.24'
	touch $(OPENVINO)/.ready
