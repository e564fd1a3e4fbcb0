# Bare `make` lists the targets. Every target works on a fresh clone by itself.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := demo
# Other tools that tests run our files in; what they need is in [dev], but for torchvision and torchaudio, which do not import
# beside a CPU torch and are not needed.
FOREIGN := spikingjelly neurobench norse sinabs pbr rockpool
WORDS := *.md .ci benchmarks docs eideploy examples quant targets tests Makefile pyproject.toml # to spell

.DEFAULT_GOAL := help
.PHONY: help install demo test test-rtl test-c test-fpga fuzz check lint fast wheel bench clean docs

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## create .venv and install eideploy with its development tools into it

demo: $(INSTALLED) ## train, compile and simulate a network on handwritten digits (3 minutes)
	mkdir -p $(DEMO)
	cd $(DEMO) && ../$(BIN)/eideploy train
	cd $(DEMO) && ../$(BIN)/eideploy compile --target digital
	cd $(DEMO) && ../$(BIN)/eideploy simulate --lut 8bit --split all

test: lint ## all checks and all tests, with coverage (19 minutes)
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not rtl_full and not yosys and not qemu and not fpga" --cov --cov-report=term:skip-covered --cov-fail-under=95

test-rtl: $(INSTALLED) ## the core in Verilator, Icarus Verilog and yosys, at length (20 minutes)
	EIDEPLOY_REQUIRE_RTL=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not fpga" tests/rtl -q

test-c: $(INSTALLED) ## networks in C on microcontrollers in QEMU (1 minute)
	$(BIN)/python -m pytest -m qemu tests/c -q

test-fpga: $(INSTALLED) ## a board in Verilator on a bad line, a netlist beside its RTL, bitstreams where the tools are (an hour)
	$(BIN)/python -m pytest -m fpga tests/rtl -q

fuzz: $(INSTALLED) ## change 3000 files of every kind, from a new seed, and kill commands at 20 moments (30 minutes)
	EIDEPLOY_FUZZ=3000 EIDEPLOY_KILLS=20 EIDEPLOY_FUZZ_SEED=$${EIDEPLOY_FUZZ_SEED:-$$(date +%s)} $(BIN)/python -m pytest -n 2 --dist worksteal tests/fuzz -q

check: lint fast ## lint, types, import rules and the fast tests

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks
	$(BIN)/lint-imports
	$(BIN)/codespell $(WORDS)

fast: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not rtl and not rtl_full and not icarus and not netlist and not yosys and not qemu and not fpga" -q

wheel: $(INSTALLED) ## build sdist and wheel into dist, and try them in an empty environment
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m pytest -q tests/test_wheel.py

docs: $(INSTALLED) ## build the documentation site into site; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

bench: $(INSTALLED) ## measure accuracy and speed; by hand, takes long
	$(BIN)/python benchmarks/digits_deployment.py

clean: ## remove .venv, caches and the demo's folder
	rm -rf .venv $(DEMO) dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps $(FOREIGN)
	touch $@
