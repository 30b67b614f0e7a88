// Communicators: made, asked and ended as NCCL's are; without a GPU, over TCP.
//   RAILGAUGE_DOUBLE_NCCL_FAIL=function:n:code   the n-th call of a function gives that result; several by commas
//   RAILGAUGE_DOUBLE_NCCL_COUNT=FILE             at the end of the process, "name calls" lines are added there
#include "communicator.h"

#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>
#include <ifaddrs.h>
#include <map>
#include <mutex>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rgn
{

namespace
{

std::mutex lock;
std::map<std::string, int> calls;

struct farewell {
    ~farewell()
    {
        const char *path = setting("COUNT");
        FILE *file = path ? fopen(path, "a") : nullptr;
        for (const auto &[name, count] : calls)
            if (file != nullptr)
                fprintf(file, "%s %d\n", name.c_str(), count);
        if (file != nullptr)
            fclose(file);
    }
} at_the_end;

// Of the interface in NCCL_SOCKET_IFNAME, or the first that is up and no loopback; else of the loopback.
uint32_t own_address()
{
    const char *wanted = getenv("NCCL_SOCKET_IFNAME");
    uint32_t found = htonl(INADDR_LOOPBACK);
    ifaddrs *all = nullptr;
    if (getifaddrs(&all) != 0)
        return found;
    for (const ifaddrs *one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || !(one->ifa_flags & IFF_UP))
            continue;
        bool fits = wanted ? strcmp(one->ifa_name, wanted) == 0 : !(one->ifa_flags & IFF_LOOPBACK);
        if (!fits)
            continue;
        found = reinterpret_cast<const sockaddr_in *>(one->ifa_addr)->sin_addr.s_addr;
        break;
    }
    freeifaddrs(all);
    return found;
}

struct unique_id {
    char magic[8];
    uint32_t address;
    uint16_t port;
};
constexpr char magic[8] = "rgnccl1";

// In a thread, since it takes as long as the slowest rank.
void join(ncclComm *comm)
{
    sockaddr_in to = {};
    hello words = {static_cast<uint32_t>(comm->ranks), static_cast<uint32_t>(comm->rank)};
    char go = 0;
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = comm->address;
    to.sin_port = htons(comm->port);
    bool met = connect(comm->socket, reinterpret_cast<sockaddr *>(&to), sizeof to) == 0 &&
               write_all(comm->socket, &words, sizeof words) && read_all(comm->socket, &go, 1);
    comm->state = met ? ncclSuccess : ncclSystemError;
}

} // namespace

const char *setting(const char *name)
{
    return getenv((std::string("RAILGAUGE_DOUBLE_NCCL_") + name).c_str());
}

ncclResult_t enter(const char *function)
{
    std::lock_guard<std::mutex> guard(lock);
    int nth = ++calls[function];
    for (const char *at = setting("FAIL"); at != nullptr && *at != '\0';) {
        char name[96];
        int which, code;
        if (sscanf(at, "%95[^:]:%d:%d", name, &which, &code) == 3 && strcmp(name, function) == 0 && which == nth)
            return static_cast<ncclResult_t>(code);
        at = strchr(at, ',');
        at = at ? at + 1 : nullptr;
    }
    return ncclSuccess;
}

} // namespace rgn

using namespace rgn;

extern "C" {

ncclResult_t ncclGetVersion(int *out)
{
    RGN_ENTER;
    *out = NCCL_VERSION_CODE;
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t status)
{
    return status == ncclSuccess      ? "no error"
           : status == ncclInProgress ? "in progress"
                                      : "an error of the NCCL double";
}

const char *ncclGetLastError(ncclComm_t)
{
    return "";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *out)
{
    RGN_ENTER;
    unique_id id = {};
    int port = start_relay();
    if (port < 0)
        return ncclSystemError;
    memcpy(id.magic, magic, sizeof magic);
    id.address = own_address();
    id.port = static_cast<uint16_t>(port);
    memset(out, 0, sizeof *out);
    memcpy(out, &id, sizeof id);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *out, int ranks, ncclUniqueId unique, int rank, ncclConfig_t *config)
{
    RGN_ENTER;
    unique_id id;
    memcpy(&id, &unique, sizeof id);
    if (memcmp(id.magic, magic, sizeof magic) != 0 || rank < 0 || rank >= ranks)
        return ncclInvalidArgument;
    ncclComm *comm = new ncclComm;
    comm->ranks = ranks;
    comm->rank = rank;
    comm->address = id.address;
    comm->port = id.port;
    comm->blocking = config == nullptr || config->blocking != 0;
    comm->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cudaGetDevice(&comm->device);
    comm->joining = std::thread(join, comm);
    *out = comm;
    if (!comm->blocking)
        return ncclInProgress;
    comm->joining.join();
    return static_cast<ncclResult_t>(comm->state.load());
}

ncclResult_t ncclCommInitRank(ncclComm_t *out, int ranks, ncclUniqueId unique, int rank)
{
    return ncclCommInitRankConfig(out, ranks, unique, rank, nullptr);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *out)
{
    RGN_ENTER;
    *out = static_cast<ncclResult_t>(comm->state.load());
    return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t)
{
    RGN_ENTER;
    return ncclSuccess;
}

// What waits on the socket is cut off, and the streams go on.
ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    RGN_ENTER;
    comm->aborted = true;
    shutdown(comm->socket, SHUT_RDWR);
    if (comm->joining.joinable())
        comm->joining.join();
    cudaDeviceSynchronize(); // operations that are still in a stream use it
    close(comm->socket);
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    RGN_ENTER;
    if (comm->joining.joinable())
        comm->joining.join();
    cudaDeviceSynchronize();
    close(comm->socket);
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommCount(const ncclComm_t comm, int *out)
{
    RGN_ENTER;
    *out = comm->ranks;
    return ncclSuccess;
}

ncclResult_t ncclCommUserRank(const ncclComm_t comm, int *out)
{
    RGN_ENTER;
    *out = comm->rank;
    return ncclSuccess;
}

ncclResult_t ncclCommCuDevice(const ncclComm_t comm, int *out)
{
    RGN_ENTER;
    *out = comm->device;
    return ncclSuccess;
}

ncclResult_t ncclMemAlloc(void **out, size_t bytes)
{
    RGN_ENTER;
    return cudaMalloc(out, bytes) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclMemFree(void *buffer)
{
    RGN_ENTER;
    return cudaFree(buffer) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclCommRegister(const ncclComm_t, void *buffer, size_t, void **out)
{
    RGN_ENTER;
    *out = buffer;
    return ncclSuccess;
}

ncclResult_t ncclCommDeregister(const ncclComm_t, void *)
{
    RGN_ENTER;
    return ncclSuccess;
}
}
