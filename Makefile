# drsync: one Makefile, no recursion.
#
#   make            build/drsync
#   make test       unit tests (cmocka)
#   make e2e        end-to-end tests on real servers (node's test runner)
#   make lint       format, floors, static analysis, shell
#   make fuzz       every fuzz target for FUZZ_SECONDS (default 60) each
#   make bench      ratios against other tools, in one run
#   make install    PREFIX=/usr/local DESTDIR=
#
# V=1 shows commands.  SAN=1 builds with ASan and UBSan, SAN=thread with TSan.
# CC=clang works.  Each variant has a build directory of its own.

CC ?= cc
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
VERSION := 0.1.0

ifeq ($(origin CC),default)
CC := gcc
endif

SAN ?=
VARIANT := $(notdir $(firstword $(CC)))
SANFLAGS :=
OPT := -O2
ifeq ($(SAN),1)
VARIANT := $(VARIANT)-asan
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
OPT := -O1
endif
ifeq ($(SAN),thread)
VARIANT := $(VARIANT)-tsan
SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer
OPT := -O1
endif

# The plain build lands in build/; the others beside it.
ifeq ($(VARIANT),gcc)
B := build
else
B := build/$(VARIANT)
endif

PKGS := hiredis libcurl openssl zlib libcjson libisal libzstd libxxhash \
	sqlite3 libmicrohttpd
CPPFLAGS += -I. -D_GNU_SOURCE -DDRSYNC_VERSION='"$(VERSION)"' \
	$(shell pkg-config --cflags $(PKGS))
CFLAGS ?= -g
CFLAGS += -std=c11 $(OPT) -Wall -Wextra -Wshadow -Werror -pthread \
	-fstack-protector-strong $(SANFLAGS)
LDFLAGS += $(SANFLAGS) -pthread -Wl,-z,relro,-z,now
LDLIBS += $(shell pkg-config --libs $(PKGS)) -lm

V ?= 0
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n'
endif

FLOORS := base rdb storage arm agent/snapshot agent/job agent/recover \
	agent/http agent/cmd
SRC := $(sort $(foreach d,$(FLOORS),$(wildcard $(d)/*.c)))
OBJ := $(SRC:%.c=$(B)/%.o)
TESTS := $(sort $(wildcard tests/unit/test_*.c))
TESTBIN := $(TESTS:%.c=$(B)/%)
TESTLIB := $(sort $(wildcard tests/sim/*.c))
BENCHES := $(sort $(wildcard tests/bench/bench_*.c))
BENCHBIN := $(BENCHES:%.c=$(B)/%)
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZLIB := $(filter-out $(FUZZERS),$(sort $(wildcard tests/fuzz/*.c)))
CFILES := $(SRC) $(wildcard agent/main.c) $(TESTS) $(TESTLIB) $(BENCHES) \
	$(FUZZERS) $(FUZZLIB)
HFILES := $(wildcard $(addsuffix /*.h,$(FLOORS)) tests/*/*.h)

all: $(B)/drsync

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libdrsync.a: $(OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/drsync: $(B)/agent/main.o $(B)/libdrsync.a
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libtest.a: $(TESTLIB:%.c=$(B)/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libtest.a $(B)/libdrsync.a
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# This one has an fsync of its own, to see what is synced and when.
$(B)/tests/unit/test_file_sync: LDFLAGS += -Wl,--wrap=fsync

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/libtest.a $(B)/libdrsync.a
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

test: $(TESTBIN)
	$(Q)SAN=$(SAN) scripts/run-unit $(TESTBIN)

tests: $(TESTBIN)

e2e: $(B)/drsync
	$(Q)DRSYNC=$(abspath $(B)/drsync) scripts/run-e2e

benches: $(BENCHBIN)

bench: $(B)/drsync $(BENCHBIN)
	$(Q)DRSYNC=$(abspath $(B)/drsync) BENCHDIR=$(abspath $(B)/tests/bench) \
		tests/bench/run

# libFuzzer comes with clang alone.
FB := build/fuzz
FUZZBIN := $(FUZZERS:tests/fuzz/%.c=$(FB)/%)
$(FB)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) FUZZ $<
	$(Q)clang $(CPPFLAGS) -g -std=c11 -O1 -Wall -Wextra -Wshadow -pthread \
		-fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=all -MMD -MP -c -o $@ $<

$(FB)/libdrsync.a: $(SRC:%.c=$(FB)/%.o) $(FUZZLIB:%.c=$(FB)/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

# expat reads along with our own reader of XML.
$(FB)/fuzz_%: $(FB)/tests/fuzz/fuzz_%.o $(FB)/libdrsync.a
	$(say) LD $@
	$(Q)clang -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ \
		$(LDLIBS) -lexpat

fuzzers: $(FUZZBIN)

fuzz: $(FUZZBIN)
	$(Q)scripts/run-fuzz $(FUZZ_SECONDS) $(FUZZBIN)

lint:
	$(Q)CPPFLAGS='$(CPPFLAGS)' scripts/lint $(CFILES) $(HFILES)

man: $(B)/drsync.1
$(B)/drsync.1: $(B)/drsync
	$(Q)$(B)/drsync --man >$@

install: $(B)/drsync $(B)/drsync.1
	install -D -m 755 $(B)/drsync $(DESTDIR)$(PREFIX)/bin/drsync
	install -D -m 644 $(B)/drsync.1 $(DESTDIR)$(PREFIX)/share/man/man1/drsync.1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(B)/drsync --completion bash \
		>$(DESTDIR)$(PREFIX)/share/bash-completion/completions/drsync

clean:
	rm -rf build

.PHONY: all test tests e2e bench benches fuzz fuzzers lint man install clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
-include $(shell find $(FB) -name '*.d' 2>/dev/null)
