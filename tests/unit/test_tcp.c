/* net/tcp and hw/netdev: real sockets on this machine's loopback interface, both ends in this process. */
#include "helpers.h"

#include "base/clock.h"
#include "hw/netdev.h"
#include "mem/memory.h"
#include "mem/pattern.h"
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY 77
#define POISON 78

struct end {
    struct rg_endpoint_config config;
    struct rg_endpoint *endpoint;
    struct rg_memory *source, *target;
    struct rg_endpoint_address address;
    struct rg_endpoint_path path;
    struct rg_endpoint_fault fault;
    struct rg_error err;
};

struct pair {
    struct end a, b;
};

static void open_end(struct end *end, const struct rg_endpoint_config *config)
{
    struct rg_layout layout = rg_layout_of(config->message_bytes, config->working_set_bytes, config->queue_pairs);
    struct rg_memory_place place = {-1, -1};
    memset(end, 0, sizeof *end);
    assert_int_equal(rg_memory_open("host", &place, rg_layout_bytes(&layout), &end->source, &end->err), 0);
    assert_int_equal(rg_memory_open("host", &place, rg_layout_bytes(&layout), &end->target, &end->err), 0);
    rg_memory_fill(end->source, rg_pattern_key(KEY, 0, 0), &end->err);
    rg_memory_fill(end->target, rg_pattern_key(POISON, 0, 0), &end->err);
    end->config = *config;
    end->config.device = "lo";
    end->config.deadline_s = 2;
    end->config.operation = RG_OPERATION_SEND;
    end->config.source = end->source;
    end->config.target = end->target;
    if (end->config.address == NULL)
        end->config.address = "127.0.0.1";
    if (rg_endpoint_open("tcp", &end->config, &end->endpoint, &end->fault, &end->err) != 0)
        fail_msg("%s", end->err.text);
    rg_endpoint_address(end->endpoint, &end->address);
}

static void close_end(struct end *end)
{
    rg_endpoint_close(end->endpoint);
    end->endpoint = NULL;
    rg_memory_close(end->source);
    rg_memory_close(end->target);
    end->source = end->target = NULL;
}

static int connect_end(struct end *end, const struct end *peer)
{
    return rg_endpoint_connect(end->endpoint, &peer->address, rg_clock_after_ns(2), &end->path, &end->fault, &end->err);
}

static int await_end(struct end *end, double seconds)
{
    return rg_endpoint_await_peer(end->endpoint, rg_clock_after_ns(seconds), &end->path, &end->fault, &end->err);
}

static void open_pair(struct pair *pair, uint64_t message_bytes, uint64_t working_set_bytes, uint32_t queue_pairs)
{
    struct rg_endpoint_config config = {
        .message_bytes = message_bytes, .working_set_bytes = working_set_bytes, .queue_pairs = queue_pairs};
    open_end(&pair->a, &config);
    open_end(&pair->b, &config);
}

/* Neither waits for what the other has not done yet: this is one thread. */
static void join_pair(struct pair *pair)
{
    struct end *ends[] = {&pair->a, &pair->b};
    for (int i = 0; i < 2; i++)
        if (connect_end(ends[i], ends[1 - i]) != 0)
            fail_msg("%s", ends[i]->err.text);
    for (int i = 0; i < 2; i++)
        if (await_end(ends[i], 5) != 0)
            fail_msg("%s", ends[i]->err.text);
}

static void close_pair(struct pair *pair)
{
    close_end(&pair->a);
    close_end(&pair->b);
}

