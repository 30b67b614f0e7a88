// The relay: everything that the ranks of a communicator tell each other goes through a thread of the process that made
// its unique id. Slow, simple, and the same on one host as on several.
#include "wire.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace rgn
{

bool read_all(int socket, void *data, size_t size)
{
    for (char *at = static_cast<char *>(data); size > 0;) {
        ssize_t got = recv(socket, at, size, 0);
        if (got <= 0)
            return false;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

bool write_all(int socket, const void *data, size_t size)
{
    for (const char *at = static_cast<const char *>(data); size > 0;) {
        ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size -= static_cast<size_t>(sent);
    }
    return true;
}

namespace
{

// Until as many as the first one says are here.
std::vector<int> gather_ranks(int listener)
{
    std::vector<int> sockets;
    for (size_t here = 0; sockets.empty() || here < sockets.size(); here++) {
        int socket = accept(listener, nullptr, nullptr);
        hello from;
        if (socket < 0 || !read_all(socket, &from, sizeof from))
            return {};
        sockets.resize(from.ranks, -1);
        sockets[from.rank] = socket;
    }
    return sockets;
}

bool relay_one(const std::vector<int> &sockets)
{
    std::vector<contribution> asked(sockets.size());
    std::vector<bytes> given(sockets.size()), results;
    for (size_t rank = 0; rank < sockets.size(); rank++) {
        if (!read_all(sockets[rank], &asked[rank], sizeof asked[rank]))
            return false;
        given[rank].resize(asked[rank].payload_bytes);
        if (!read_all(sockets[rank], given[rank].data(), given[rank].size()))
            return false;
    }
    bool failed = !combine(asked, given, results);
    for (size_t rank = 0; rank < sockets.size(); rank++) {
        answer back = {failed, results[rank].size()};
        if (!write_all(sockets[rank], &back, sizeof back) ||
            !write_all(sockets[rank], results[rank].data(), results[rank].size()))
            return false;
    }
    return true;
}

void serve(int listener)
{
    std::vector<int> sockets = gather_ranks(listener);
    char go = 1;
    for (int socket : sockets)
        write_all(socket, &go, 1);
    while (!sockets.empty() && relay_one(sockets))
        ;
    for (int socket : sockets)
        close(socket);
    close(listener);
}

} // namespace

int start_relay()
{
    sockaddr_in any = {};
    socklen_t size = sizeof any;
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr *>(&any), sizeof any) != 0 ||
        listen(listener, 1024) != 0 || getsockname(listener, reinterpret_cast<sockaddr *>(&any), &size) != 0)
        return -1;
    std::thread(serve, listener).detach();
    return ntohs(any.sin_port);
}

} // namespace rgn
