// The arithmetic of collectives, in the plainest way.
#include "wire.h"

#include <cstring>
#include <map>
#include <nccl.h>

namespace rgn
{

namespace
{

struct bfloat16 {
    uint16_t bits;
};

float widen(bfloat16 value)
{
    uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

bfloat16 narrow(float value) // to nearest, ties to even
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

template <class T> T join(uint32_t reduction, T a, T b)
{
    switch (reduction) {
    case ncclProd:
        return static_cast<T>(a * b);
    case ncclMin:
        return a < b ? a : b;
    case ncclMax:
        return a > b ? a : b;
    default:
        return static_cast<T>(a + b);
    }
}

template <> bfloat16 join(uint32_t reduction, bfloat16 a, bfloat16 b)
{
    return narrow(join(reduction, widen(a), widen(b)));
}

template <class T> T divide(T value, size_t by)
{
    return static_cast<T>(value / static_cast<T>(by));
}

template <> bfloat16 divide(bfloat16 value, size_t by)
{
    return narrow(widen(value) / static_cast<float>(by));
}

template <class T> bytes reduce_as(uint32_t reduction, const std::vector<bytes> &given)
{
    std::vector<T> result(given[0].size() / sizeof(T)), next(result.size());
    memcpy(result.data(), given[0].data(), given[0].size());
    for (size_t rank = 1; rank < given.size(); rank++) {
        memcpy(next.data(), given[rank].data(), given[rank].size());
        for (size_t i = 0; i < result.size(); i++)
            result[i] = join(reduction, result[i], next[i]);
    }
    if (reduction == ncclAvg)
        for (T &value : result)
            value = divide(value, given.size());
    const char *start = reinterpret_cast<const char *>(result.data());
    return bytes(start, start + result.size() * sizeof(T));
}

bytes reduce(uint32_t type, uint32_t reduction, const std::vector<bytes> &given)
{
    switch (type) {
    case ncclFloat32:
        return reduce_as<float>(reduction, given);
    case ncclBfloat16:
        return reduce_as<bfloat16>(reduction, given);
    case ncclFloat16:
        return reduce_as<_Float16>(reduction, given);
    case ncclInt32:
        return reduce_as<int32_t>(reduction, given);
    case ncclUint8:
        return reduce_as<uint8_t>(reduction, given);
    default:
        return {};
    }
}

// Each send goes to the receive of its peer; both must be of one size.
bool exchange(const std::vector<bytes> &given, std::vector<bytes> &out)
{
    std::map<std::pair<uint64_t, uint64_t>, bytes> mail; // by sender and receiver
    std::vector<std::vector<piece>> wanted(given.size());
    for (size_t rank = 0; rank < given.size(); rank++) {
        const char *at = given[rank].data();
        uint64_t numbers[2];
        memcpy(numbers, at, sizeof numbers);
        at += sizeof numbers;
        wanted[rank].resize(numbers[0]);
        memcpy(wanted[rank].data(), at, numbers[0] * sizeof(piece));
        at += numbers[0] * sizeof(piece);
        for (uint64_t i = 0; i < numbers[1]; i++) {
            piece sent;
            memcpy(&sent, at, sizeof sent);
            at += sizeof sent;
            mail[{rank, sent.peer}] = bytes(at, at + sent.bytes);
            at += sent.bytes;
        }
    }
    for (size_t rank = 0; rank < given.size(); rank++)
        for (const piece &one : wanted[rank]) {
            auto found = mail.find({one.peer, rank});
            if (found == mail.end() || found->second.size() != one.bytes)
                return false;
            out[rank].insert(out[rank].end(), found->second.begin(), found->second.end());
        }
    return true;
}

bool go_together(const std::vector<contribution> &asked)
{
    for (const contribution &one : asked)
        if (one.what != asked[0].what || one.type != asked[0].type || one.reduction != asked[0].reduction ||
            one.root != asked[0].root || one.count != asked[0].count)
            return false;
    return true;
}

} // namespace

bool combine(const std::vector<contribution> &asked, const std::vector<bytes> &given, std::vector<bytes> &out)
{
    const contribution &first = asked[0];
    size_t ranks = given.size();
    out.assign(ranks, {});
    if (!go_together(asked))
        return false;
    if (first.what == operation::exchange)
        return exchange(given, out);
    if (first.what == operation::broadcast) {
        out.assign(ranks, given[first.root]);
        return true;
    }
    if (first.what == operation::all_gather) {
        bytes all;
        for (const bytes &one : given)
            all.insert(all.end(), one.begin(), one.end());
        out.assign(ranks, all);
        return true;
    }
    bytes result = reduce(first.type, first.reduction, given);
    if (first.what == operation::reduce)
        out[first.root] = result;
    else if (first.what == operation::all_reduce)
        out.assign(ranks, result);
    else
        for (size_t rank = 0; rank < ranks; rank++) {
            auto part = result.begin() + static_cast<long>(rank * (result.size() / ranks));
            out[rank].assign(part, part + static_cast<long>(result.size() / ranks));
        }
    return true;
}

} // namespace rgn