/* Sends so many messages and the end; 0, or what the receiver or the sender met. */
static int64_t send_all(struct end *from, struct end *to, uint64_t messages, uint64_t *completed, uint64_t *arrived)
{
    uint64_t until_ns = rg_clock_after_ns(20);
    *completed = *arrived = 0;
    assert_int_equal(rg_endpoint_post(from->endpoint, messages), messages);
    if (rg_endpoint_finish(from->endpoint, true) < 0)
        return -EIO;
    while (from->endpoint->outstanding > 0 || to->endpoint->peers_finished < to->config.queue_pairs) {
        int64_t done = rg_endpoint_reap(from->endpoint), came = rg_endpoint_receive(to->endpoint);
        if (done < 0 || came < 0 || rg_clock_now_ns() > until_ns)
            return done < 0 || came < 0 ? -EIO : -ETIMEDOUT;
        *completed += (uint64_t)done;
        *arrived += (uint64_t)came;
    }
    return 0;
}

/* What the sender says that it sent is there, and nothing else. */
static void check_arrived(const struct end *from, const struct end *to)
{
    const struct rg_endpoint_config *c = &from->config;
    struct rg_layout layout = rg_layout_of(c->message_bytes, c->working_set_bytes, c->queue_pairs);
    struct rg_mismatch found = {0};
    struct rg_error err = {{0}};
    for (uint32_t q = 0; q < c->queue_pairs; q++) {
        struct rg_blocks blocks = rg_layout_touched(&layout, q, rg_endpoint_posted(from->endpoint, q));
        assert_int_equal(rg_memory_verify(to->target, rg_pattern_key(KEY, 0, 0), &blocks, &found, &err), 0);
    }
    assert_true(found.words_checked > 0);
    assert_int_equal(found.mismatches, 0);
}

static void every_message_arrives_where_it_belongs(void **state)
{
    static const struct {
        uint64_t bytes, working_set, messages;
        uint32_t queue_pairs;
    } shapes[] = {{64, 6400, 1000, 1}, {1000, 64000, 700, 3}, {1, 4096, 500, 2}, {8, 65536, 20000, 4},
        {1 << 20, 8 << 20, 40, 3}, {3000001, 3000064, 7, 2}, {65536, 65536, 50, 4}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct pair pair;
        uint64_t completed, arrived;
        open_pair(&pair, shapes[i].bytes, shapes[i].working_set, shapes[i].queue_pairs);
        join_pair(&pair);
        assert_int_equal(send_all(&pair.a, &pair.b, shapes[i].messages, &completed, &arrived), 0);
        assert_int_equal(completed, shapes[i].messages);
        assert_int_equal(arrived, shapes[i].messages);
        check_arrived(&pair.a, &pair.b);
        close_pair(&pair);
    }
}

static void what_was_not_sent_is_not_there(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t completed, arrived;
    struct rg_blocks all = {0, 10, 1024, 1024};
    struct rg_mismatch found = {0};
    open_pair(&pair, 1024, 10240, 1);
    join_pair(&pair);
    assert_int_equal(send_all(&pair.a, &pair.b, 9, &completed, &arrived), 0);
    assert_int_equal(rg_memory_verify(pair.b.target, rg_pattern_key(KEY, 0, 0), &all, &found, &pair.b.err), 0);
    assert_int_equal(found.mismatches, 128);
    assert_int_equal(found.first_offset_bytes, 9216);
    close_pair(&pair);
}

static void without_a_count_senders_go_on_until_the_end_is_asked_for(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t completed = 0, posted = 0;
    open_pair(&pair, 4096, 1 << 20, 2);
    join_pair(&pair);
    for (uint64_t until_ns = rg_clock_after_ns(0.1); rg_clock_now_ns() < until_ns;) {
        assert_int_equal(rg_endpoint_post(pair.a.endpoint, UINT64_MAX), 0);
        int64_t done = rg_endpoint_reap(pair.a.endpoint);
        assert_true(done >= 0);
        completed += (uint64_t)done;
    }
    assert_true(completed > 10);
    assert_int_equal(rg_endpoint_finish(pair.a.endpoint, true), 0);
    uint64_t until_ns = rg_clock_after_ns(10);
    while (pair.a.endpoint->outstanding > 0 || pair.b.endpoint->peers_finished < 2) {
        completed += (uint64_t)rg_endpoint_reap(pair.a.endpoint);
        assert_true(rg_endpoint_receive(pair.b.endpoint) >= 0 && rg_clock_now_ns() < until_ns);
    }
    for (uint32_t q = 0; q < 2; q++)
        posted += rg_endpoint_posted(pair.a.endpoint, q);
    assert_int_equal(completed, posted);
    check_arrived(&pair.a, &pair.b);
    close_pair(&pair);
}

