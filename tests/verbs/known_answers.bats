#!/usr/bin/env bats
# What must come out is known beforehand: the link's rate or delay is set, or the data are damaged on purpose.

load helpers

teardown() {
    for node in node0 node1; do
        ssh "$node" 'tc qdisc del dev rail0 root 2>/dev/null || true'
    done
}

@test "a rail throttled to 10 Mbit/s is measured within 5 % of the payload's share of that" {
    tc qdisc add dev rail0 root tbf rate 10mbit burst 32kb latency 2s
    measure --test rdma_write_bw --size 64K --warmup 2 --duration 5 --ranks-per-node 1
    [ "$status" = 1 ]
    valid
    # Two nodes cannot tell which end it is.
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"one of: node0, rail 0, transmit side; or node1, rail 0, receive side: "* ]]
    # 16 packets of 4096 bytes payload, each with 58 bytes of headers that tbf counts (Ethernet, IP, UDP, BTH, ICRC), and a RETH of 16.
    expected=$(echo "0.010 * 65536 / (16 * (4096 + 58) + 16)" | bc -l)
    throttled=$(figure 'select(.flow.from.node == "node0") | .bandwidth.bandwidth_gbps')
    between "$throttled" "$expected * 0.95" "$expected * 1.05"
}

@test "the same holds for reads, whose data are throttled where they come from" {
    tc qdisc add dev rail0 root tbf rate 10mbit burst 32kb latency 2s
    measure --test rdma_read_bw --size 64K --warmup 2 --duration 5 --ranks-per-node 1
    [ "$status" = 1 ]
    [ "$(jq -c '[.suspects[] | [.part, .status, .node, .rail]]' "$out/verdict.json")" = '[["tx","one_of","node0",0]]' ]
    expected=$(echo "0.010 * 65536 / (16 * (4096 + 58))" | bc -l)
    throttled=$(figure 'select(.flow.from.node == "node0") | .bandwidth.bandwidth_gbps')
    between "$throttled" "$expected * 0.95" "$expected * 1.05"
    [ "$(figure 'select(.flow.from.node == "node0") | .flow.initiator')" = to ]
}

@test "a delay of 200 ms one way makes 100 ms of half a round trip and 200 ms of a whole one" {
    ssh node1 tc qdisc add dev rail0 root netem delay 200ms
    for kind in write send read; do
        out=$BATS_TEST_TMPDIR/$kind
        measure --test "rdma_${kind}_lat" --size 8 --iterations 8 --warmup-iterations 1 --ranks-per-node 1
        [ "$status" = 0 ]
        valid
        expected=$([ "$kind" = read ] && echo 200000 || echo 100000)
        for p50 in $(figure .latency.p50_us); do
            between "$p50" "$expected * 0.75" "$expected * 1.25"
        done
    done
}

@test "every sample is kept, and the maximum is the largest of them" {
    measure --test rdma_send_lat --size 8 --iterations 50 --keep-samples --ranks-per-node 1
    [ "$status" = 0 ]
    [ "$(figure '.latency.samples_us | length')" = 50 ]
    [ "$(figure '(.latency.samples_us | max) == .latency.max_us and (.latency.samples_us | min) == .latency.min_us')" = true ]
}

@test "one damaged word is found at the receiver, with its place and both values, and fails the run" {
    for test in rdma_write_bw rdma_send_bw; do
        out=$BATS_TEST_TMPDIR/$test
        measure --test "$test" --size 64K --duration 1 --damage-rank 0 --damage-offset 4096
        [ "$status" = 1 ]
        [[ $(tr -s ' \n' ' ' <<<"$output") == *"data arrived damaged at rank 2 (node1, rail 0): 1 of "*" words differ, the first at offset 4096: expected 0x"* ]]
        [ "$(figure 'select(.integrity.status == "mismatch") | [.integrity.first.rank, .integrity.first.rail,
            .integrity.first.offset_bytes, .integrity.mismatches] | @csv')" = 2,0,4096,1 ]
        [ "$(figure 'select(.integrity.status == "ok") | .status' | sort -u)" = ok ]
        valid
    done
}

@test "one damaged word is found at the reader" {
    measure --test rdma_read_bw --size 64K --duration 1 --damage-rank 2 --damage-offset 8
    [ "$status" = 1 ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"data arrived damaged at rank 0 (node0, rail 0): 1 of "* ]]
}

@test "both ways at once measures both directions of all rails in one round" {
    measure --test rdma_send_bw --size 16K --direction both_ways --duration 1 --queue-pairs 3
    [ "$status" = 0 ]
    valid
    [ "$(figure .round | sort -u)" = 0 ]
    [ "$(figure '.flow.from.node' | sort | uniq -c | tr -s ' \n' ' ')" = " 2 node0 2 node1 " ]
    [ "$(figure '.integrity.status' | sort -u)" = ok ]
}

@test "options of the queue pairs take effect or are said to be unsupported" {
    measure --test rdma_write_bw --size 8K --iterations 64 --warmup-iterations 0 --post-list 4 --signal-interval 8 --depth 16 --mtu 1024 \
        --queue-pairs 2 --ranks-per-node 1 --traffic-class 106 --retry-count 3 --qp-timeout 17
    [ "$status" = 0 ]
    [ "$(figure '.path.mtu_bytes' | sort -u)" = 1024 ]
    [ "$(figure '.bandwidth.messages' | sort -u)" = 64 ]
    [ "$(jq -c '.suite.tests[0] | [.post_list, .signal_interval, .depth, .queue_pairs, .traffic_class, .retry_count, .qp_timeout]' \
        "$out/run.json")" = "[4,8,16,2,106,3,17]" ]
    out=$BATS_TEST_TMPDIR/depth
    measure --test rdma_write_bw --size 8K --iterations 64 --depth 32768 --ranks-per-node 1
    [ "$status" = 3 ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"unsupported"*"rxe0: create completion queue: the device's completion queues hold "*" entries; use fewer queue pairs"* ]]
    valid
}

@test "sizes from one byte on arrive intact" {
    measure --test rdma_write_bw --size 1,2,7,4095,4097 --iterations 100 --ranks-per-node 1
    [ "$status" = 0 ]
    [ "$(figure '.integrity.status' | sort | uniq -c | tr -s ' \n' ' ')" = " 10 ok " ]
    [ "$(figure 'select(.size_bytes == 1) | .bandwidth.bytes' | sort -u)" = 100 ]
}
