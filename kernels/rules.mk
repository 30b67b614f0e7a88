# The kernels: for A100, H100/H200 and B200, with PTX for what comes after.
GENCODE := $(foreach arch,80 90 100,-gencode arch=compute_$(arch),code=sm_$(arch)) -gencode arch=compute_100,code=compute_100
NVCC_FLAGS := -std=c++17 -O3 -lineinfo --Werror all-warnings -Xcompiler -Wall,-Wextra,-fPIC -I. -Ibench
KERNEL_SOURCES := kernels/kernels.cu kernels/kernels.cuh kernels/kernels.h bench/coll/elements.h bench/mem/pattern.h bench/base/shared.h
$(BUILD)/kernels/kernels.o: $(KERNEL_SOURCES)
	@mkdir -p $(@D)
	$(NVCC) $(GENCODE) $(NVCC_FLAGS) -c -o $@ $<
