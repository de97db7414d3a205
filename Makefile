# SPDX-License-Identifier: BSD-3-Clause
#
# The only door.  `make help` lists what there is.

# A python3 of a version manager sees none of Debian's modules.
PYTHON ?= /usr/bin/python3
CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
VERSION := 0.1.0
ABI := 1

B := build
SRC := sim
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Werror
CFLAGS ?= -O2 -g
BASE := -std=c11 -D_GNU_SOURCE $(WARN) -fPIC -fvisibility=hidden \
	-I$(SRC)/include -MMD -MP
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

# One source of the ends, two speeds (sim/base/access.h).
CORE := $(wildcard $(SRC)/base/*.c $(SRC)/monitor/*.c $(SRC)/vring/*.c \
	$(SRC)/rpmsg/*.c $(SRC)/tester/*.c)
DIRECT := $(CORE) $(wildcard $(SRC)/xport/*.c)
WORLD := $(CORE) $(wildcard $(SRC)/fault/*.c) $(wildcard $(SRC)/world/*.c)
PROG_LIB := $(filter-out $(SRC)/prog/rps-%.c,$(wildcard $(SRC)/prog/*.c))

# A unit test runs against the flavour whose code it needs, and one of the core
# against both: one source, two speeds.
TESTS_CORE := $(addprefix $(SRC)/test/test_,$(addsuffix .c,access vring \
	vring_vectors vdrv vdev drv dev node name_service send send_batch usual \
	usual_poll))
TESTS_DIRECT := $(wildcard $(SRC)/test/test_vhost_user*.c \
	$(SRC)/test/test_services*.c $(SRC)/test/test_trace.c $(SRC)/test/test_window.c)
TESTS_SIM := $(filter-out $(TESTS_DIRECT),$(wildcard $(SRC)/test/test_*.c))
TESTS_DIRECT += $(TESTS_CORE)
TEST_LIB := $(filter-out $(SRC)/test/test_%.c,$(wildcard $(SRC)/test/*.c))
# The front end of vhost-user needs the direct flavour, worlds the other one.
TEST_LIB_SIM := $(filter-out $(SRC)/test/vu_%.c,$(TEST_LIB))
TEST_LIB_DIRECT := $(filter-out $(SRC)/test/world_%.c $(SRC)/test/litmus.c,$(TEST_LIB))

objects = $(patsubst $(SRC)/%.c,$(B)/$(1)/%.o,$(2))
tests = $(patsubst $(SRC)/test/%.c,$(B)/$(1)/%,$(2))

.PHONY: all
all: $(B)/librps.so $(B)/librps-sim.so $(B)/rps.cdef $(B)/rps-device $(B)/rps-explore ## build the libraries and programs

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | \
		awk -F':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# --- compiling --------------------------------------------------------------
$(B)/direct/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -c $< -o $@

$(B)/sim/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -DRPS_SIM -c $< -o $@

$(B)/direct-san/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(SAN) -c $< -o $@

$(B)/sim-san/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(SAN) -DRPS_SIM -c $< -o $@

# What make bench measures: the objects of the library, and all of it at once.
$(B)/bench-lto/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) -O3 -flto -g -c $< -o $@

$(B)/librps.so: $(call objects,direct,$(DIRECT))
	$(CC) -shared -Wl,-soname,librps.so.$(ABI) -Wl,-z,defs -o $@ $^

$(B)/librps-sim.so: $(call objects,sim,$(WORLD))
	$(CC) -shared -Wl,-soname,librps-sim.so.$(ABI) -Wl,-z,defs -o $@ $^

# The same worlds by another compiler: they must leave the same traces.
CLANG ?= clang
$(B)/sim-clang/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CLANG) $(BASE) -O3 -DRPS_SIM -c $< -o $@

$(B)/clang/librps-sim.so: $(call objects,sim-clang,$(WORLD)) $(B)/rps.cdef
	@mkdir -p $(@D)
	$(CLANG) -shared -Wl,-soname,librps-sim.so.$(ABI) -Wl,-z,defs -o $@ \
		$(filter %.o,$^)
	cp $(B)/rps.cdef $(@D)

$(B)/rps-device: $(call objects,direct,$(SRC)/prog/rps-device.c $(PROG_LIB) $(DIRECT))
	$(CC) -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' -o $@ $^

$(B)/rps-explore: $(call objects,sim,$(SRC)/prog/rps-explore.c $(WORLD))
	$(CC) -o $@ $^

# --- traces: only where LTTng is, and loaded only when asked for ------------
ifeq ($(shell pkg-config --exists lttng-ust && echo yes),yes)
TRACES := $(B)/librps-lttng.so $(B)/librps-lttng-clock.so
TRACE_BENCH := $(B)/trace-bench
endif
all: $(TRACES)

$(B)/traces/rps_tp_generated.h: traces/generate $(SRC)/base/seam.def \
		$(SRC)/include/rps/events.def $(SRC)/include/rps/record.h
	@mkdir -p $(@D)
	$(PYTHON) traces/generate $(SRC) $@

$(B)/traces/%.o: traces/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -I$(B)/traces -Itraces -c $< -o $@

# What LTTng's macros make is not in house style.
$(B)/traces/rps_tp.o: WARN := -Wall
$(B)/traces/rps_tp.o $(B)/traces/rps_trace.o: $(B)/traces/rps_tp_generated.h

$(B)/librps-lttng.so: $(addprefix $(B)/traces/,rps_tp.o rps_trace.o rps_clock.o)
	$(CC) -shared -Wl,-z,defs -o $@ $^ -llttng-ust -ldl

$(B)/librps-lttng-clock.so: $(addprefix $(B)/traces/,rps_clock_plugin.o rps_clock.o)
	$(CC) -shared -Wl,-z,defs -o $@ $^ -llttng-ust-common

BENCH := $(CORE) $(wildcard $(SRC)/bench/*.c)
$(B)/rps-bench: $(call objects,direct,$(BENCH))
	$(CC) -no-pie -pthread -o $@ $^

$(B)/rps-bench-lto: $(call objects,bench-lto,$(BENCH))
	$(CC) -O3 -flto -g -no-pie -pthread -o $@ $^

# The scenarios of rps-bench, with a provider loaded.
$(B)/trace-bench: $(B)/traces/trace_bench.o $(call objects,direct,$(SRC)/xport/trace.c \
		$(filter-out $(SRC)/bench/rps-%.c,$(BENCH)))
	$(CC) -no-pie -pthread -o $@ $^

.PHONY: bench-trace
bench-trace: all $(B)/trace-bench ## what tracing costs, off and on
	PYTHONPATH=conformance $(PYTHON) -m rpmsg_cts.trace.bench

# The Python binding reads the public headers themselves.
CDEF_HEADERS := record.h decide.h explore.h monitor.h world.h fault.h iut.h tester.h \
	tester_driver.h vhost_user.h window.h trace.h
$(B)/rps.cdef: $(addprefix $(SRC)/include/rps/,api.h probe.h events.def $(CDEF_HEADERS)) \
		Makefile
	@mkdir -p $(@D)
	printf '#include <rps/%s>\n' $(CDEF_HEADERS) | \
		$(CC) -E -P -DRPS_CDEF -I$(SRC)/include - > $@.tmp
	mv $@.tmp $@

# --- unit tests (Check) -----------------------------------------------------
CHECK_LIBS = $(shell pkg-config --libs check)

define unit_test
$(B)/$(1)/test_%: $(B)/$(1)/test/test_%.o $(call objects,$(1),$(2) $(3))
	$(CC) $(4) $$(LINK) -o $$@ $$^ $$(CHECK_LIBS)
endef
$(eval $(call unit_test,direct,$(TEST_LIB_DIRECT) $(PROG_LIB),$(DIRECT),))
$(eval $(call unit_test,sim,$(TEST_LIB_SIM),$(WORLD),))
$(eval $(call unit_test,direct-san,$(TEST_LIB_DIRECT) $(PROG_LIB),$(DIRECT),$(SAN)))
$(eval $(call unit_test,sim-san,$(TEST_LIB_SIM),$(WORLD),$(SAN)))

# It plays the provider that it loads.
$(B)/direct/test_trace $(B)/direct-san/test_trace: LINK := -rdynamic

UNIT := $(call tests,direct,$(TESTS_DIRECT)) $(call tests,sim,$(TESTS_SIM))
UNIT_SAN := $(call tests,direct-san,$(TESTS_DIRECT)) \
	$(call tests,sim-san,$(TESTS_SIM))

.PHONY: unit
unit: $(UNIT) ## C unit tests
	ci/run-unit $(UNIT)

.PHONY: san
san: $(UNIT_SAN) ## C unit tests under ASan and UBSan
	ci/run-unit $(UNIT_SAN)

# It maps pages a second time, by mremap() of a size of nothing, which valgrind refuses.
UNDER_ASAN_ALONE := $(B)/direct/test_window

.PHONY: valgrind
valgrind: $(UNIT) ## C unit tests under valgrind
	ci/run-unit --valgrind $(filter-out $(UNDER_ASAN_ALONE),$(UNIT))

.SECONDARY:
-include $(wildcard $(B)/*/*/*.d)

# --- fuzzing ----------------------------------------------------------------
# A target is built three times, with the same door: by gcc with a main() that
# replays files, for libFuzzer, and for AFL++.  What needs a world needs the
# simulator's flavour.
FUZZ := $(patsubst $(SRC)/fuzz/fuzz_%.c,%,$(wildcard $(SRC)/fuzz/fuzz_*.c))
FUZZ_SIM := $(filter world decisions scope,$(FUZZ))
FUZZ_REPLAY := $(SRC)/fuzz/replay.c
FUZZ_LIB := $(filter-out $(SRC)/fuzz/fuzz_%.c $(FUZZ_REPLAY), \
	$(wildcard $(SRC)/fuzz/*.c))
# It has something to say about each dlopen() and each file.
AFL_CC ?= AFL_QUIET=1 afl-clang-fast
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer

# Suffix of the flavour, compiler, its flags.
define fuzz_flavour
$(B)/direct-$(1)/%.o: $(SRC)/%.c
	@mkdir -p $$(@D)
	$(2) $(BASE) -O1 -g $(3) -c $$< -o $$@

$(B)/sim-$(1)/%.o: $(SRC)/%.c
	@mkdir -p $$(@D)
	$(2) $(BASE) -O1 -g $(3) -DRPS_SIM -c $$< -o $$@

$(B)/direct-$(1)/guest/%.o: fixtures/guest/%.c
	@mkdir -p $$(@D)
	$(2) $(BASE) -O1 -g $(3) -c $$< -o $$@
endef
$(eval $(call fuzz_flavour,libfuzzer,$(CLANG),$(FUZZ_SAN)))
$(eval $(call fuzz_flavour,afl,$(AFL_CC),-fsanitize=address))

$(B)/direct-san/guest/%.o: fixtures/guest/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(SAN) -c $< -o $@

# Folder of the programs, suffix of their flavour, how they are linked, sources
# besides the target's own.
define fuzz_programs
$(B)/$(1)/fuzz_%: $(B)/direct-$(2)/fuzz/fuzz_%.o \
		$(call objects,direct-$(2),$(4) $(FUZZ_LIB) $(PROG_LIB) $(DIRECT)) \
		$(B)/direct-$(2)/guest/frame.o $(B)/direct-$(2)/guest/wire.o
	@mkdir -p $$(@D)
	$(3) -o $$@ $$^

$(addprefix $(B)/$(1)/fuzz_,$(FUZZ_SIM)): $(B)/$(1)/fuzz_%: \
		$(B)/sim-$(2)/fuzz/fuzz_%.o \
		$(call objects,sim-$(2),$(4) $(FUZZ_LIB) $(WORLD))
	@mkdir -p $$(@D)
	$(3) -o $$@ $$^
endef
$(eval $(call fuzz_programs,replay,san,$(CC) $(SAN),$(FUZZ_REPLAY)))
$(eval $(call fuzz_programs,libfuzzer,libfuzzer,$(CLANG) $(subst -no-link,,$(FUZZ_SAN)),))
$(eval $(call fuzz_programs,afl,afl,$(AFL_CC) -fsanitize=fuzzer -fsanitize=address,))

fuzzers = $(addprefix $(B)/$(1)/fuzz_,$(FUZZ))

# There is much to compile, and `make check` is called without -j.
ALL_CPUS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: fuzz-replay
fuzz-replay: ## play the seeds through each fuzz target, with gcc alone
	$(MAKE) $(ALL_CPUS) $(call fuzzers,replay)
	ci/fuzz replay $(FUZZ)

.PHONY: fuzz
fuzz: setup-fuzz ## a bounded run of libFuzzer on each target
	$(MAKE) $(ALL_CPUS) $(call fuzzers,libfuzzer)
	ci/fuzz libfuzzer $(FUZZ)

.PHONY: fuzz-afl
fuzz-afl: setup-fuzz ## a bounded run of AFL++ on each target
	$(MAKE) $(ALL_CPUS) $(call fuzzers,afl)
	ci/fuzz afl $(FUZZ)

# In a copy of the sources, where each check has a switch.
.PHONY: fuzz-canaries
fuzz-canaries: setup-test setup-fuzz ## each fuzz target notices when a check is taken away
	$(PYTHON) ci/canaries.py $(B)/canaries
	$(MAKE) $(ALL_CPUS) -C $(B)/canaries WARN=-w $(call fuzzers,libfuzzer)
	$(PYTEST) -vv -m canary --basetemp out/canaries conformance/meta/test_fuzz.py

# --- checks of the project itself -------------------------------------------
PYTEST := PYTHONPATH=conformance $(PYTHON) -m pytest -q

.PHONY: tidy
tidy: ## layers, licences, names, formatting
	$(PYTHON) ci/tidy.py

.PHONY: format
format: ## rewrite the C sources in house style
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: meta
meta: all $(B)/rps-bench $(if $(shell command -v $(CLANG)),$(B)/clang/librps-sim.so) $(TRACE_BENCH) ## Python tests of the harness, without guests
	$(PYTEST) -n 2 -m 'not guest and not canary' --ignore conformance/meta/test_mutants.py \
		conformance/meta

.PHONY: mutants
mutants: all ## deliberate errors of our own ends: each must be found; writes out/kill-matrix.*
	$(PYTEST) conformance/meta/test_mutants.py

.PHONY: bench
bench: all $(B)/rps-bench $(B)/rps-bench-lto ## what a message costs: exact counts, against goals and other stacks
	./rpmsg-cts bench

.PHONY: bench-explore
bench-explore: all $(B)/rps-bench $(B)/rps-bench-lto ## what a step and a schedule of the explorer cost, and how long small scopes take
	./rpmsg-cts bench --part explorer --out out/bench-explore

.PHONY: meta-guest
meta-guest: all guest kernel-uml ## Python tests of the harness that boot guests
	$(PYTEST) -m guest conformance/meta

.PHONY: explore explore-check
explore: all ## every schedule of small scopes, under every memory model
	ci/explore quick
explore-check: all ## the same for up to three messages each way
	ci/explore check

.PHONY: quick
quick: setup-test all unit tidy meta sim-suite explore ## everything without guests

.PHONY: sim-suite
sim-suite: all ## the suites on our own ends
	./rpmsg-cts run --target sim --out out/sim

.PHONY: check
check: quick explore-check mutants san valgrind fuzz-replay fuzz fuzz-afl fuzz-canaries \
	guest meta-guest kernel-suite kernel-fuzz ## all tests of the project

# What goes together, and says nothing of a kernel where all is well.
SANITISED := kasan+kmemleak+ubsan

.PHONY: kernel-suite
kernel-suite: all guest kernel-uml kernel-big ## the suites on kernels of all kinds: shipped, user-mode, big-endian, with vhost
	./rpmsg-cts run --target linux-armhf --target linux-uml:6.1 --target linux-uml-simtime:6.1 \
		$(BIG:%=--target linux-%:6.1) --target vhost-api:6.1 --target vhost-bus:6.1 --out out/kernels

# So many programs take some seconds, most of them for the defects that are known.
.PHONY: kernel-fuzz
kernel-fuzz: all guest kernel-uml ## a hostile device in front of Linux 6.1, bounded
	./rpmsg-cts fuzz --target linux-uml:6.1 --count 25 --tries 40 --out out/kernel-fuzz

.PHONY: kernel-mutants
kernel-mutants: all setup ## deliberate errors of the kernel's RPMsg code: each must be found; writes out/kernel-kill-matrix.*
	ci/kernel-mutants

.PHONY: check-all
check-all: check kernels kernel-mutants ## make check, the suites on each kernel that was built, in each lane, and its mutants
	./rpmsg-cts run $$(./rpmsg-cts kernel list | sed -n 's/^\(linux-[^ ]*\).*/--target \1/p') \
		--out out/all-kernels
	./rpmsg-cts fuzz --target linux-uml:6.1+$(SANITISED) --count 100000 --time 300 --out out/sanitised-fuzz

# --- the main job -----------------------------------------------------------
.PHONY: conformance
conformance: ## judge our own ends and a distribution kernel
	ci/conformance

# --- set-up -----------------------------------------------------------------
.PHONY: setup setup-test setup-fuzz
setup: ## install what is missing (as root), or say what is
	ci/setup all
setup-test:
	ci/setup build test trace

.PHONY: guest
guest: setup ## QEMU, kernel and guest image below build/
	ci/fetch-qemu
	ci/fetch-kernel
	ci/build-initramfs

# A kernel takes some minutes, once; with it there these take a second.
KERNEL_BUILD := ./rpmsg-cts kernel build
BIG := m68k
BIG_TOO := ppc64 armeb
.PHONY: kernel-uml kernel-big kernel-x86 kernels
kernel-uml: setup ## Linux 6.1 of Debian as user-mode Linux
	$(KERNEL_BUILD) debian:6.1 --lane uml
kernel-big: setup ## Linux 6.1 of Debian for a big-endian processor, and its QEMU
	ci/fetch-qemu $(BIG)
	$(KERNEL_BUILD) debian:6.1 $(BIG:%=--lane %)
kernel-x86: setup ## Linux 6.1 of Debian for x86-64, and its QEMU
	ci/fetch-qemu x86_64
	$(KERNEL_BUILD) debian:6.1 --lane x86_64
kernels: kernel-x86 kernel-big ## these, other processors, and as user-mode Linux 6.12, the newest, 6.1 with sanitizers and gcov
	ci/fetch-qemu ppc64 arm
	$(KERNEL_BUILD) debian:6.1 $(BIG_TOO:%=--lane %)
	$(KERNEL_BUILD) debian:6.1 debian:6.12 debian:newest --lane uml
	$(KERNEL_BUILD) debian:6.1 --lane uml --lane x86_64 $(addprefix --with ,$(subst +, ,$(SANITISED)))
	$(KERNEL_BUILD) debian:6.1 --lane uml --with lockdep
	$(KERNEL_BUILD) debian:6.1 --lane x86_64 --with atomic_sleep --with lockdep
	$(KERNEL_BUILD) debian:6.1 --lane x86_64 --with kcsan
	$(KERNEL_BUILD) debian:6.1 --lane uml --with gcov

# --- installing -------------------------------------------------------------
.PHONY: install
install: all ## install below DESTDIR/PREFIX
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/rps \
		$(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/librps.so $(DESTDIR)$(LIBDIR)/librps.so.$(VERSION)
	install -m 644 $(B)/librps-sim.so \
		$(DESTDIR)$(LIBDIR)/librps-sim.so.$(VERSION)
	for lib in librps librps-sim; do \
		ln -sf $$lib.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$$lib.so.$(ABI) && \
		ln -sf $$lib.so.$(ABI) $(DESTDIR)$(LIBDIR)/$$lib.so || exit 1; \
	done
	for lib in $(TRACES); do \
		install -m 644 $$lib $(DESTDIR)$(LIBDIR) || exit 1; \
	done
	install -m 644 $(SRC)/include/rps/*.h $(SRC)/include/rps/*.def \
		$(DESTDIR)$(PREFIX)/include/rps
	install -m 755 $(B)/rps-device $(DESTDIR)$(PREFIX)/bin
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $(SRC)/rps.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/rps.pc

.PHONY: clean
clean: ## remove what was built (downloads stay)
	rm -rf $(B)/direct* $(B)/sim* $(B)/replay $(B)/libfuzzer $(B)/afl $(B)/canaries* \
		$(B)/traces $(B)/*.so $(B)/rps.cdef $(B)/rps-device $(B)/rps-explore \
		$(B)/bench-lto $(B)/rps-bench* out

.PHONY: distclean
distclean: ## remove downloads too
	rm -rf $(B) out