static void what_the_peer_has_not_read_is_complete_once_it_is_acknowledged_and_no_sooner(void **state)
{
    (void)state;
    struct pair pair;
    struct rg_endpoint_config config = {.message_bytes = 512 << 10, .working_set_bytes = 512 << 10, .queue_pairs = 1};
    open_end(&pair.a, &config);
    config.ping_pong = true; /* has no thread that reads */
    open_end(&pair.b, &config);
    join_pair(&pair);
    rg_endpoint_post(pair.a.endpoint, 3);
    for (int i = 0; i < 50; i++)
        assert_int_equal(rg_endpoint_reap(pair.a.endpoint), 0); /* the sender's socket takes it, the receiver's not */
    int messages = 0;
    for (uint64_t until_ns = rg_clock_after_ns(10); messages < 3 && rg_clock_now_ns() < until_ns;)
        messages += rg_endpoint_receive(pair.b.endpoint) > 0;
    assert_int_equal(messages, 3);
    rg_endpoint_finish(pair.a.endpoint, true);
    int64_t completed = 0;
    for (uint64_t until_ns = rg_clock_after_ns(10); pair.a.endpoint->outstanding > 0 && rg_clock_now_ns() < until_ns;)
        completed += rg_endpoint_reap(pair.a.endpoint);
    assert_int_equal(completed, 3);
    close_pair(&pair);
}

static void a_ping_goes_there_and_back_and_the_end_is_told(void **state)
{
    (void)state;
    struct pair pair;
    struct rg_endpoint_config config = {
        .message_bytes = 100000, .working_set_bytes = 1, .queue_pairs = 1, .ping_pong = true};
    open_end(&pair.a, &config);
    open_end(&pair.b, &config);
    join_pair(&pair);
    for (int i = 0; i < 20; i++) {
        struct end *from = i % 2 == 0 ? &pair.a : &pair.b, *to = i % 2 == 0 ? &pair.b : &pair.a;
        assert_int_equal(rg_endpoint_post(from->endpoint, 1), 1);
        int64_t came = 0;
        for (uint64_t until_ns = rg_clock_after_ns(5); came == 0 && rg_clock_now_ns() < until_ns;)
            came = rg_endpoint_receive(to->endpoint);
        assert_int_equal(came, 1);
    }
    assert_int_equal(rg_endpoint_finish(pair.a.endpoint, true), 0);
    for (uint64_t until_ns = rg_clock_after_ns(5);
         pair.b.endpoint->peers_finished == 0 && rg_clock_now_ns() < until_ns;)
        assert_int_equal(rg_endpoint_receive(pair.b.endpoint), 0);
    assert_int_equal(pair.b.endpoint->peers_finished, 1);
    close_pair(&pair);
}

/* The port of the end that listens, to which someone else connects. */
static int stranger(const struct end *end, const void *words, size_t bytes)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)end->address.tcp_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &there.sin_addr);
    assert_int_equal(connect(fd, (const struct sockaddr *)&there, sizeof there), 0);
    if (bytes > 0)
        assert_int_equal(send(fd, words, bytes, MSG_NOSIGNAL), bytes);
    return fd;
}

