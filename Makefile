# One door to everything. CONTRIBUTING.md says when to use which target.

sources := $(wildcard Package.swift Sources Tests Benchmarks Examples)

.PHONY: help setup build test test-codec test-framing test-connection test-multiplexing test-flow-control \
  test-reliability test-arm64 test-address test-thread conformance fuzz prove-tests demo docs lint format bench gate peers links clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { n = split($$1, names, " "); \
	  for (i = 1; i <= n; i++) printf "make %-20s %s\n", names[i], $$2 }' Makefile

setup: ## installs what is missing on this machine
	@scripts/setup

build: setup ## release build: .build/release/dwcp, and Benchmarks
	swift build -c release
	scripts/build-benchmarks

test: setup ## every test with line coverage, 100,000 simulated sessions, 5,000 hostile ones, 10,000 of objects, all interleavings of two streams, the example, the README's snippets, the C kernels on arm64
	swift build --build-tests --enable-code-coverage
	scripts/coverage
	swift test --skip-build --enable-code-coverage --filter 'ConformanceTests|FuzzTests|LinkEmulationTests|SimulationTests|TidyTests'
	swift test --skip-build --enable-code-coverage --filter HostileTests
	swift build -c release --product dwcp-simulate
	.build/release/dwcp-simulate
	.build/release/dwcp-simulate interleavings
	.build/release/dwcp-simulate hostile --seeds 5000
	.build/release/dwcp-simulate objects --seeds 10000
	scripts/build-benchmarks --test
	python3 -m unittest discover -q -s Benchmarks/Peers/runner -t Benchmarks/Peers
	swift build -c release --package-path Benchmarks/Peers/swift --scratch-path Benchmarks/Peers/.build-swift
	scripts/check-snippets
	scripts/run-example
	scripts/test-arm64

test-arm64: setup ## the kernels in C for arm64, under qemu, beside those of this machine
	@scripts/test-arm64

test-address test-thread: setup ## the tests under Address or Thread Sanitizer
	@scripts/sanitize $(@:test-%=%)

test-codec test-framing test-connection test-multiplexing test-flow-control test-reliability: setup ## only this suite
	@scripts/run-suite $(@:test-%=%)

conformance: setup ## our own server against every clause of SPEC.md that a server can be tested on
	swift build -c release --product dwcp
	.build/release/dwcp conformance --self

SECONDS ?= 60
fuzz: setup ## fuzzes each target for SECONDS=60
	scripts/fuzz all $(SECONDS)

prove-tests: setup ## breaks the engine on purpose, rule by rule, and shows which tests notice
	scripts/prove-tests

demo: setup ## real files over loopback, end to end
	swift build -c release --product dwcp
	.build/release/dwcp demo

docs: setup ## the documentation of DWCPCore: .build/docs
	scripts/docs

lint: ## style; changes nothing
	swift format lint --strict --recursive --parallel $(sources)

format: ## rewrites the sources in the house style
	swift format --in-place --recursive --parallel $(sources)

bench: build ## runs the benchmarks
	Benchmarks/.build/release/dwcp-bench run

gate: setup ## what may not get worse: counts, instructions, scaling against the stored baselines
	scripts/build-benchmarks
	scripts/gate

peers: setup ## the scoreboard: the same work for other multiplexers, about an hour
	Benchmarks/Peers/run --congestion reno

links: setup ## the link between two network namespaces, checked
	swift build -c release --product dwcp
	Benchmarks/LinkTun/check

clean: ## removes everything that was built
	rm -rf .build .build-* Benchmarks/.build Benchmarks/Peers/.build-* Examples/*/.build
