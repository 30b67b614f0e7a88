# railgauge: see README.md. `make` builds; demo, test, lint, bench, install and clean are the other targets.
SHELL := /bin/bash
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC = gcc
endif
VERSION := $(shell sed -n 's/^\#define RG_VERSION "\(.*\)"/\1/p' bench/cmd/cmd.h)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wno-format-truncation
CPPFLAGS += -D_GNU_SOURCE -Ibench
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARNINGS)
ifdef SANITIZE
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
ifdef WERROR
CFLAGS += -Werror
endif

# mpi.h is for the ranks alone.
MPI_CPPFLAGS = $(shell mpicc --showme:compile 2>/dev/null)
MPI_LIBS = $(shell mpicc --showme:link 2>/dev/null)

sources = $(foreach module,$(1),$(wildcard bench/$(module)/*.c))
objects = $(patsubst bench/%.c,$(BUILD)/%.o,$(1))

# CUDA and NCCL are optional: without them nothing but the registries of memory, endpoints and collectives differs.
CUDA ?= $(firstword $(wildcard /usr/local/cuda /opt/cuda) $(patsubst %/bin/nvcc,%,$(shell command -v nvcc)))
NVCC ?= $(firstword $(wildcard $(CUDA)/bin/nvcc) $(shell command -v nvcc))
NCCL_HEADER := $(firstword $(wildcard $(CUDA)/include/nccl.h /usr/include/nccl.h))
ifneq ($(NVCC),)
CUDA_CPPFLAGS := -DRG_CUDA -I. -isystem$(CUDA)/include
CUDA_OBJECTS := $(BUILD)/kernels/kernels.o
CUDA_LIBS := -L$(CUDA)/lib64 -L$(CUDA)/lib -lcudart -lstdc++
ifneq ($(NCCL_HEADER),)
CUDA_CPPFLAGS += -DRG_NCCL
CUDA_LIBS += -lnccl
endif
endif
WITHOUT := $(if $(NVCC),,bench/mem/cuda.c bench/mem/cuda_device.c bench/mem/pinned.c bench/net/cuda_copy.c) \
	$(if $(and $(NVCC),$(NCCL_HEADER)),,bench/coll/nccl.c)

RANK_COMMAND := bench/cmd/rank.c bench/cmd/self.c
PURE := $(call sources,base stat fleet data)
SIMULATED := bench/net/wire.c bench/test/bandwidth.c bench/test/record.c bench/test/simulated.c
FRONT := $(PURE) $(SIMULATED) bench/hw/topology.c bench/hw/pairs.c bench/hw/gpu.c bench/hw/nvml.c bench/hw/netdev.c bench/hw/sysfs.c $(call sources,check judge report) $(filter-out $(RANK_COMMAND),$(call sources,cmd))
# Ranks keep no history, and need no SQLite.
SQLITE_USERS := bench/data/database.c bench/data/history.c bench/data/past.c
RANK := $(filter-out $(WITHOUT) $(SQLITE_USERS),$(PURE) $(call sources,hw mem net coll ctl test check)) $(RANK_COMMAND)
FRONT_LIBS := -lcjson -lsqlite3 -lhwloc -lm -lpthread
COMMANDS := run check compare report history plan simulate topology
MANUALS := $(BUILD)/man/railgauge.1 $(COMMANDS:%=$(BUILD)/man/railgauge-%.1)

.PHONY: all parts demo test lint bench install clean
all: parts $(BUILD)/railgauge $(BUILD)/railgauge-rank $(MANUALS)

# Optional parts, as they are found on this machine.
parts:
	@scripts/parts

$(BUILD)/railgauge: $(call objects,$(FRONT))
	$(CC) $(LDFLAGS) -o $@ $^ $(FRONT_LIBS)

$(BUILD)/railgauge-rank: $(call objects,$(RANK)) $(CUDA_OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(MPI_LIBS) -libverbs -lcjson -lhwloc -lm -lpthread $(CUDA_LIBS)

$(BUILD)/ctl/%.o $(BUILD)/coll/%.o: CPPFLAGS += $(MPI_CPPFLAGS)
$(BUILD)/mem/%.o $(BUILD)/net/%.o $(BUILD)/coll/%.o: CPPFLAGS += $(CUDA_CPPFLAGS)
# What was built with CUDA is built anew without, and the other way round.
$(call objects,$(call sources,mem net coll)): $(BUILD)/flavour
$(BUILD)/flavour: always
	@mkdir -p $(@D)
	@echo '$(CUDA_CPPFLAGS)' | cmp -s - $@ || echo '$(CUDA_CPPFLAGS)' >$@
.PHONY: always
# The report's page is optional, too: built where npm is, empty elsewhere. `make NPM=` leaves it out.
NPM ?= $(shell command -v npm)
PAGE := build/page/page.html
$(BUILD)/report/page.o: CPPFLAGS += -Wa,-I$(dir $(PAGE))
$(BUILD)/report/page.o: $(PAGE)
$(PAGE): $(wildcard bench/report/page/*) scripts/page scripts/npm_parts build/page/npm
	@NPM='$(NPM)' scripts/page $@
build/page/npm: always
	@mkdir -p $(@D)
	@echo '$(NPM)' | cmp -s - $@ || echo '$(NPM)' >$@
-include kernels/rules.mk tests/double/rules.mk tests/double/nvml/rules.mk tests/fuzz/rules.mk
$(BUILD)/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/man/railgauge.1: $(BUILD)/railgauge
	@mkdir -p $(@D)
	$< --man >$@.new && mv $@.new $@
$(BUILD)/man/railgauge-%.1: $(BUILD)/railgauge
	@mkdir -p $(@D)
	$< $* --man >$@.new && mv $@.new $@

demo:
	@scripts/deps build rig
	@$(MAKE) --no-print-directory --silent all
	@scripts/demo

test:
	@scripts/deps build page rig test fuzz
	@$(MAKE) --no-print-directory --silent all
	@tests/run

lint:
	@scripts/deps build page lint
	@scripts/lint

bench:
	@scripts/deps build rig bench
	@$(MAKE) --no-print-directory --silent all
	@scripts/bench

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/railgauge/suites $(DESTDIR)$(PREFIX)/share/railgauge/machines \
		$(DESTDIR)$(PREFIX)/share/railgauge/schema
	install $(BUILD)/railgauge $(BUILD)/railgauge-rank $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MANUALS) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 jobs/suites/*.json $(DESTDIR)$(PREFIX)/share/railgauge/suites
	install -m 644 results-schema/machines/*.json $(DESTDIR)$(PREFIX)/share/railgauge/machines
	install -m 644 results-schema/*.schema.json results-schema/*.bigquery.json $(DESTDIR)$(PREFIX)/share/railgauge/schema

clean:
	rm -rf $(BUILD)

# The unit tests: one program a module's subject, linked with what it tests, and with doubles of what it must do without.
UNIT_SOURCES := $(wildcard tests/unit/*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(filter tests/unit/test_%.c,$(UNIT_SOURCES)))
UNIT_COMMANDS := $(patsubst %,bench/cmd/%.c,argv probe launch crew sequel)
UNIT_OBJECTS := $(call objects,$(filter-out $(WITHOUT),$(PURE) $(call sources,mem check judge report)) bench/net/wire.c \
	$(filter-out $(WITHOUT),bench/net/endpoint.c bench/net/cuda_copy.c) bench/net/tcp.c bench/net/tcp_loop.c bench/hw/netdev.c bench/hw/sysfs.c bench/coll/collective.c bench/test/record.c bench/test/bandwidth.c bench/test/trial.c bench/hw/gpu.c bench/hw/nvml.c bench/hw/topology.c bench/hw/pairs.c bench/hw/counters.c $(UNIT_COMMANDS)) \
	$(patsubst tests/unit/%.c,$(BUILD)/unit/%.o,$(filter-out tests/unit/test_%.c,$(UNIT_SOURCES))) $(CUDA_OBJECTS)
UNIT_CC = $(CC) $(CPPFLAGS) -DRG_SOURCE='"$(CURDIR)"' $(CFLAGS) -MMD -MP
.PHONY: unit
unit: $(UNIT_TESTS)
$(BUILD)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(UNIT_CC) -c -o $@ $<
$(BUILD)/unit/%: tests/unit/%.c $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	$(UNIT_CC) $(LDFLAGS) -o $@ $< $(UNIT_OBJECTS) -lcmocka -lcjson -lsqlite3 -lhwloc -lm -lpthread $(CUDA_LIBS)

# What is built of an image is a whole system, with .d folders of its own.
-include $(shell find $(BUILD) -path $(BUILD)/image -prune -o -name '*.d' -type f -print 2>/dev/null)
