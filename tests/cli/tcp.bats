#!/usr/bin/env bats
# TCP tests: real sockets and a real mpirun, on this machine and between network namespaces that stand for two hosts. Built with ASan and UBSan.

bats_require_minimum_version 1.5.0
load ../background

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    out=$BATS_TEST_TMPDIR/run
    a=rgtcp$$a b=rgtcp$$b
    wire='' namespaces=no switch=''
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
}

teardown() {
    [ -z "$wire" ] || kill "$wire"
    [ "$namespaces" = no ] || { ip netns del "$a" && ip netns del "$b"; }
    [ -z "$switch" ] || ip netns del "$switch" 2>/dev/null || true
}

show() {
    echo "status $status"
    echo "$output"
    echo "${stderr:-}"
}

# On this machine alone, over its loopback interface.
alone() { # OPTION...
    run --separate-stderr timeout 120 "$railgauge" run --rank-program "$PWD/tests/cli/rank" --pattern loopback --interface lo --ranks-per-node 1 \
        --duration 0.3 --warmup 0.1 --deadline 10 -o "$out" "$@"
    show
}

of() { # JQ-FILTER
    jq -r "$1" "$out/measurements.ndjson"
}

within() { # VALUE LEAST MOST
    echo "$1, between $2 and $3" >&3
    jq -en "$1 >= $2 and $1 <= $3" >/dev/null
}

# Two hosts, $a and $b, that have nothing but each other.
two_hosts() {
    [ "$(id -u)" = 0 ] || skip "network namespaces need root"
    ip netns add "$a" 2>/dev/null || skip "this system gives no network namespaces"
    namespaces=yes
    ip netns add "$b"
    ip -n "$a" link set lo up
    ip -n "$b" link set lo up
    export NET_HOSTS=$BATS_TEST_TMPDIR/hosts
    printf '127.0.0.1 localhost\n10.211.0.1 %s\n10.211.0.2 %s\n' "$a" "$b" >"$NET_HOSTS"
}

address() { # DEVICE [MTU]
    ip -n "$a" addr add 10.211.0.1/24 dev "$1"
    ip -n "$b" addr add 10.211.0.2/24 dev "$1"
    ip -n "$a" link set "$1" up mtu "${2:-1500}"
    ip -n "$b" link set "$1" up mtu "${2:-1500}"
}

join_by_cable() {
    two_hosts
    ip link add "$a" type veth peer name "$b"
    ip link set "$a" netns "$a" name eth0
    ip link set "$b" netns "$b" name eth0
    address eth0
}

throttle() { # NAMESPACE RATE BURST
    ip netns exec "$1" tc qdisc replace dev eth0 root tbf rate "$2" burst "$3" latency 100ms 2>/dev/null ||
        skip "this kernel has no token bucket filter (sch_tbf)"
}

join_by_wire() { # DELAY_MS LOSE_EVERY
    [ -w /dev/net/tun ] || skip "this system gives no TUN devices"
    two_hosts
    tests/cli/net/wire.py "$1" "$2" "$a" "$b" >"$BATS_TEST_TMPDIR/wire" 3>&- &
    wire=$!
    for ((i = 0; i < 100; i++)); do ! grep -qs ready "$BATS_TEST_TMPDIR/wire" || break; sleep 0.05; done
    address tcp0
}

between_hosts() { # OPTION...
    run --separate-stderr timeout 120 tests/cli/net/host "$a" "$railgauge" run --rank-program "$PWD/tests/cli/rank" --hosts "$a,$b" \
        --ranks-per-node 1 --duration 1 --warmup 0.5 --deadline 10 -o "$out" "$@" -- --mca plm_rsh_agent "$PWD/tests/cli/net/host"
    show
}

