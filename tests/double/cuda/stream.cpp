// Streams, events and graphs. Work runs when it is put into a stream, or with LAZY only when something waits for it, so
// that a wait which is missing shows as data that are not there.
#include "enqueue.h"
#include "state.h"

#include <algorithm>
#include <ctime>
#include <unistd.h>

namespace rgd
{

thread_local int current_device;

namespace
{

stream default_streams[64];

// Of this thread's device; it waits for all others of the device that want to be waited for.
stream *default_stream()
{
    stream *one = &default_streams[current_device];
    one->device = current_device;
    return one;
}

bool is_default(const stream *one)
{
    return one >= default_streams && one < default_streams + 64;
}

double now_s()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

bool take(stream *from, work &out)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (from->queue.empty())
        return false;
    out = std::move(from->queue.front());
    from->queue.pop_front();
    return true;
}

// Work that waits for others, as a collective does, is not ready: it stays at the head of its stream.
cudaError_t run(stream *on, const work &what)
{
    begin_device_work();
    cudaError_t status = what();
    end_device_work();
    if (status == cudaErrorNotReady) {
        std::lock_guard<std::recursive_mutex> guard(lock);
        on->queue.push_front(what);
    } else if (status != cudaSuccess) {
        break_context(status);
    }
    return status;
}

// Does what can be done without waiting.
cudaError_t advance(stream *which)
{
    cudaError_t status = cudaSuccess;
    for (work next; status == cudaSuccess && take(which, next);)
        status = run(which, next);
    return status;
}

struct graph {
    std::shared_ptr<std::vector<work>> steps;
};

graph *graph_of(void *handle)
{
    return static_cast<graph *>(handle);
}

} // namespace

stream *stream_of(cudaStream_t handle)
{
    bool none = handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread;
    return none ? default_stream() : reinterpret_cast<stream *>(handle);
}

cudaError_t drain(stream *which)
{
    cudaError_t status = cudaSuccess;
    if (is_default(which))
        for (stream *other : std::vector<stream *>(streams))
            if (other->blocking && other->device == which->device)
                if (cudaError_t one = drain(other))
                    status = one;
    for (cudaError_t one; (one = advance(which)) != cudaSuccess;) {
        if (one != cudaErrorNotReady)
            status = one;
        usleep(50);
    }
    return status;
}

cudaError_t drain_all()
{
    cudaError_t status = drain(default_stream());
    for (stream *one : std::vector<stream *>(streams))
        if (cudaError_t failed = drain(one))
            status = failed;
    return status;
}

cudaError_t put(stream *on, work what)
{
    {
        std::lock_guard<std::recursive_mutex> guard(lock);
        if (on->capturing) {
            on->capturing->push_back(std::move(what));
            return cudaSuccess;
        }
        on->queue.push_back(std::move(what));
    }
    if (flag("LAZY"))
        return cudaSuccess;
    if (is_default(on)) /* it waits for the others first */
        return drain(on);
    cudaError_t status = advance(on);
    return status == cudaErrorNotReady ? cudaSuccess : status;
}

} // namespace rgd

using namespace rgd;

