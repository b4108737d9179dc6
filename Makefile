# The everyday commands. Each installs what is missing (tools/install_dependencies.sh), configures and builds its
# preset of CMakePresets.json, and does its job; what and how to build stands in CMakeLists.txt, not here.
# INSTALL=no leaves the machine's packages alone.

INSTALL ?= yes
JOBS ?= $(shell nproc)
# The tests of the service mostly wait.
TEST_JOBS ?= $(shell expr $(JOBS) + 1)
TIME ?= 900

.DEFAULT_GOAL := help
.PHONY: help demo test build asan tsan fuzz bench bundle format lint clean dependencies check-dependencies

help:
	@echo 'make demo     build the program and rank package descriptions with the model that ships'
	@echo 'make test     build everything and run the tests'
	@echo 'make build    build the program: build/release/apps/rerank/rerank'
	@echo 'make asan     the tests under the address and undefined-behaviour sanitizers'
	@echo 'make tsan     the tests under the thread sanitizer'
	@echo 'make fuzz     every fuzz target for TIME=900 seconds, JOBS at a time'
	@echo 'make bench    build and list the benchmarks'
	@echo 'make bundle   build/bundle/rerank-cuda: all that a machine with a GPU needs, see docs/gpu.md'
	@echo 'make format   format the C++ sources in place'
	@echo 'make lint     format, names, rooms, scripts and clang-tidy, as the checks run them'
	@echo 'make clean    remove build/'

demo: build
	sh tools/demo.sh build/release/apps/rerank/rerank

build: dependencies
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target rerank

test: dependencies
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS)
	ctest --preset release --parallel $(TEST_JOBS)

asan tsan: dependencies
	cmake --preset $@
	cmake --build --preset $@ --parallel $(JOBS)
	ctest --preset $@ --parallel $(TEST_JOBS)

fuzz: check-dependencies
	cmake --preset fuzz
	cmake --build --preset fuzz --parallel $(JOBS)
	TIME=$(TIME) JOBS=$(JOBS) tools/fuzz.sh

bench: dependencies
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target rerank benchmarks/all api_bench model_bench tokenizer_bench
	@echo 'built:'
	@find build/release -type f -perm -u+x \( -name '*_bench' -o -path '*/benchmarks/*' \) | sort
	@echo 'see benchmarks/README.md for what each measures'

bundle: dependencies
	sh tools/make_bundle.sh $(JOBS)

format: check-dependencies
	git ls-files -z '*.cc' '*.h' '*.cu' '*.cuh' | xargs -0 -r clang-format -i

lint: check-dependencies
	sh tools/check_format.sh
	sh tools/check_scripts.sh
	python3 tools/check_layers.py
	python3 tools/check_naming.py
	python3 tools/check_functions.py
	python3 tools/check_english.py
	python3 tools/check_version.py
	cmake --preset release
	sh tools/check_tidy.sh build/release

clean:
	rm -rf build

dependencies:
	@test '$(INSTALL)' = no || sh tools/install_dependencies.sh

check-dependencies:
	@test '$(INSTALL)' = no || sh tools/install_dependencies.sh --checks
