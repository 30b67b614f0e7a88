#!/usr/bin/env bats
# The simulated fabric: the judge in one process over many fleets, and the real ranks under the real mpirun.

bats_require_minimum_version 1.5.0
load ../background

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    quick=$PWD/build/railgauge # many fleets, and many ranks, are too slow with sanitizers
    out=$BATS_TEST_TMPDIR/run
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
}

# A fabric of N nodes with 2 rails and the faults given, into $BATS_TEST_TMPDIR/fabric.json.
fabric() { # NODES FAULT...
    local nodes=$1
    shift
    printf '{"schema_version": "1.0", "document": "fabric", "nodes": %d, "rails": 2, "nodes_per_leaf": null, "rate_gbps": 390,
        "latency_us": 2, "hop_us": 0.6, "noise_percent": 0.5, "load_slowdown": 0.9, "load_latency": 4, "seed": 7, "faults": [%s]}' \
        "$nodes" "$(IFS=,; echo "$*")" >"$BATS_TEST_TMPDIR/fabric.json"
}

fault() { # KIND PART NODE RAIL LOSS AT
    printf '{"fault": "%s", "part": "%s", "node": %d, "rail": %s, "peer": null, "loss_percent": %s, "at_s": %s}' "$@"
}

simulated_run() { # OPTION...
    run --separate-stderr timeout 300 "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --deadline 15 -o "$out" \
        --test rdma_write_bw --pattern screen "$@"
}

suspects() {
    jq -c '[.suspects[] | [.part, .node, .rail]]' "$out/verdict.json"
}

@test "40 fleets by lot are judged exactly, and no healthy one is accused" {
    run -0 timeout 580 "$quick" simulate --trials 40 --seed 1
    echo "$output" | tail -n 1 >&3
    [[ $output == *"0 of 40 healthy fleets were accused"* ]]
}

@test "fleets that were misjudged once are judged exactly" {
    for seed in 35 56 258; do
        run -0 "$quick" simulate --trials 1 --seed "$seed"
        [[ $output == *"1 of 1 fleets"*"0 of 1 healthy fleets were accused"* ]]
    done
}

@test "a healthy fleet exits 0, and one with a slow NIC 1, with its name; what was planted is in truth.json alone" {
    run -0 "$railgauge" simulate --nodes 12 --rails 4 -o "$BATS_TEST_TMPDIR/healthy"
    run -1 "$railgauge" simulate --nodes 12 --rails 4 --fault slow,part=tx,node=7,rail=3,loss=20 -o "$out"
    [ "$(suspects)" = '[["tx","sim007",3]]' ]
    [ "$(jq -c '[.faults[] | [.fault, .part, .node, .rail, .loss_percent]]' "$out/truth.json")" = '[["slow","tx",7,3,20]]' ]
    run -0 scripts/validate "$out" "$BATS_TEST_TMPDIR/healthy"
    mv "$out/truth.json" "$BATS_TEST_TMPDIR"
    run -1 "$railgauge" compare "$out"
    [[ $output == *"sim007, rail 3, transmit side"* ]]
    [ "$(jq -r .hardware "$out/measurements.ndjson" | sort -u)" = false ]
    run -1 "$railgauge" simulate --fabric "$BATS_TEST_TMPDIR/truth.json" --seed 1
}

@test "faults that make no sense are refused" {
    for bad in slow slow,part=tx,node=1 slow,part=tx,node=1,rail=1 slow,part=tx,node=99,rail=1,loss=5 wet,part=tx,node=1,rail=1 \
        slow,part=path,node=1,rail=1,loss=5 dies,part=tx,node=1,rail=1,at=5 dead,part=node,node=1,rail=3 slow,colour=red; do
        run -2 --separate-stderr "$railgauge" simulate --fault "$bad"
        [[ $stderr == *"fault '$bad'"* ]]
    done
    run -2 --separate-stderr "$railgauge" simulate --faults many
    run -2 --separate-stderr "$railgauge" run --transport sim:no/such/file
    run -2 --separate-stderr "$railgauge" run --transport carrier-pigeon
}

@test "ranks under mpirun name the slow NIC, after having measured it again" {
    fabric 6 "$(fault slow rx 4 1 30 null)"
    simulated_run
    [ "$status" = 1 ]
    [ "$(suspects)" = '[["rx","sim004",1]]' ]
    [ "$(jq -r 'select(.pattern == "confirm") | .status' "$out/measurements.ndjson" | sort -u)" = ok ]
    scripts/validate "$out"
}