extern "C" {

int railgauge_double_enqueue(cudaStream_t on, int (*what)(void *), void *argument)
{
    return give(put(stream_of(on), [=] { return static_cast<cudaError_t>(what(argument)); }));
}

// --- streams ---

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream *one = new stream;
    one->device = current_device;
    one->blocking = !(flags & cudaStreamNonBlocking);
    streams.push_back(one);
    *out = reinterpret_cast<cudaStream_t>(one);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *out)
{
    return cudaStreamCreateWithFlags(out, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle)
{
    RGD_ENTER;
    stream *one = stream_of(handle);
    drain(one);
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto found = std::find(streams.begin(), streams.end(), one);
    if (found == streams.end())
        return give(cudaErrorInvalidResourceHandle);
    streams.erase(found);
    delete one;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle)
{
    RGD_ENTER;
    return give(drain(stream_of(handle)));
}

// With LAZY the first question sets the work going, and the next one finds it done.
cudaError_t cudaStreamQuery(cudaStream_t handle)
{
    RGD_ENTER;
    stream *one = stream_of(handle);
    if (one->queue.empty())
        return cudaSuccess;
    cudaError_t status = advance(one);
    return give(status == cudaSuccess ? cudaErrorNotReady : status); // remembered, as the runtime does
}

cudaError_t cudaDeviceSynchronize()
{
    RGD_ENTER;
    return give(drain_all());
}

// --- events ---

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    event *one = new event;
    one->timed = !(flags & cudaEventDisableTiming);
    live_events++;
    *out = reinterpret_cast<cudaEvent_t>(one);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *out)
{
    return cudaEventCreateWithFlags(out, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t handle)
{
    RGD_ENTER;
    event *one = reinterpret_cast<event *>(handle);
    if (one->on != nullptr && one->done < one->recorded)
        drain(one->on); // what is still to mark it must not find it gone
    std::lock_guard<std::recursive_mutex> guard(lock);
    live_events--;
    delete one;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t on)
{
    RGD_ENTER;
    event *one = reinterpret_cast<event *>(handle);
    one->on = stream_of(on);
    uint64_t turn = ++one->recorded;
    return give(put(one->on, [=] {
        one->at_s = now_s();
        one->done = turn;
        return cudaSuccess;
    }));
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle)
{
    RGD_ENTER;
    event *one = reinterpret_cast<event *>(handle);
    return one->on && one->done < one->recorded ? give(drain(one->on)) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t handle)
{
    RGD_ENTER;
    event *one = reinterpret_cast<event *>(handle);
    if (one->done >= one->recorded)
        return cudaSuccess;
    cudaError_t status = advance(one->on);
    return give(status == cudaSuccess ? cudaErrorNotReady : status); // remembered, as the runtime does
}

cudaError_t cudaEventElapsedTime(float *out_ms, cudaEvent_t first, cudaEvent_t second)
{
    RGD_ENTER;
    event *from = reinterpret_cast<event *>(first), *to = reinterpret_cast<event *>(second);
    if (!from->timed || !to->timed || from->recorded == 0 || to->recorded == 0)
        return give(cudaErrorInvalidResourceHandle);
    if (from->done < from->recorded || to->done < to->recorded)
        return give(cudaErrorNotReady);
    *out_ms = static_cast<float>((to->at_s - from->at_s) * 1e3);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t on, cudaEvent_t handle, unsigned)
{
    RGD_ENTER;
    event *one = reinterpret_cast<event *>(handle);
    stream *other = one->on;
    if (other == nullptr || one->done >= one->recorded)
        return cudaSuccess;
    return give(put(stream_of(on), [=] { return drain(other); }));
}

// --- graphs ---

cudaError_t cudaStreamBeginCapture(cudaStream_t on, cudaStreamCaptureMode)
{
    RGD_ENTER;
    stream *one = stream_of(on);
    if (one->capturing)
        return give(cudaErrorIllegalState);
    one->capturing = std::make_shared<std::vector<work>>();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t on, cudaGraph_t *out)
{
    RGD_ENTER;
    stream *one = stream_of(on);
    if (!one->capturing)
        return give(cudaErrorIllegalState);
    *out = reinterpret_cast<cudaGraph_t>(new graph{one->capturing});
    one->capturing = nullptr;
    live_graphs++;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t from, unsigned long long)
{
    RGD_ENTER;
    *out = reinterpret_cast<cudaGraphExec_t>(new graph(*graph_of(from)));
    live_graphs++;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t what, cudaStream_t on)
{
    RGD_ENTER;
    auto steps = graph_of(what)->steps;
    cudaError_t status = cudaSuccess;
    for (size_t i = 0; status == cudaSuccess && i < steps->size(); i++)
        status = put(stream_of(on), (*steps)[i]);
    return give(status);
}

cudaError_t cudaGraphDestroy(cudaGraph_t what)
{
    RGD_ENTER;
    delete graph_of(what);
    live_graphs--;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t what)
{
    RGD_ENTER;
    delete graph_of(what);
    live_graphs--;
    return cudaSuccess;
}
}
