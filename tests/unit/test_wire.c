/* net/wire: what messages cost on the wire, worked out by hand. */
#include "helpers.h"

#include "net/wire.h"

/* A packet over IPv4 is its payload and 82 bytes: preamble, delimiter and gap 20, Ethernet 14, IP 20, UDP 8, BTH 12,
 * ICRC 4, FCS 4. */

static uint64_t cost(enum rg_operation operation, uint64_t bytes)
{
    return rg_wire_bytes(operation, bytes, 4096, 4);
}

static void a_middle_packet_of_4_kib_costs_4178_bytes(void **state)
{
    static const enum rg_operation operations[] = {
        RG_OPERATION_WRITE, RG_OPERATION_WRITE_IMMEDIATE, RG_OPERATION_READ, RG_OPERATION_SEND};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        assert_int_equal(cost(operations[i], 3 * 4096) - cost(operations[i], 2 * 4096), 4178);
}

static void a_write_has_an_address_in_its_first_packet(void **state)
{
    (void)state;
    assert_int_equal(cost(RG_OPERATION_WRITE, 4096), 4178 + 16);
    assert_int_equal(cost(RG_OPERATION_WRITE, 8192), 4178 + 16 + 4178);
    assert_int_equal(cost(RG_OPERATION_WRITE, 65536), 16 * 4178 + 16);
}

static void immediate_data_travel_in_the_last_packet(void **state)
{
    (void)state;
    assert_int_equal(cost(RG_OPERATION_WRITE_IMMEDIATE, 4096), 4178 + 16 + 4);
    assert_int_equal(cost(RG_OPERATION_WRITE_IMMEDIATE, 65536), 16 * 4178 + 16 + 4);
}

static void a_read_has_an_acknowledgement_in_its_first_and_last_packet(void **state)
{
    (void)state;
    assert_int_equal(cost(RG_OPERATION_READ, 4096), 4178 + 4); /* first and last at once */
    assert_int_equal(cost(RG_OPERATION_READ, 8192), 2 * (4178 + 4));
    assert_int_equal(cost(RG_OPERATION_READ, 65536), 16 * 4178 + 2 * 4);
}

static void a_send_has_no_header_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(cost(RG_OPERATION_SEND, 4096), 4178);
    assert_int_equal(cost(RG_OPERATION_SEND, 65536), 16 * 4178);
}

static void payload_is_padded_to_words_of_4_bytes(void **state)
{
    (void)state;
    assert_int_equal(cost(RG_OPERATION_WRITE, 1), 82 + 16 + 4);
    assert_int_equal(cost(RG_OPERATION_WRITE, 4), 82 + 16 + 4);
    assert_int_equal(cost(RG_OPERATION_WRITE, 5), 82 + 16 + 8);
    assert_int_equal(cost(RG_OPERATION_WRITE, 4097), 4178 + 16 + 82 + 4); /* a second packet for one byte */
    assert_int_equal(cost(RG_OPERATION_READ, 4099), 4178 + 4 + 82 + 4 + 4);
}

static void a_frame_has_64_bytes_at_least(void **state)
{
    (void)state;
    /* A send of nothing: 14 + 20 + 8 + 12 + 4 + 4 = 62 bytes of frame are filled up to 64; 20 are around it. */
    assert_int_equal(cost(RG_OPERATION_SEND, 0), 64 + 20);
    assert_int_equal(cost(RG_OPERATION_SEND, 1), 66 + 20);                        /* above the least */
    assert_int_equal(rg_wire_bytes(RG_OPERATION_SEND, 0, 4096, 6), 62 + 20 + 20); /* so is IPv6 */
}

static void ip_version_6_costs_20_bytes_more_a_packet(void **state)
{
    (void)state;
    assert_int_equal(rg_wire_bytes(RG_OPERATION_WRITE, 65536, 4096, 6), 16 * 4198 + 16);
    assert_int_equal(rg_wire_bytes(RG_OPERATION_READ, 8192, 4096, 6), 2 * (4198 + 4));
}

static void a_smaller_mtu_means_more_packets(void **state)
{
    (void)state;
    assert_int_equal(rg_wire_bytes(RG_OPERATION_WRITE, 65536, 1024, 4), 64 * (1024 + 82) + 16);
    assert_within(rg_wire_payload_share(RG_OPERATION_WRITE, 65536, 1024, 4), 0.925649718, 1e-9);
    assert_int_equal(rg_wire_bytes(RG_OPERATION_WRITE, 1000, 1024, 4), 1000 + 82 + 16);
    assert_int_equal(rg_wire_bytes(RG_OPERATION_SEND, 65536, 256, 4), 256 * (256 + 82));
}

static void the_share_of_large_writes_tends_to_that_of_a_packet(void **state)
{
    (void)state;
    assert_within(rg_wire_payload_share(RG_OPERATION_WRITE, 1ull << 30, 4096, 4), 0.98037, 1e-5); /* 4096 / 4178 */
    assert_within(rg_wire_payload_share(RG_OPERATION_WRITE, 1ull << 30, 4096, 4), 4096.0 / 4178, 1e-7);
    assert_within(rg_wire_payload_share(RG_OPERATION_WRITE, 1ull << 30, 4096, 6), 4096.0 / 4198, 1e-7);
    assert_near(rg_wire_payload_share(RG_OPERATION_WRITE, 4096, 4096, 4), 4096.0 / 4194);
    assert_near(rg_wire_payload_share(RG_OPERATION_WRITE, 8, 4096, 4), 8.0 / 106);
}

static void a_share_lies_between_zero_and_one_and_grows_within_a_packet(void **state)
{
    (void)state;
    double before = 0;
    for (uint64_t bytes = 4; bytes <= 4096; bytes += 4) {
        double share = rg_wire_payload_share(RG_OPERATION_WRITE, bytes, 4096, 4);
        assert_true(share > before && share < 1);
        before = share;
    }
}

/* Of 1500 bytes of IP packet: IPv4 20, TCP 20 and its timestamps 12; 38 around it. */
static void a_full_tcp_segment_costs_its_headers_and_38_bytes(void **state)
{
    (void)state;
    assert_near(rg_wire_tcp_payload_share(1448, 52), 1448.0 / 1538);
    assert_near(rg_wire_tcp_payload_share(8844, 52), 8844.0 / 8934);
    assert_near(rg_wire_tcp_payload_share(1428, 72), 1428.0 / 1538); /* IPv6 */
    assert_near(rg_wire_tcp_payload_share(1, 40), 1.0 / 84);         /* a frame has 64 bytes at least */
    assert_near(rg_wire_tcp_payload_share(0, 0), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_middle_packet_of_4_kib_costs_4178_bytes),
        cmocka_unit_test(a_write_has_an_address_in_its_first_packet),
        cmocka_unit_test(immediate_data_travel_in_the_last_packet),
        cmocka_unit_test(a_read_has_an_acknowledgement_in_its_first_and_last_packet),
        cmocka_unit_test(a_send_has_no_header_of_its_own),
        cmocka_unit_test(payload_is_padded_to_words_of_4_bytes),
        cmocka_unit_test(a_frame_has_64_bytes_at_least),
        cmocka_unit_test(ip_version_6_costs_20_bytes_more_a_packet),
        cmocka_unit_test(a_smaller_mtu_means_more_packets),
        cmocka_unit_test(the_share_of_large_writes_tends_to_that_of_a_packet),
        cmocka_unit_test(a_full_tcp_segment_costs_its_headers_and_38_bytes),
        cmocka_unit_test(a_share_lies_between_zero_and_one_and_grows_within_a_packet),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