static void strangers_who_connect_take_nobodys_place(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t completed, arrived, wrong[2] = {12345, 0};
    open_pair(&pair, 4096, 65536, 2);
    struct end *listens = pair.a.address.token < pair.b.address.token ? &pair.b : &pair.a;
    int fds[] = {stranger(listens, "GET / HTTP/1.0\r\n", 16), stranger(listens, wrong, sizeof wrong)};
    close(stranger(listens, NULL, 0));
    join_pair(&pair);
    assert_int_equal(send_all(&pair.a, &pair.b, 100, &completed, &arrived), 0);
    check_arrived(&pair.a, &pair.b);
    close(fds[0]);
    close(fds[1]);
    close_pair(&pair);
}

static void a_peer_that_never_connects_costs_the_time_that_it_was_given(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 4096, 65536, 2);
    bool a_listens = pair.a.address.token > pair.b.address.token;
    struct end *listens = a_listens ? &pair.a : &pair.b, *other = a_listens ? &pair.b : &pair.a;
    uint64_t begin_ns = rg_clock_now_ns();
    assert_int_equal(connect_end(listens, other), 0);
    assert_int_equal(await_end(listens, 0.2), -ETIMEDOUT);
    assert_true(rg_clock_now_ns() - begin_ns >= 200000000);
    assert_has(listens->err.text, "lo: wait for the peer's connections: Connection timed out");
    assert_string_equal(listens->fault.step, "wait for the peer's connections");
    close_pair(&pair);
}

static void a_peer_that_is_gone_refuses_the_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 4096, 65536, 1);
    bool a_listens = pair.a.address.token > pair.b.address.token;
    struct end *listens = a_listens ? &pair.a : &pair.b, *other = a_listens ? &pair.b : &pair.a;
    rg_endpoint_close(listens->endpoint);
    listens->endpoint = NULL;
    assert_int_equal(connect_end(other, listens), -ECONNREFUSED);
    assert_has(other->err.text, "lo: connect: Connection refused");
    close_pair(&pair);
}

static void ends_that_do_not_fit_are_told_so(void **state)
{
    (void)state;
    struct pair pair;
    struct rg_endpoint_config config = {.message_bytes = 64, .working_set_bytes = 640, .queue_pairs = 1};
    open_end(&pair.a, &config);
    config.queue_pairs = 2;
    open_end(&pair.b, &config);
    assert_int_equal(connect_end(&pair.a, &pair.b), -EPROTO);
    close_pair(&pair);
    config.queue_pairs = 1;
    open_end(&pair.a, &config);
    open_end(&pair.b, &config);
    inet_pton(AF_INET6, "2001:db8::1", pair.b.address.gid);
    assert_int_equal(connect_end(&pair.a, &pair.b), -EOPNOTSUPP);
    assert_has(pair.a.err.text, "give both the same kind");
    close_pair(&pair);
}

/* The end that sends is closed in the middle of a message, as a rank that dies would. */
static void a_peer_that_ends_within_a_message_is_a_failure_with_its_connection(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 256 << 20, 256 << 20, 1);
    join_pair(&pair);
    rg_endpoint_post(pair.a.endpoint, UINT64_MAX);
    while (rg_endpoint_posted(pair.a.endpoint, 0) == 0)
        rg_clock_sleep_ns(1000000);
    rg_clock_sleep_ns(50000000); /* for its first bytes; its first message takes longer */
    rg_endpoint_close(pair.a.endpoint);
    pair.a.endpoint = NULL;
    int64_t came = 0;
    for (uint64_t until_ns = rg_clock_after_ns(10); came >= 0 && rg_clock_now_ns() < until_ns;)
        came = rg_endpoint_receive(pair.b.endpoint);
    assert_true(came < 0);
    rg_endpoint_explain(pair.b.endpoint, &pair.b.fault, &pair.b.err);
    assert_has(pair.b.err.text, "lo: receive: ");
    assert_has(pair.b.err.text, "(connection 0)");
    close_pair(&pair);
}

