/* What a message costs on the wire. Pure. */
#ifndef RG_NET_WIRE_H
#define RG_NET_WIRE_H

#include <stdint.h>

enum rg_operation {
    RG_OPERATION_WRITE,
    RG_OPERATION_WRITE_IMMEDIATE,
    RG_OPERATION_READ,
    RG_OPERATION_SEND,
};

/* Bytes that one message takes on an Ethernet link in the direction of its data, as RoCE v2 over IPv4 or IPv6
 * (ip_version 4 or 6): for each packet preamble, start delimiter and inter-packet gap (20), Ethernet header (14), IP
 * (20 or 40), UDP (8), BTH (12), payload padded to 4, ICRC (4) and FCS (4); RETH (16) in a write's first packet,
 * immediate data (4) in the last, AETH (4) in the first and the last packet of a read's response; frames are at least
 * 64 bytes. InfiniBand Architecture Specification vol. 1, chapter 9, and annex A17. */
uint64_t rg_wire_bytes(enum rg_operation operation, uint64_t message_bytes, uint32_t mtu_bytes, int ip_version);

/* Payload's share of those bytes, in (0,1): the most of the line rate that payload can have. */
double rg_wire_payload_share(enum rg_operation operation, uint64_t message_bytes, uint32_t mtu_bytes, int ip_version);

/* The same of TCP in full segments, as a stream of any messages is cut: payload a segment, its IP and TCP headers, and
 * the 38 bytes of preamble, gap, Ethernet header and FCS; 0 where the segment is not known. */
double rg_wire_tcp_payload_share(uint32_t segment_bytes, uint32_t header_bytes);

#endif
