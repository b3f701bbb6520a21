PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint types check verify gpu-test bench bench-bands bench-batch bench-boxes bench-feedback bench-timing bench-references bench-similar fuzz schema clean

help:            ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.base  ## create the environment and grade the examples
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev  ## run the whole test suite
	$(BIN)/python -m pytest -n auto

FUZZ_SECONDS ?= 600
FUZZ := -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1

$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	@touch $@

fuzz: $(VENV)/.fuzz  ## fuzz the host's half of the wire, FUZZ_SECONDS for each of the two targets
	mkdir -p build/fuzz/decode build/fuzz/session
	$(BIN)/python -m tests.fuzz.fuzz_wire decode $(FUZZ) -artifact_prefix=build/fuzz/decode- build/fuzz/decode
	$(BIN)/python -m tests.fuzz.fuzz_wire session $(FUZZ) -artifact_prefix=build/fuzz/session- build/fuzz/session

lint: $(VENV)/.dev  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## check types
	$(BIN)/mypy

check: lint types test  ## everything before a commit

verify: $(VENV)/.dev  ## prove every topic of the course
	$(BIN)/grader verify

gpu-test: $(VENV)/.dev  ## the torch references, and whole grades in boxes, on a real card
	$(BIN)/python -m pytest tests/reference/test_gpu.py tests/timing/test_gpu_path.py -rs

bench: $(VENV)/.dev  ## measure the grader against bare pytest
	$(BIN)/python benchmarks/overhead.py

bench-batch: $(VENV)/.dev  ## measure a class: rate beside a floor, growth, memory, resuming, a cluster of two workers
	$(BIN)/python benchmarks/batch.py

bench-boxes: $(VENV)/.dev  ## measure what a box costs: first answer, small calls, large arrays, forty submissions
	$(BIN)/python benchmarks/boxes.py

bench-feedback: $(VENV)/.dev  ## measure how many mistakes are named, how small their examples are, and what that costs
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python benchmarks/feedback.py

bench-similar: $(VENV)/.dev  ## measure how long the comparison of a class takes
	$(BIN)/python benchmarks/similar.py

bench-timing: $(VENV)/.dev  ## measure how far verdicts on speed can be trusted; about a quarter of an hour
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python benchmarks/timing.py

bench-references: $(VENV)/.dev  ## measure the references against loops and torch.nn.functional
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python benchmarks/references.py

bench-bands: $(VENV)/.dev  ## measure other right solutions of the timed functions against the references
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python benchmarks/bands.py
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python benchmarks/bands.py --framework torch

schema: $(VENV)/.base  ## write docs/results.schema.json from the model
	$(BIN)/python -m grader.codec > docs/results.schema.json

clean:           ## remove what the targets made
	rm -rf $(VENV) grader-results dist build
