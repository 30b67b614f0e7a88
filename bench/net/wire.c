#include "net/wire.h"

#include <stdbool.h>

#define PREAMBLE_AND_GAP 20u
#define ETHERNET_HEADER 14u
#define UDP_HEADER 8u
#define BTH 12u
#define ICRC 4u
#define FCS 4u
#define RETH 16u
#define AETH 4u
#define IMMEDIATE 4u
#define FRAME_LEAST 64u

/* Extended transport headers of one packet. */
static uint64_t extension(enum rg_operation operation, bool first, bool last)
{
    switch (operation) {
    case RG_OPERATION_WRITE:
        return first ? RETH : 0;
    case RG_OPERATION_WRITE_IMMEDIATE:
        return (first ? RETH : 0) + (last ? IMMEDIATE : 0);
    case RG_OPERATION_READ:
        return first || last ? AETH : 0;
    case RG_OPERATION_SEND:
        return 0;
    }
    return 0;
}

static uint64_t packet_bytes(uint64_t payload, uint64_t extended, int ip_version)
{
    uint64_t ip_header = ip_version == 6 ? 40 : 20;
    uint64_t padded = (payload + 3) / 4 * 4;
    uint64_t frame = ETHERNET_HEADER + ip_header + UDP_HEADER + BTH + extended + padded + ICRC + FCS;
    return PREAMBLE_AND_GAP + (frame < FRAME_LEAST ? FRAME_LEAST : frame);
}

uint64_t rg_wire_bytes(enum rg_operation operation, uint64_t message_bytes, uint32_t mtu_bytes, int ip_version)
{
    uint64_t packets = message_bytes == 0 ? 1 : (message_bytes + mtu_bytes - 1) / mtu_bytes;
    uint64_t tail = message_bytes - (packets - 1) * mtu_bytes;
    if (packets == 1)
        return packet_bytes(tail, extension(operation, true, true), ip_version);
    return packet_bytes(mtu_bytes, extension(operation, true, false), ip_version) +
           (packets - 2) * packet_bytes(mtu_bytes, extension(operation, false, false), ip_version) +
           packet_bytes(tail, extension(operation, false, true), ip_version);
}

double rg_wire_payload_share(enum rg_operation operation, uint64_t message_bytes, uint32_t mtu_bytes, int ip_version)
{
    return (double)message_bytes / (double)rg_wire_bytes(operation, message_bytes, mtu_bytes, ip_version);
}

double rg_wire_tcp_payload_share(uint32_t segment_bytes, uint32_t header_bytes)
{
    double frame = (double)segment_bytes + header_bytes + ETHERNET_HEADER + FCS;
    return segment_bytes / (PREAMBLE_AND_GAP + (frame < FRAME_LEAST ? FRAME_LEAST : frame));
}