static void closing_ends_senders_and_receivers_that_wait(void **state)
{
    (void)state;
    struct pair pair;
    struct rg_endpoint_config config = {.message_bytes = 16 << 20, .working_set_bytes = 16 << 20, .queue_pairs = 1};
    open_end(&pair.a, &config);
    config.ping_pong = true;
    open_end(&pair.b, &config); /* nobody reads */
    join_pair(&pair);
    rg_endpoint_post(pair.a.endpoint, UINT64_MAX);
    rg_clock_sleep_ns(20000000);
    close_pair(&pair); /* or this test never ends */
}

static void the_path_and_the_machine_are_known(void **state)
{
    (void)state;
    struct pair pair;
    struct rg_counter counters[16];
    open_pair(&pair, 64, 640, 1);
    join_pair(&pair);
    assert_true(pair.a.address.machine != 0 && pair.a.address.machine == pair.b.address.machine);
    assert_string_equal(pair.a.address.device, "lo");
    assert_int_equal(pair.a.path.ip_version, 4);
    assert_true(pair.a.path.mtu_bytes >= 1500 && pair.a.path.segment_bytes > 1000);
    assert_true(pair.a.path.segment_bytes + pair.a.path.header_bytes <= pair.a.path.mtu_bytes);
    assert_int_equal(rg_endpoint_counters(pair.a.endpoint, counters, 16), 6);
    for (int i = 1; i < 6; i++)
        assert_true(strcmp(counters[i - 1].name, counters[i].name) < 0); /* as rg_counters_change wants them */
    assert_int_equal(rg_endpoint_counters(pair.a.endpoint, counters, 2), 2);
    close_pair(&pair);
}

static void an_interface_is_found_by_rail_and_name(void **state)
{
    (void)state;
    struct rg_netdev netdev;
    struct rg_error err = {{0}};
    assert_int_equal(rg_netdev_of_rail(0, "lo", &netdev, &err), 0);
    assert_string_equal(netdev.name, "lo");
    assert_string_equal(netdev.address, "127.0.0.1");
    assert_true(netdev.loopback);
    assert_int_equal(rg_netdev_of_rail(1, "nosuch0,lo", &netdev, &err), 0);
    assert_int_equal(rg_netdev_of_rail(0, "nosuch0,lo", &netdev, &err), -ENODEV);
    assert_has(err.text, "there is no network interface nosuch0 here");
    assert_int_equal(rg_netdev_of_rail(2, "nosuch0,lo", &netdev, &err), -ENXIO);
    assert_has(err.text, "rail 2 has no entry in the list of interfaces 'nosuch0,lo'");
    assert_int_equal(rg_netdev_of_rail(0, "a-name-that-is-too-long", &netdev, &err), -ENODEV);
    assert_int_equal(rg_netdev_of_rail(0, ",lo", &netdev, &err), -ENXIO);
    assert_int_equal(rg_netdev_of_rail(3, NULL, &netdev, &err), -ENXIO);
    assert_has(err.text, "--interface eth0,eth1");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_arrives_where_it_belongs),
        cmocka_unit_test(what_was_not_sent_is_not_there),
        cmocka_unit_test(without_a_count_senders_go_on_until_the_end_is_asked_for),
        cmocka_unit_test(what_the_peer_has_not_read_is_complete_once_it_is_acknowledged_and_no_sooner),
        cmocka_unit_test(a_ping_goes_there_and_back_and_the_end_is_told),
        cmocka_unit_test(strangers_who_connect_take_nobodys_place),
        cmocka_unit_test(a_peer_that_never_connects_costs_the_time_that_it_was_given),
        cmocka_unit_test(a_peer_that_is_gone_refuses_the_connection),
        cmocka_unit_test(ends_that_do_not_fit_are_told_so),
        cmocka_unit_test(a_peer_that_ends_within_a_message_is_a_failure_with_its_connection),
        cmocka_unit_test(closing_ends_senders_and_receivers_that_wait),
        cmocka_unit_test(the_path_and_the_machine_are_known),
        cmocka_unit_test(an_interface_is_found_by_rail_and_name),
    };
    return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