@test "without an RDMA device tcp_bw is measured over loopback, checked, and no hardware" {
    alone --test tcp_bw --size 1,1000,64K,4M --queue-pairs 3 --working-set 1M
    [ "$status" = 0 ]
    scripts/validate "$out"
    [ "$(of '[.status, .integrity.status, .transport, .hardware, .queue_pairs, .flow.from.device, .path.gid_index_to] | @csv' | sort -u)" = \
        '"ok","ok","tcp",false,3,"lo",' ]
    [ "$(of .hardware_reason | sort -u)" = "both ends on one machine: no network had a part in it" ]
    [ "$(of '.integrity.words_checked > 0 and .bandwidth.messages > 0' | sort -u)" = true ]
    [ "$(of '.counters[] | [.device, .known] | @csv' | sort -u)" = '"lo",6' ]
    [[ $output == *"tcp_bw 64K one_way, 3 connections, loopback"* ]]
    [[ $stderr != *"MPI's own traffic"* ]]
    [ "$(jq -r '.nodes[0].rails[0] | [.device, .netdev] | @csv' "$out/run.json")" = ',"lo"' ]
    [ "$(jq -r '.nodes[0].tcp_congestion' "$out/run.json")" = "$(cat /proc/sys/net/ipv4/tcp_congestion_control)" ]
}

@test "both ways at once, and bounded by a count: every message is counted" {
    alone --test tcp_bw --size 64K --queue-pairs 4 --working-set 4M --iterations 1000 --direction both_ways
    [ "$status" = 0 ]
    [ "$(of '[.bandwidth.messages, .direction, .integrity.status] | @csv' | sort -u)" = '1000,"both_ways","ok"' ]
}

@test "tcp_lat tells half the round trip, of every sample" {
    alone --test tcp_lat --size 8,100K --iterations 500 --keep-samples
    [ "$status" = 0 ]
    scripts/validate "$out"
    [ "$(of '[.status, .latency.method, .latency.arrival, .latency.samples, (.latency.samples_us | length), .bandwidth] | @csv' | sort -u)" = \
        '"ok","half_round_trip","socket_read",500,500,' ]
}

@test "damaged payload is found, with its place" {
    alone --test tcp_bw --size 64K --queue-pairs 2 --working-set 1M --damage-rank 0 --damage-offset 200K
    [ "$status" = 1 ]
    [ "$(of '[.integrity.status, .integrity.mismatches, .integrity.first.rank, .integrity.first.offset_bytes] | @csv')" = '"mismatch",1,1,204800' ]
    [[ $output == *"data arrived damaged at rank 1"*"offset 204800"* ]]
}

# Hosts with MTUs of 9000, and a switch between them that passes on so many bytes towards $b.
join_by_switch() { # MTU
    two_hosts
    switch=rgtcp$$s
    ip netns add "$switch"
    ip -n "$switch" link add name br0 type bridge 2>/dev/null || skip "this kernel has no bridge"
    for host in "$a" "$b"; do
        ip link add "$host" type veth peer name eth0 netns "$host"
        ip link set "$host" netns "$switch" mtu 9000
        ip -n "$switch" link set "$host" master br0 up
    done
    ip -n "$switch" link set br0 up
    ip -n "$switch" link set "$b" mtu "$1"
    address eth0 9000
}

@test "without RDMA it is the interface of the nodes' names whose largest packets have to get through" {
    export OMPI_MCA_plm_rsh_agent=$PWD/tests/cli/net/host
    for mtu in 9000 8000; do
        join_by_switch "$mtu"
        run timeout 120 tests/cli/net/host "$a" "$railgauge" check --machine gvnic --hosts "$a,$b" --format json
        show
        printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.ndjson"
        scripts/validate "$BATS_TEST_TMPDIR/check.ndjson"
        found=$(jq -r '.checks[] | select(.check == "path_mtu") | .status + ": " + .found' "$BATS_TEST_TMPDIR/check.ndjson")
        case $mtu in
            9000) [ "$found" = $'pass: 9000 bytes arrive: eth0\npass: 9000 bytes arrive: eth0' ] && [ "$status" = 0 ] ;;
            8000) grep -q '^fail: 9000 bytes get lost on the way (500 arrive): eth0$' <<<"$found" && [ "$status" = 1 ] ;;
        esac
        ip netns del "$a" && ip netns del "$b" && ip netns del "$switch" && namespaces=no
    done
}

