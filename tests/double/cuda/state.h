// What the parts of the CUDA runtime's double share. One lock guards everything but the work of streams.
#ifndef RG_DOUBLE_CUDA_STATE_H
#define RG_DOUBLE_CUDA_STATE_H

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace rgd
{

enum class kind { pinned, device, registered };

struct allocation {
    char *mapping = nullptr; // ends in a page that nobody may touch
    size_t mapping_bytes = 0;
    size_t bytes = 0; // as asked for
    int device = 0;
    kind what = kind::device;
    std::vector<char> settled; // with FLUSH: what kernels and copies see
};

using work = std::function<cudaError_t()>;

struct stream {
    std::deque<work> queue;
    int device = 0;
    bool blocking = true; // waits for, and is waited for by, the default stream
    std::shared_ptr<std::vector<work>> capturing;
};

struct event {
    stream *on = nullptr;
    uint64_t recorded = 0, done = 0;
    double at_s = 0;
    bool timed = true;
};

extern std::recursive_mutex lock;
extern std::map<uintptr_t, allocation> allocations; // by address
extern std::vector<stream *> streams;
extern int live_events, live_graphs;

// --- modes.cpp: what the environment asks for; see README.md ---

long number(const char *name, long fallback);
bool flag(const char *name);
int device_count();
size_t device_bytes();

// At the start of each call, which is counted: the error that it is to return, by FAIL, NO_DRIVER, or since an earlier
// error broke the context.
cudaError_t enter(const char *function);
cudaError_t give(cudaError_t status); // remembered for cudaGetLastError
void break_context(cudaError_t status);

// Flips a bit of the n-th copy's destination.
void flip(void *to, size_t bytes);

// --- memory.cpp ---

allocation *find(const void *address);
cudaError_t check_copy(const void *to, const void *from, size_t bytes, cudaMemcpyKind way);
bool inside(const void *address, size_t bytes); // of its allocation, if it has one

// Between these, the device's memory may be touched: kernels and copies run there.
void begin_device_work();
void end_device_work();

// --- stream.cpp ---

stream *stream_of(cudaStream_t handle);
cudaError_t put(stream *on, work what);
cudaError_t drain(stream *which);
cudaError_t drain_all();
extern thread_local int current_device;

} // namespace rgd

// Every public function begins so.
#define RGD_ENTER                                                                                                      \
    do {                                                                                                               \
        if (cudaError_t status_ = rgd::enter(__func__))                                                                \
            return rgd::give(status_);                                                                                 \
    } while (0)

#endif
