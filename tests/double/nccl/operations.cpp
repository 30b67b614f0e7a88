// Operations: put into the stream, where they stay until the relay has answered.
//   RAILGAUGE_DOUBLE_NCCL_FLIP=n:byte      the n-th result of this process has one bit flipped
//   RAILGAUGE_DOUBLE_NCCL_ABSENT=rank:n    that rank never takes part in its n-th operation, and waits for ever
#include "communicator.h"
#include "enqueue.h"

#include <cstdio>
#include <cstring>
#include <mutex>

namespace rgn
{

namespace
{

size_t size_of(ncclDataType_t type)
{
    switch (type) {
    case ncclInt8:
    case ncclUint8:
        return 1;
    case ncclFloat16:
    case ncclBfloat16:
        return 2;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
        return 8;
    default:
        return 4;
    }
}

struct send_or_receive {
    bool sends;
    const void *from;
    void *to;
    piece what;
};

// One operation in a stream. It begins anew each time a graph repeats it.
struct pending {
    ncclComm *comm;
    contribution asked;
    const void *input = nullptr;
    void *output = nullptr;
    size_t input_bytes = 0;
    std::vector<send_or_receive> pieces; // of an exchange
    enum { idle, under_way, absent } phase = idle;
    std::thread talking;
    std::atomic<bool> answered{false};
    bytes payload, result;
    answer back = {};
    bool met = false;
};

bool is_absent(ncclComm *comm)
{
    const char *wanted = setting("ABSENT");
    int rank, nth;
    int operation = ++comm->operations;
    return wanted != nullptr && sscanf(wanted, "%d:%d", &rank, &nth) == 2 && rank == comm->rank && nth == operation;
}

void flip(bytes &result)
{
    static int results;
    static std::mutex lock;
    const char *wanted = setting("FLIP");
    int nth;
    size_t at;
    std::lock_guard<std::mutex> guard(lock);
    results++;
    if (wanted != nullptr && sscanf(wanted, "%d:%zu", &nth, &at) == 2 && nth == results && at < result.size())
        result[at] ^= 0x10;
}

void add(bytes &to, const void *data, size_t size)
{
    const char *start = static_cast<const char *>(data);
    to.insert(to.end(), start, start + size);
}

// Reads device memory, so it belongs into the stream.
bytes payload_of(const pending &op)
{
    bytes out;
    uint64_t numbers[2] = {0, 0};
    if (op.asked.what != operation::exchange) {
        add(out, op.input, op.input_bytes);
        return out;
    }
    for (const send_or_receive &one : op.pieces)
        numbers[one.sends]++;
    add(out, numbers, sizeof numbers);
    for (const send_or_receive &one : op.pieces)
        if (!one.sends)
            add(out, &one.what, sizeof one.what);
    for (const send_or_receive &one : op.pieces)
        if (one.sends) {
            add(out, &one.what, sizeof one.what);
            add(out, one.from, one.what.bytes);
        }
    return out;
}

void talk(pending *op)
{
    int socket = op->comm->socket;
    op->met = write_all(socket, &op->asked, sizeof op->asked) &&
              write_all(socket, op->payload.data(), op->payload.size()) && read_all(socket, &op->back, sizeof op->back);
    op->result.resize(op->met ? op->back.result_bytes : 0);
    op->met = op->met && read_all(socket, op->result.data(), op->result.size());
    op->answered = true;
}

void deliver(const pending &op)
{
    const char *at = op.result.data();
    if (op.asked.what != operation::exchange) {
        memcpy(op.output, at, op.result.size());
        return;
    }
    for (const send_or_receive &one : op.pieces)
        if (!one.sends) {
            memcpy(one.to, at, one.what.bytes);
            at += one.what.bytes;
        }
}

int begin(pending *op)
{
    if (is_absent(op->comm)) {
        op->phase = pending::absent;
        return cudaErrorNotReady;
    }
    op->payload = payload_of(*op);
    op->asked.payload_bytes = op->payload.size();
    op->answered = false;
    op->phase = pending::under_way;
    op->talking = std::thread(talk, op);
    return cudaErrorNotReady;
}

// Called by the stream until it is done. An operation that failed hangs as a kernel would, until it is aborted.
int advance(void *argument)
{
    pending *op = static_cast<pending *>(argument);
    if (op->comm->aborted && op->phase != pending::under_way)
        return cudaSuccess;
    if (op->phase == pending::idle)
        return begin(op);
    if (op->phase == pending::absent || !op->answered)
        return cudaErrorNotReady;
    if (op->talking.joinable())
        op->talking.join();
    if (!op->met || op->back.failed) {
        op->comm->state = op->met ? ncclInvalidUsage : ncclRemoteError;
        return op->comm->aborted ? cudaSuccess : cudaErrorNotReady;
    }
    flip(op->result);
    deliver(*op);
    op->payload = op->result = bytes();
    op->phase = pending::idle;
    return cudaSuccess;
}

ncclResult_t enqueue(const std::shared_ptr<pending> &op, cudaStream_t stream)
{
    op->comm->kept.push_back(op);
    return railgauge_double_enqueue(stream, advance, op.get()) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

std::shared_ptr<pending> operation_of(ncclComm *comm, operation what, ncclDataType_t type, size_t count)
{
    auto op = std::make_shared<pending>();
    op->comm = comm;
    op->asked = {what, static_cast<uint32_t>(type), 0, 0, count, 0};
    return op;
}

ncclResult_t start(ncclComm *comm, operation what, const void *input, void *output, size_t given, size_t count,
    ncclDataType_t type, uint32_t reduction, int root, cudaStream_t stream)
{
    if (comm->state != ncclSuccess)
        return static_cast<ncclResult_t>(comm->state.load());
    auto op = operation_of(comm, what, type, count);
    op->asked.reduction = reduction;
    op->asked.root = static_cast<uint32_t>(root);
    op->input = input;
    op->output = output;
    op->input_bytes = given * size_of(type);
    return enqueue(op, stream);
}

// Sends and receives gather until the group ends.
thread_local int depth;
thread_local std::shared_ptr<pending> gathered;
thread_local cudaStream_t gathered_on;

ncclResult_t gather(ncclComm *comm, const send_or_receive &one, cudaStream_t stream)
{
    if (!gathered)
        gathered = operation_of(comm, operation::exchange, ncclUint8, 0);
    gathered->pieces.push_back(one);
    gathered_on = stream;
    return depth > 0 ? ncclSuccess : ncclInvalidUsage; // alone, a send would wait for a receive that comes after it
}

} // namespace

} // namespace rgn

using namespace rgn;

extern "C" {

ncclResult_t ncclAllReduce(const void *input, void *output, size_t count, ncclDataType_t type, ncclRedOp_t reduction,
    ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    return start(comm, operation::all_reduce, input, output, count, count, type, reduction, 0, stream);
}

ncclResult_t ncclReduce(const void *input, void *output, size_t count, ncclDataType_t type, ncclRedOp_t reduction,
    int root, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    return start(comm, operation::reduce, input, output, count, count, type, reduction, root, stream);
}

ncclResult_t ncclReduceScatter(const void *input, void *output, size_t count, ncclDataType_t type,
    ncclRedOp_t reduction, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    size_t given = count * static_cast<size_t>(comm->ranks);
    return start(comm, operation::reduce_scatter, input, output, given, count, type, reduction, 0, stream);
}

ncclResult_t ncclAllGather(
    const void *input, void *output, size_t count, ncclDataType_t type, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    return start(comm, operation::all_gather, input, output, count, count, type, 0, 0, stream);
}

ncclResult_t ncclBroadcast(
    const void *input, void *output, size_t count, ncclDataType_t type, int root, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    size_t given = comm->rank == root ? count : 0;
    return start(comm, operation::broadcast, input, output, given, count, type, 0, root, stream);
}

ncclResult_t ncclSend(
    const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    return gather(comm, {true, from, nullptr, {static_cast<uint64_t>(peer), count * size_of(type)}}, stream);
}

ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    RGN_ENTER;
    return gather(comm, {false, nullptr, to, {static_cast<uint64_t>(peer), count * size_of(type)}}, stream);
}

ncclResult_t ncclGroupStart()
{
    RGN_ENTER;
    depth++;
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd()
{
    RGN_ENTER;
    if (--depth > 0 || !gathered)
        return ncclSuccess;
    std::shared_ptr<pending> op = gathered;
    gathered = nullptr;
    return enqueue(op, gathered_on);
}
}
