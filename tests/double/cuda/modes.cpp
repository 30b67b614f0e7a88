// What the environment asks of the double, and what it tells in the end.
#include "state.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace rgd
{

std::recursive_mutex lock;
std::map<uintptr_t, allocation> allocations;
std::vector<stream *> streams;
int live_events, live_graphs;

namespace
{

std::map<std::string, int> calls;
cudaError_t broken = cudaSuccess; // errors of kernels and the like end a context
thread_local cudaError_t last = cudaSuccess;

const char *text(const char *name)
{
    return getenv((std::string("RAILGAUGE_DOUBLE_") + name).c_str());
}

// "cudaMalloc:3:2,cudaMemcpy:1:700"
cudaError_t injected(const char *function, int nth)
{
    const char *at = text("FAIL");
    while (at != nullptr && *at != '\0') {
        char name[96];
        int which, code;
        if (sscanf(at, "%95[^:]:%d:%d", name, &which, &code) == 3 && strcmp(name, function) == 0 && which == nth)
            return static_cast<cudaError_t>(code);
        at = strchr(at, ',');
        at = at ? at + 1 : nullptr;
    }
    return cudaSuccess;
}

// At the end of the process: which calls there were, and what nobody freed.
struct farewell {
    ~farewell()
    {
        const char *path = text("COUNT");
        FILE *file = path ? fopen(path, "a") : nullptr;
        for (const auto &[name, count] : calls)
            if (file != nullptr)
                fprintf(file, "%s %d\n", name.c_str(), count);
        if (file != nullptr)
            fclose(file);
        if (!flag("LEAKS") || (allocations.empty() && streams.empty() && live_events == 0 && live_graphs == 0))
            return;
        fprintf(stderr, "CUDA double: left behind: %zu buffers, %zu streams, %d events, %d graphs\n",
            allocations.size(), streams.size(), live_events, live_graphs);
        fflush(stderr);
        _exit(99);
    }
} at_the_end;

} // namespace

long number(const char *name, long fallback)
{
    const char *value = text(name);
    return value ? strtol(value, nullptr, 10) : fallback;
}

bool flag(const char *name)
{
    return number(name, 0) != 0;
}

int device_count()
{
    return static_cast<int>(number("DEVICES", 4));
}

size_t device_bytes()
{
    return static_cast<size_t>(number("MEMORY_MIB", 1024)) << 20;
}

cudaError_t enter(const char *function)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    int nth = ++calls[function];
    if (flag("LOG"))
        fprintf(stderr, "CUDA double: %s, call %d\n", function, nth);
    if (flag("NO_DRIVER"))
        return cudaErrorInsufficientDriver;
    if (flag("OLD_DRIVER") && strstr(function, "GetVersion") == nullptr)
        return give(cudaErrorInsufficientDriver);
    if (broken != cudaSuccess)
        return broken;
    cudaError_t status = injected(function, nth);
    if (status >= cudaErrorIllegalAddress)
        broken = status;
    return status;
}

cudaError_t give(cudaError_t status)
{
    if (status != cudaSuccess)
        last = status;
    return status;
}

void break_context(cudaError_t status)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    broken = status;
}

void flip(void *to, size_t bytes)
{
    static int copies;
    const char *wanted = text("FLIP");
    int which;
    size_t offset;
    std::lock_guard<std::recursive_mutex> guard(lock);
    copies++;
    if (wanted != nullptr && sscanf(wanted, "%d:%zu", &which, &offset) == 2 && which == copies && offset < bytes)
        static_cast<char *>(to)[offset] ^= 0x10;
}

} // namespace rgd

extern "C" {

cudaError_t cudaGetLastError()
{
    cudaError_t status = rgd::broken != cudaSuccess ? rgd::broken : rgd::last;
    rgd::last = cudaSuccess;
    return status;
}

cudaError_t cudaPeekAtLastError()
{
    return rgd::broken != cudaSuccess ? rgd::broken : rgd::last;
}

const char *cudaGetErrorName(cudaError_t status)
{
    static thread_local char name[48];
    if (status == cudaErrorInsufficientDriver)
        return "cudaErrorInsufficientDriver";
    snprintf(name, sizeof name, status == cudaSuccess ? "cudaSuccess" : "cudaError %d", static_cast<int>(status));
    return name;
}

const char *cudaGetErrorString(cudaError_t status)
{
    return status == cudaSuccess ? "no error" : "an error of the CUDA double";
}
}
