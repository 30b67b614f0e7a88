#!/usr/bin/env bats
# Something breaks in the middle: the run ends by itself, says what broke, and keeps what it had. The last test loses a node for good.

bats_require_minimum_version 1.5.0
load helpers

# A command that node1 runs as soon as `fire` is called. Its session is there before the machines are busy.
arm() { # COMMAND
    trigger=$PWD/build/trigger.$$.$BATS_TEST_NUMBER
    rm -f "$trigger"
    # shellcheck disable=SC2029 # expanded here on purpose
    ssh node1 "while [ ! -e $trigger ]; do sleep 0.2; done; $1" &
    armed=$!
}

fire() {
    touch "$trigger"
    wait "$armed" || true
    rm -f "$trigger"
}

# Soon after a run its ranks are gone.
no_rank_on() { # NODE
    run ssh "$1" 'sleep 2; pgrep railgauge-rank'
    [ -z "$output" ]
}

@test "a rail that goes down fails its own flow, with what verbs said, and no other" {
    arm 'ip link set rail1 down'
    begin --test rdma_write_bw --size 64K --duration 10
    await_round 1
    sleep 2
    fire
    finish "$front"
    ssh node1 ip link set rail1 up
    [ "$status" = 1 ]
    [ "$(figure 'select(.status == "failed") | .error.rail' | sort -u)" = 1 ]
    [ "$(figure 'select(.round == 0 and .flow.from.rail == 1) | .error.status')" = "transport retry counter exceeded" ]
    [ "$(figure 'select(.flow.from.rail == 0) | .status' | sort -u)" = ok ]
    [[ $(tr -s ' \n' ' ' <"$out.stdout") == *"(node0, rail 1): rxe1: completion of a message: transport retry counter exceeded"* ]]
    valid
}

@test "ranks whose flow is broken wait for those that measure, though the window is longer than their deadlines" {
    arm 'ip link set rail1 down'
    begin --test rdma_write_bw --size 64K --duration 16 --deadline 4
    await_round 1
    fire
    finish "$front"
    ssh node1 ip link set rail1 up
    [ "$status" = 1 ]
    # In round 2 rail 1 breaks at set-up, long before rail 0 has finished.
    [ "$(figure 'select(.round == 1 and .flow.from.rail == 0) | .status')" = ok ]
    [ "$(jq -r '[.status, (.lost | length)] | @csv' "$out/run.json")" = '"complete",0' ]
}

@test "a rank that is killed is named, and what was measured before it stays" {
    arm 'pkill -KILL -o railgauge-rank'
    begin --test rdma_write_bw --size 64K --duration 10
    await_round 2
    sleep 1
    fire
    finish "$front"
    [ "$status" = 1 ] || [ "$status" = 3 ]
    [ "$(jq -c '[.lost[].node]' "$out/run.json")" = '["node1"]' ]
    [ "$(figure 'select(.round == 0) | .status' | sort -u)" = ok ]
    [[ $(<"$out.stdout") == *"lost: rank "*" (node1, rail "* ]]
    [ "$(jq -r .status "$out/run.json")" = incomplete ]
    valid
}

@test "a rank that hangs is named, and no other, and it does not outlive the run" {
    arm 'pkill -STOP -o railgauge-rank'
    begin --test rdma_write_bw --size 64K --duration 10
    await_round 1
    sleep 1
    fire
    finish "$front"
    [ "$status" = 1 ] || [ "$status" = 3 ]
    [ "$(jq -c '[.lost[] | .node]' "$out/run.json")" = '["node1"]' ]
    valid
    no_rank_on node1
}

@test "rank 0 killed: once may be anybody's fault, so that the run goes on with everyone" {
    begin --test rdma_write_bw --size 64K --duration 10 --start-timeout 30
    await_round 2
    sleep 1
    pkill -KILL -o railgauge-rank
    finish "$front"
    [ "$status" = 0 ]
    [[ $(<"$out.stderr") == *"going on with 2 of 2 nodes"* ]]
    [ "$(jq -r '[.status, (.lost | length)] | @csv' "$out/run.json")" = '"complete",0' ]
    [ "$(figure '[.round, .flow.from.rank] | @csv' | sort | uniq -d)" = "" ]
    valid
}

@test "SIGTERM leaves a valid, incomplete run and no rank behind" {
    begin --test rdma_write_bw --size 64K --duration 10
    await_round 2
    kill -TERM "$front"
    finish "$front"
    [ "$status" = 143 ]
    [ "$(jq -r .incomplete_reason "$out/run.json")" = "stopped by signal 15 (Terminated)" ]
    valid
    no_rank_on node0
    no_rank_on node1
}

@test "a device that is not there: exit 4, and how to get one" {
    measure --test rdma_write_bw --devices rxe0,rxe7
    [ "$status" = 4 ]
    [[ $output == *"there is no RDMA device rxe7"* ]]
    rdma link delete rxe1
    out=$BATS_TEST_TMPDIR/none
    measure --test rdma_write_bw
    rdma link add rxe1 type rxe netdev rail1
    [ "$status" = 4 ]
    [[ $output == *"node0: rail 1 needs an RDMA device of its own, but only 1 have an active port here"* ]]
}

@test "rails that no router joins are no failure, but unsupported" {
    measure --test rdma_write_bw --size 4K --duration 1 --rails cross
    [ "$status" = 3 ]
    [ "$(figure '[.status, .flow.from.rail != .flow.to.rail] | @csv' | sort | uniq -c | xargs)" = '4 unsupported,true' ]
    [[ $output == *"the fabric does not join these rails"* ]]
    valid
}

@test "a host that does not answer: exit 4, with ssh's words" {
    run "$railgauge" run --hosts node0,node9 --test rdma_write_bw --ranks-per-node 1 -o "$out" --start-timeout 20
    [ "$status" = 4 ]
    [[ $output == *node9* ]]
    [ ! -e "$out" ] # nothing was measured
}

@test "a node that loses power in mid-run: its ranks are named, and what was measured before stays" {
    arm 'echo o >/proc/sysrq-trigger'
    begin --test rdma_write_bw --size 64K --duration 10
    await_round 2
    sleep 1
    touch "$trigger" # the session dies with the node
    finish "$front"
    [ "$status" = 1 ] || [ "$status" = 3 ]
    [ "$(jq -r '[.lost[].node] | unique | join(",")' "$out/run.json")" = node1 ]
    [ "$(figure 'select(.round == 0) | .status' | sort -u)" = ok ]
    valid
}