@test "a node that dies and a rank that hangs cost their own results, not the run; all are named" {
    fabric 8 "$(fault slow tx 1 0 30 null)" "$(fault dies node 5 null null 3)" "$(fault hangs nic 6 1 null 8)"
    simulated_run --partners 5 --deadline 6
    echo "$output $stderr"
    [ "$status" = 1 ]
    [ "$(suspects)" = '[["tx","sim001",0]]' ]
    [ "$(jq -c '[.lost[] | [.node, .rail]]' "$out/run.json")" = '[["sim005",0],["sim005",1],["sim006",1]]' ]
    [ "$(jq '.rounds_done >= .rounds_planned' "$out/run.json")" = true ]
    # Progress and report name ranks by the same number.
    [[ $stderr == *"rank 13 (sim006, rail 1) did not come in time"* ]]
    [ "$(jq '.lost[2].rank' "$out/run.json")" = 13 ]
    # No flow was measured twice in a round.
    [ "$(jq -c '[.round, .flow.from.rank, .flow.to.rank]' "$out/measurements.ndjson" | sort | uniq -d)" = "" ]
    scripts/validate "$out"
}

@test "killed outright, a run is taken up where it was, and measures nothing twice" {
    fabric 4
    "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --test rdma_write_bw --pattern pairs --size 4K:1M:2 --deadline 15 \
        -o "$out" 2>"$out.stderr" &
    front=$!
    await_round 5
    kill -KILL "$front"
    wait "$front" || true
    done_before=$(jq .rounds_done "$out/run.json")
    ((done_before >= 4 && done_before < 54))
    printf '{"half a line' >>"$out/measurements.ndjson"
    run --separate-stderr timeout 200 "$quick" run --resume "$out"
    echo "$output $stderr"
    [ "$status" = 0 ]
    [[ $stderr == *"round $((done_before + 1)) of 54"* ]]
    [[ $stderr != *"round $done_before of 54"* ]]
    [ "$(jq .round "$out/measurements.ndjson" | sort -nu | wc -l)" = 54 ]
    [ "$(jq -c '[.round, .flow.from.rank]' "$out/measurements.ndjson" | sort | uniq -d)" = "" ]
    [ "$(jq -r .status "$out/run.json")" = complete ]
    scripts/validate "$out"
    run -2 --separate-stderr "$quick" run --resume "$out"
    [[ $stderr == *"the run is complete"* ]]
    run -2 --separate-stderr "$quick" run --resume "$out" --duration 5
    [[ $stderr == *"--duration cannot be changed"* ]]
}

# Moments are spread over the run, from a seed; RAILGAUGE_MOMENTS asks for more of them. A run takes as long as the last whole one did.
@test "SIGTERM at any moment leaves a run that validates and can be taken up, and nothing is measured twice" {
    local moments=${RAILGAUGE_MOMENTS:-6} interrupted=0 i begun whole_ms took_ms at_ms
    term_run=("$quick" run --quiet --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --test rdma_write_bw
        --size "$(seq -s, 4096 4 4152)" --deadline 15 -o "$out")
    fabric 2
    RANDOM=${RAILGAUGE_SEED:-1}
    begun=${EPOCHREALTIME/./}
    run -0 timeout 120 "${term_run[@]}"
    whole_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    for ((i = 0; i < moments; i++)); do
        rm -rf "$out"
        at_ms=$(((i * 1000 + RANDOM % 1000) * whole_ms / moments / 1000 + 1))
        begun=${EPOCHREALTIME/./}
        run timeout --preserve-status --signal TERM "$((at_ms / 1000)).$(printf %03d $((at_ms % 1000)))" "${term_run[@]}"
        took_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
        if [ ! -e "$out" ]; then
            continue # before the ranks were there
        fi
        scripts/validate "$out" >"$BATS_TEST_TMPDIR/valid" || { cat "$BATS_TEST_TMPDIR/valid" && false; }
        [ "$(jq .measurements "$out/run.json")" = "$(wc -l <"$out/measurements.ndjson")" ]
        if [ "$(jq -r .status "$out/run.json")" = complete ]; then
            whole_ms=$took_ms
            continue
        fi
        [ "$status" = 143 ]
        [ "$(jq .exit_status "$out/run.json")" = 143 ]
        ((++interrupted))
        run timeout 120 "$quick" run --quiet --resume "$out"
        echo "after $at_ms of $whole_ms ms: $status $output"
        [ "$status" = 0 ]
        [ "$(jq -r .status "$out/run.json")" = complete ]
        [ "$(jq .round "$out/measurements.ndjson" | sort -nu | wc -l)" = "$(jq .rounds_planned "$out/run.json")" ]
        [ "$(jq -c '[.round, .flow.from.rank, .flow.to.rank]' "$out/measurements.ndjson" | sort | uniq -d)" = "" ]
    done
    echo "interrupted at $interrupted of $moments moments of a run of $whole_ms ms" >&3
    ((interrupted >= moments / 3))
}

