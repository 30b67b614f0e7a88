// A communicator of the double, as communicator.cpp makes it and operations.cpp uses it.
#ifndef RG_DOUBLE_NCCL_COMMUNICATOR_H
#define RG_DOUBLE_NCCL_COMMUNICATOR_H

#include "wire.h"

#include <atomic>
#include <memory>
#include <nccl.h>
#include <string>
#include <thread>
#include <vector>

struct ncclComm {
    int ranks = 0, rank = 0, device = 0, socket = -1;
    uint32_t address = 0;
    uint16_t port = 0;
    bool blocking = true;
    std::atomic<int> state{ncclInProgress}; // what ncclCommGetAsyncError tells
    std::atomic<bool> aborted{false};
    std::thread joining;
    std::atomic<int> operations{0};
    std::vector<std::shared_ptr<void>> kept; // operations, since a graph may repeat them
};

namespace rgn
{

// At the start of each call, which is counted: the result that it is to give, by RAILGAUGE_DOUBLE_NCCL_FAIL.
ncclResult_t enter(const char *function);

const char *setting(const char *name);

} // namespace rgn

#define RGN_ENTER                                                                                                      \
    do {                                                                                                               \
        if (ncclResult_t status_ = rgn::enter(__func__))                                                               \
            return status_;                                                                                            \
    } while (0)

#endif
