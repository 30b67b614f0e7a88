// What ranks and the relay of a communicator say to each other over TCP; all in the host's byte order.
#ifndef RG_DOUBLE_NCCL_WIRE_H
#define RG_DOUBLE_NCCL_WIRE_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rgn
{

enum class operation : uint32_t { all_reduce, reduce, reduce_scatter, all_gather, broadcast, exchange };

// A rank's first words.
struct hello {
    uint32_t ranks, rank;
};

// What a rank brings to an operation; payload_bytes follow. Of an exchange: the numbers of receives and sends, the
// receives, then each send with its data.
struct contribution {
    operation what;
    uint32_t type, reduction, root;
    uint64_t count, payload_bytes;
};

// One send or receive of an exchange.
struct piece {
    uint64_t peer, bytes;
};

// What comes back; result_bytes follow. failed: the ranks did not ask for the same.
struct answer {
    uint64_t failed, result_bytes;
};

using bytes = std::vector<char>;

// All of it, or false: the other end is gone.
bool read_all(int socket, void *data, size_t size);
bool write_all(int socket, const void *data, size_t size);

// Listens and relays for one communicator in a thread of its own, until its ranks are gone. The port; negative: none.
int start_relay();

// What an operation gives each rank; false: the contributions do not go together.
bool combine(const std::vector<contribution> &asked, const std::vector<bytes> &given, std::vector<bytes> &out);

} // namespace rgn

#endif