@test "a dry run tells rounds, flows, time and memory, and leaves nothing" {
    run -0 "$railgauge" run --hosts a,b --ranks-per-node 8 --suite acceptance --dry-run -o "$out"
    [[ $output == *"congestion"*" 0 "* ]]
    [[ $output == *"for 2 nodes"*"for 16 nodes"*"for 256 nodes"* ]]
    [ ! -e "$out" ]
}

@test "a fleet of 4,096 nodes with 8 rails is judged in 10 s and 500 MB" {
    run -1 timeout 10 bash -c "ulimit -v 512000; exec '$quick' simulate --nodes 4096 --faults random:3 --seed 5"
}

# Processor time of so many fleets of that size, in milliseconds.
spent() { # NODES FLEETS
    local TIMEFORMAT=%3U
    { time for ((seed = 1; seed <= $2; seed++)); do "$quick" simulate --nodes "$1" --faults random:3 --seed "$seed" >/dev/null || true; done; } 2>&1 |
        tr -d .
}

@test "from 64 to 4,096 nodes the time that a node takes grows no faster than the logarithm of their number" {
    small=$((10#$(spent 64 128))) large=$((10#$(spent 4096 2)))
    echo "8,192 nodes in fleets of 64: $small ms; in fleets of 4,096: $large ms"
    ((large <= 2 * small)) # log 4,096 is twice log 64
}

@test "16 nodes of 4 rails with a slow NIC, a node that dies and a rank that hangs: the acceptance suite ends by itself and names all three" {
    jq -n '{schema_version: "1.0", document: "fabric", nodes: 16, rails: 4, nodes_per_leaf: null, rate_gbps: 390, latency_us: 2, hop_us: 0.6,
        noise_percent: 0.5, load_slowdown: 0.9, load_latency: 4, seed: 7, faults: [
            {fault: "slow", part: "tx", node: 3, rail: 1, peer: null, loss_percent: 30, at_s: null},
            {fault: "dies", part: "node", node: 9, rail: null, peer: null, loss_percent: null, at_s: 8},
            {fault: "hangs", part: "nic", node: 12, rail: 2, peer: null, loss_percent: null, at_s: 20}]}' >"$BATS_TEST_TMPDIR/fabric.json"
    run --separate-stderr timeout 500 "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --suite acceptance --deadline 15 -o "$out"
    echo "$output $stderr"
    [ "$status" = 1 ]
    [ "$(suspects)" = '[["tx","sim003",1]]' ]
    [ "$(jq -c '[.lost[] | [.node, .rail]]' "$out/run.json")" = '[["sim009",0],["sim009",1],["sim009",2],["sim009",3],["sim012",2]]' ]
    [ "$(jq '.rounds_done >= .rounds_planned' "$out/run.json")" = true ]
    scripts/validate "$out"
}

@test "a straggling GPU is named where collectives of pairs of nodes and of rails cross; of one kind alone the node or the rail is, as one of several" {
    fabric 4 "$(fault straggles nic 2 1 30 null)"
    jq -n '{schema_version: "1.0", document: "suite", name: "collectives", description: "Pairs and rails.", defaults: {sizes_bytes: 16777216},
        tests: [{test: "rdma_write_bw", pattern: "screen"}, {test: "all_reduce", group: "pair"}, {test: "all_reduce", group: "rail"}]}' \
        >"$BATS_TEST_TMPDIR/suite.json"
    run -1 timeout 200 "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --suite "$BATS_TEST_TMPDIR/suite.json" -o "$out"
    [ "$(suspects)" = '[["rank","sim002",1]]' ]
    [[ $output == *"sim002, rail 1: holds up collectives"*"its flows are as fast as others"* ]]
    scripts/validate "$out"
    rm -r "$out"
    run -1 timeout 200 "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --test all_reduce --group rail --size 16M -o "$out"
    [ "$(suspects)" = '[["rail",null,1]]' ]
    [[ $output == *"one of: rail 1 of all nodes; or of one of them"* ]]
}

@test "simulate has collectives, too: what straggles, or is slow for flows already, is told once, and of all ranks together nobody" {
    straggler=straggles,part=nic,node=3,rail=1,loss=30
    run -1 "$railgauge" simulate --nodes 8 --suite capacity --fault "$straggler" -o "$out"
    [ "$(suspects)" = '[["rank","sim003",1]]' ]
    scripts/validate "$out"
    run -1 "$railgauge" simulate --nodes 8 --suite capacity --fault slow,part=nic,node=3,rail=1,loss=30
    [[ $output == *"sim003, rail 1: "*" slow"* && $output != *"holds up"* ]]
    run -3 "$railgauge" simulate --nodes 8 --test all_reduce --size 16M --fault "$straggler"
    [[ $output == *"Nothing was judged"* ]]
    run -3 "$railgauge" simulate --nodes 8 --test all_reduce --size 16M --group pair --fault dies,part=node,node=5,at=3
    [[ $output != *suspect* ]]
}
