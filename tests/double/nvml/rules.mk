# The double of NVML, which a program finds by LD_LIBRARY_PATH=$(BUILD)/double/lib, and a program that looks at its GPUs.
NVML_LOOK := $(call objects,$(call sources,base) bench/data/json.c bench/data/gpu.c bench/hw/gpu.c bench/hw/nvml.c)
.PHONY: nvml-double
nvml-double: $(BUILD)/double/lib/libnvidia-ml.so.1 $(BUILD)/double/nvml_look

# Without the sanitizers of the program that loads it.
$(BUILD)/double/lib/libnvidia-ml.so.1: tests/double/nvml/nvml.c bench/hw/nvml.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Ibench -std=gnu11 -O1 -g $(WARNINGS) -fPIC -shared -Wl,-soname,$(@F) -o $@ $<

$(BUILD)/double/nvml_look: tests/double/nvml/look.c $(NVML_LOOK)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(NVML_LOOK) -lcjson -lm
