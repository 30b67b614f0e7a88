# Fuzzers of the documents' readers: clang's libFuzzer, with ASan and UBSan. `make fuzz` lets each run for FUZZ_SECONDS.
FUZZ_TARGETS := suite machine run measurement compare fabric fault orders round event facts hostfile
FUZZ_SECONDS ?= 600
.PHONY: fuzz fuzzers fuzz-programs
fuzz: fuzzers
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_TARGETS)

# By clang, in a build of their own.
fuzzers:
	@scripts/deps build fuzz
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang NVCC= \
		CFLAGS='-std=gnu11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=undefined,float-cast-overflow' fuzz-programs

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz_%)
$(BUILD)/fuzz_%: tests/fuzz/fuzz.c $(call objects,$(filter-out bench/cmd/main.c,$(FRONT)))
	$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -DFUZZ_TARGET=$* -o $@ $^ $(FRONT_LIBS)
