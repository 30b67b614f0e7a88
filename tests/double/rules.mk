# Doubles of the libraries that need a GPU: the product's own programs run on them with LD_LIBRARY_PATH=$(BUILD)/double/lib.
# Without CUDA and NCCL there is nothing to double.
.PHONY: doubles
doubles:
ifneq ($(and $(NVCC),$(NCCL_HEADER)),)
DOUBLE_LIBRARIES := $(addprefix $(BUILD)/double/lib/,libcudart.so.13 libcuda.so.1 libnccl.so.2 libnvidia-ml.so.1)
DOUBLE_CXXFLAGS := -std=c++17 -O2 -g -Wall -Wextra -Werror -fPIC -I. -Ibench -Itests/double/emulate -Itests/double/cuda \
	-isystem$(CUDA)/include
double_objects = $(patsubst tests/double/%.cpp,$(BUILD)/double/%.o,$(wildcard tests/double/$(1)/*.cpp))
doubles: $(DOUBLE_LIBRARIES)

$(BUILD)/double/%.o: tests/double/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(DOUBLE_CXXFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/double/lib/libcudart.so.13: $(call double_objects,cuda) $(call double_objects,emulate)
	@mkdir -p $(@D)
	$(CXX) -shared -Wl,-soname,libcudart.so.13 -Wl,--version-script=tests/double/cuda/symbols.map -Wl,-z,defs $^ -lpthread -o $@
# The driver's few calls are in the runtime's double.
$(BUILD)/double/lib/libcuda.so.1: $(BUILD)/double/lib/libcudart.so.13
	$(CC) -shared -Wl,-soname,libcuda.so.1 -Wl,--no-as-needed -Wl,-rpath,'$$ORIGIN' -x c /dev/null -x none $< -o $@
$(BUILD)/double/lib/libnccl.so.2: $(call double_objects,nccl) $(BUILD)/double/lib/libcudart.so.13
	$(CXX) -shared -Wl,-soname,libnccl.so.2 -Wl,-z,defs $^ -lpthread -o $@
# A program that does wrong on purpose.
doubles: $(BUILD)/double/faults
$(BUILD)/double/faults: tests/double/programs/faults.c $(BUILD)/kernels/kernels.o
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -I. -Ibench -isystem$(CUDA)/include -std=gnu11 -O1 -g $(WARNINGS) -o $@ $^ -L$(CUDA)/lib64 -lcudart -lstdc++
endif