@test "a link of 50 Mb/s between two hosts is measured as such, each way by itself" {
    join_by_cable
    throttle "$a" 50mbit 128k
    between_hosts --test tcp_bw --size 16K --queue-pairs 2 --duration 2
    [ "$status" = 1 ] # it is slow beside the other way, and blamed
    [[ $output == *"FAIL: one of: $a, rail 0, transmit side; or $b, rail 0, receive side"* ]]
    scripts/validate "$out"
    # A frame of 1514 bytes carries 1448 of payload.
    sends="select(.round == 0 and .flow.from.node == \"$a\")"
    within "$(of "$sends.bandwidth.bandwidth_gbps * 1000")" "47.82 * 0.95" "47.82 * 1.05"
    [ "$(of "select(.flow.from.node == \"$b\") | .bandwidth.bandwidth_gbps > 0.1" | sort -u)" = true ]
    # The interface is the one that the host's name leads to.
    [ "$(of '[.flow.from.device, .flow.to.device, .path.mtu_bytes, .path.ip_version, .hardware] | @csv' | sort -u)" = '"eth0","eth0",1500,4,false' ]
    within "$(of "$sends.path.payload_share")" "1448 / 1538 - 0.0001" "1448 / 1538 + 0.0001"
}

@test "two hosts, both ways at once, share nothing" {
    join_by_cable
    throttle "$a" 50mbit 128k
    throttle "$b" 20mbit 128k
    between_hosts --test tcp_bw --size 16K --queue-pairs 4 --direction both_ways --duration 2
    # Each way takes some of the other's rate for its acknowledgements, which queue behind the data, too.
    within "$(of "select(.round == 0 and .flow.from.node == \"$a\").bandwidth.bandwidth_gbps * 1000")" "47.82 * 0.75" "47.82 * 1.05"
    within "$(of "select(.round == 0 and .flow.from.node == \"$b\").bandwidth.bandwidth_gbps * 1000")" "19.13 * 0.75" "19.13 * 1.05"
}

@test "a delay of 10 ms each way is half the round trip" {
    join_by_wire 10 0
    between_hosts --test tcp_lat --size 8
    [ "$status" = 0 ]
    within "$(of .latency.min_us)" 10000 15000 # the round trip is 20; both ranks poll beside the wire, which is a process
    within "$(of .latency.p50_us)" 10000 18000
    [ "$(of '[.flow.from.device, .latency.method] | @csv')" = '"tcp0","half_round_trip"' ]
}

@test "packets that are lost on the way are counted as segments sent again" {
    join_by_wire 2 50 # one way alone; loss costs Reno most of its rate, and BBR, this machine's choice perhaps, hardly any
    ip netns exec "$a" sysctl -qw net.ipv4.tcp_congestion_control=reno
    between_hosts --test tcp_bw --size 16K --queue-pairs 2
    [ "$status" = 1 ]
    retransmitted="[.counters[].added.tcp_segments_retransmitted // 0] | add"
    within "$(of "select(.round == 0) | $retransmitted")" 20 100000
    [ "$(of "select(.flow.from.node == \"$b\") | .integrity.status" | sort -u)" = ok ]
    [[ $output == *"FAIL: one of: $a, rail 0, transmit side; or $b, rail 0, receive side"* ]]
    [[ $(tr -s '\n ' ' ' <<<"$output") == *"during its flows its NIC counted "*" TCP segments sent again"* ]]
}

@test "a peer that dies in mid-flow is named by the deadline, and what was measured before is kept" {
    "$railgauge" run --rank-program "$PWD/tests/cli/rank" --pattern loopback --interface lo --ranks-per-node 1 --test tcp_bw --size 4K,8K,16K \
        --duration 1 --warmup 0.1 --deadline 2 -o "$out" >"$out.stdout" 2>"$out.stderr" &
    front=$!
    await_round 2
    sleep 0.3
    mapfile -t ranks < <(pgrep -f "^$railgauge-rank")
    kill -KILL "$(for rank in "${ranks[@]}"; do ! grep -qz '^OMPI_COMM_WORLD_RANK=1$' "/proc/$rank/environ" || echo "$rank"; done)"
    SECONDS=0
    finish "$front"
    [ "$status" = 1 ]
    ((SECONDS < 30))
    [ "$(of 'select(.round == 0) | .status')" = ok ]
    [ "$(of 'select(.round == 1) | .status')" = failed ]
    [[ $(jq -r .incomplete_reason "$out/run.json") == *"rank 1 ($(hostname), rail 0) did not come in time"* ]]
    scripts/validate "$out"
}

@test "a host whose rank dies in mid-flow is lost by its name" {
    join_by_cable
    timeout 120 tests/cli/net/host "$a" "$railgauge" run --rank-program "$PWD/tests/cli/rank" --hosts "$a,$b" --ranks-per-node 1 \
        --test tcp_bw --size 4K,8K --direction both_ways --duration 2 --warmup 0.1 --deadline 2 -o "$out" \
        -- --mca plm_rsh_agent "$PWD/tests/cli/net/host" >"$out.stdout" 2>"$out.stderr" &
    front=$!
    await_round 2
    sleep 0.5
    for rank in $(ip netns pids "$b"); do ! grep -q railgauge-rank "/proc/$rank/comm" || kill -KILL "$rank"; done
    finish "$front"
    [ "$status" = 1 ]
    [ "$(of 'select(.round == 0) | .status' | sort -u)" = ok ]
    [ "$(jq -r '[.lost[].node] | unique | @csv' "$out/run.json")" = "\"$b\"" ]
    scripts/validate "$out"
}

@test "an interface that is not there is named, with the node, and nothing is written" {
    alone --test tcp_bw --interface nosuch0
    [ "$status" = 4 ]
    [[ $stderr == *"$(hostname): there is no network interface nosuch0 here"*"ip -brief address"* ]]
    [ ! -e "$out" ]
    alone --test tcp_bw --interface lo --ranks-per-node 2
    [ "$status" = 4 ]
    [[ $stderr == *"rail 1 has no entry in the list of interfaces 'lo'"* ]]
}

@test "a host name that leads to loopback is refused as soon as another node has to be reached" {
    join_by_cable
    printf '127.0.0.1 localhost\n10.211.0.1 %s\n10.211.0.2 %s\n' "$a" "$b" >"$BATS_TEST_TMPDIR/good"
    # mpirun reaches b by another name than b itself knows.
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n10.211.0.1 %s\n' "$b" "$a" >"$BATS_TEST_TMPDIR/bad"
    printf '#!/bin/bash\nNET_HOSTS=%s exec %s/tests/cli/net/host "$@"\n' "$BATS_TEST_TMPDIR/bad" "$PWD" >"$BATS_TEST_TMPDIR/agent"
    chmod +x "$BATS_TEST_TMPDIR/agent"
    run --separate-stderr timeout 120 tests/cli/net/host "$a" "$railgauge" run --rank-program "$PWD/tests/cli/rank" --hosts "$a,$b" \
        --ranks-per-node 1 --test tcp_bw -o "$out" -- --mca plm_rsh_agent "$BATS_TEST_TMPDIR/agent"
    show
    [ "$status" = 4 ]
    [[ $stderr == *"$b: lo, 127.0.1.1, leads to no other node"*"--interface"* ]]
}

@test "what TCP cannot do is refused before anything is started" {
    alone --test tcp_bw --memory cuda
    [ "$status" = 2 ]
    [[ $stderr == *"memory cuda: TCP moves host memory"* ]]
    run --separate-stderr "$railgauge" simulate --nodes 4 --test tcp_bw -o "$out"
    [ "$status" = 2 ]
    [[ $stderr == *"tcp_bw is measured over real sockets"* ]]
    [ ! -e "$out" ]
}

@test "the suite tcp is for any node, and the machine gvnic expects no figure that nobody measured" {
    run --separate-stderr "$railgauge" run --suite tcp --machine gvnic --hosts node1,node2 --dry-run
    show
    [ "$status" = 0 ]
    [[ $output == *"tcp_bw"*"tcp_lat"* ]]
    alone --test tcp_bw --size 128K --queue-pairs 8 --machine gvnic
    [ "$status" = 3 ]
    [[ $output == *"INCONCLUSIVE: Nothing in the run could be held against gvnic"* ]]
    [[ $output == *"not hardware"* ]]
}
