#!/usr/bin/env bats
# What becomes of a run when something goes wrong around it: mpirun, the front, a node, the network, the user. On the simulated
# fabric with the real ranks, and with a stand-in for mpirun where it matters when rank 0 says what.

bats_require_minimum_version 1.5.0
load ../background

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    quick=$PWD/build/railgauge # many ranks are too slow with sanitizers
    out=$BATS_TEST_TMPDIR/run
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export PLAYED=$BATS_TEST_TMPDIR/played
    mkdir "$PLAYED"
    shell true
}

# A fabric of N nodes with 2 rails and the faults given.
fabric() { # NODES FAULT...
    local nodes=$1
    shift
    printf '{"schema_version": "1.0", "document": "fabric", "nodes": %d, "rails": 2, "nodes_per_leaf": null, "rate_gbps": 390,
        "latency_us": 2, "hop_us": 0.6, "noise_percent": 0.5, "load_slowdown": 0.9, "load_latency": 4, "seed": 7, "faults": [%s]}' \
        "$nodes" "$(IFS=,; echo "$*")" >"$BATS_TEST_TMPDIR/fabric.json"
}

# What stands for ssh; HOST is in $host, and $* all words.
shell() { # SCRIPT
    printf '#!/bin/bash\nhost=${*: -2:1}\necho "$*" >>"%s/asked"\n%s\n' "$PLAYED" "$1" >"$BATS_TEST_TMPDIR/shell"
    chmod +x "$BATS_TEST_TMPDIR/shell"
}

# A run of node0 to node3 with one rail, in which the stand-in does what $PLAY says.
play() { # OPTION...
    run --separate-stderr timeout 60 "$railgauge" run --hosts node0,node1,node2,node3 --ranks-per-node 1 --test rdma_write_bw \
        --size 4K --mpirun tests/cli/stand_in -o "$out" "$@" -- --mca plm_rsh_agent "$BATS_TEST_TMPDIR/shell"
    echo "status $status: $output $stderr"
}

# The real ranks on the fabric, in the background: 6 rounds a size for 3 nodes, some hundredths of a second each.
sizes=$(seq -s, 4096 4 4252)
begin() { # OPTION...
    "$quick" run --transport "sim:$BATS_TEST_TMPDIR/fabric.json" --test rdma_write_bw --pattern pairs --size "$sizes" \
        --deadline 15 -o "$out" "$@" >"$out.stdout" 2>"$out.stderr" &
    front=$!
}

# mpirun under that front.
launcher() { # PID
    local child
    for child in $(ps -o pid= --ppid "$1"); do
        [ "$(ps -o comm= -p "$child")" != mpirun ] || echo "$child"
    done
}

lost() {
    jq -c '[.lost[] | [.rank, .node, .rail]]' "$out/run.json"
}

nothing_twice() {
    [ "$(jq -c '[.round, .flow.from.rank, .flow.to.rank]' "$out/measurements.ndjson" | sort | uniq -d)" = "" ]
    [ "$(jq .measurements "$out/run.json")" = "$(wc -l <"$out/measurements.ndjson")" ]
    [ "$(jq .sequence "$out/measurements.ndjson" | uniq -c | wc -l)" = "$(jq .measurements "$out/run.json")" ]
}

# --- mpirun ---

@test "an mpirun that is told to end, or is killed, in mid-run costs nobody, and nothing is measured twice" {
    fabric 3
    begin
    await_round 20
    kill -TERM "$(launcher "$front")"
    await_round 100
    kill -KILL "$(launcher "$front")"
    finish "$front"
    [ "$status" = 0 ]
    [[ $(<"$out.stderr") == *"mpirun was ended by signal 9 (Killed); going on with 3 of 3 nodes"* ]]
    [ "$(lost)" = '[]' ]
    [ "$(jq -r .status "$out/run.json")" = complete ]
    nothing_twice
    scripts/validate "$out"
}

@test "a round that is there by half is measured anew, and mpirun's end is no rank's fault" {
    PLAY='say ready; for ((n = first; n < 4; n++)); do
            if ((attempt == 1 && n == 1)); then say round 1 30 "a round"; measure 1; exit 0; fi
            round $n; done; finish' play
    [ "$(lost)" = '[]' ]
    [ "$(wc -l <"$PLAYED/orders")" = 2 ]
    [ "$(jq -c .round "$out/measurements.ndjson" | xargs)" = "0 1 2 3" ]
    nothing_twice
}

@test "rank 0 is blamed when it ends twice in the same round, and the rest goes on without it" {
    PLAY='say ready; for ((n = first; n < 4; n++)); do ((attempt > 2 || n != 1)) || exit 0; round $n; done; finish' play
    [ "$(wc -l <"$PLAYED/orders")" = 3 ]
    [ "$(lost)" = '[[0,"node0",0]]' ]
    [[ $stderr == *"going on with 4 of 4 nodes"*"going on with 3 of 4 nodes"* ]]
    [ "$(jq -r '.lost[0].where' "$out/run.json")" = "rank 0 ended without a word twice in round 2" ]
    [ "$(sed -n '3s/.*"present":\[\([^]]*\)\].*/\1/p' "$PLAYED/orders")" = 1,2,3 ]
    nothing_twice
}

@test "rank 0 has its time anew from its last word on, be it the question what to measure again" {
    patience=3 PLAY='sleep 1.8; say ready; sleep 1.8; patience=2; for ((n = first; n < 2; n++)); do
            say round $n 2 "a round"; sleep 1.3; measure $n; sleep 1.3; say round_done $n 1; sleep 1.3; done
            say ask; read -r _; sleep 1.3; say done' play --start-timeout 3
    [ "$(wc -l <"$PLAYED/orders")" = 1 ]
    [ "$(lost)" = '[]' ]
    [[ $stderr != *"going on"* ]]
}

@test "a front that was stopped for longer than rank 0 may be silent accuses nobody" {
    PLAY='say ready; for ((n = first; n < 3; n++)); do patience=1 round $n; sleep 0.3; done; finish' \
        "$railgauge" run --hosts node0,node1 --ranks-per-node 1 --test rdma_write_bw --size 4K --mpirun tests/cli/stand_in -o "$out" \
        -- --mca plm_rsh_agent "$BATS_TEST_TMPDIR/shell" >"$out.stdout" 2>"$out.stderr" &
    front=$!
    await_round 1
    kill -STOP "$front"
    sleep 2
    kill -CONT "$front"
    finish "$front"
    [ "$(wc -l <"$PLAYED/orders")" = 1 ]
    [ "$(lost)" = '[]' ]
    [ "$(jq .rounds_done "$out/run.json")" = 3 ]
}

# --- nodes ---

@test "the node of rank 0 dies: it is named as a node, at once, by the plan's numbers" {
    fabric 4 '{"fault": "dies", "part": "node", "node": 0, "rail": null, "peer": null, "loss_percent": null, "at_s": 3}'
    begin --deadline 2 --size 64K --pattern screen
    finish "$front"
    [ "$(lost)" = '[[0,"sim000",0],[1,"sim000",1]]' ]
    [ "$(jq -r '[.lost[].where] | unique | join(";")' "$out/run.json")" = "the node does not answer, in round 3" ]
    [ "$(grep -c "going on with" "$out.stderr")" = 1 ]
    [[ $(<"$out.stderr") == *"sim000 does not answer; going on with 3 of 4 nodes"* ]]
    nothing_twice
    scripts/validate "$out"
}

@test "nodes are asked over the shell that mpirun was told to use, and one that does not answer is lost" {
    shell '[[ $* == "-p 2222 "* && $host != node2 ]]'
    export OMPI_MCA_plm_rsh_args="-p 2222"
    PLAY='say ready; for ((n = first; n < 4; n++)); do ((attempt > 1 || n != 1)) || exit 0; round $n; done; finish' play
    [ "$(sort "$PLAYED/asked" | xargs -d '\n' printf '%s;')" = "-p 2222 node0 true;-p 2222 node1 true;-p 2222 node2 true;-p 2222 node3 true;" ]
    [ "$(lost)" = '[[2,"node2",0]]' ]
    [[ $stderr == *"node2 does not answer; going on with 3 of 4 nodes"* ]]
}

@test "where no node answers the shell is to blame, and nobody is lost" {
    shell false
    PLAY='say ready; for ((n = first; n < 4; n++)); do ((attempt > 1 || n != 1)) || exit 0; round $n; done; finish' play
    [ "$(lost)" = '[]' ]
    [[ $stderr == *"no host answers $BATS_TEST_TMPDIR/shell, so that it is not known which of them is there"* ]]
    [[ $stderr == *"going on with 4 of 4 nodes"* ]]
}

@test "--max-lost says that it ended the run, and how to go on" {
    PLAY='say ready; round 0; echo "[vm:1] PMIX ERROR: BAD-PARAM in file x.c at line 1033" >&2; say round 1 30 "a round"
        say lost 1 0 "start of the round: they did not come"; say lost 3 0 "start of the round: they did not come"
        say failed 0 0 "start of the round: rank 1 and rank 3 did not come"' play --max-lost 1
    [ "$(jq -r .incomplete_reason "$out/run.json")" = "gave up: 2 nodes were lost, and --max-lost is 1" ]
    [[ $stderr == *"railgauge run --resume $out"* ]]
    [ "$(lost)" = '[[1,"node1",0],[3,"node3",0]]' ]
}

# --- the run's directory ---

@test "a run has one writer: another is refused while it lives, and finds nothing of it when it was killed" {
    fabric 3
    begin
    await_round 2
    child=$(launcher "$front")
    run -2 --separate-stderr "$quick" run --resume "$out"
    [[ $stderr == *"measurements.ndjson: is being written by process $front"* ]]
    run -0 --separate-stderr "$quick" run --resume "$out" --dry-run
    kill -KILL "$front"
    wait "$front" || true
    for ((i = 0; i < 50; i++)); do
        [[ $(ps -o stat= -p "$child") == [A-Y]* ]] || break # gone, or a zombie that nobody has waited for yet
        sleep 0.1
    done
    ((i < 50))
    run --separate-stderr timeout 120 "$quick" run --resume "$out"
    echo "$output $stderr"
    [ "$status" = 0 ]
    nothing_twice
    scripts/validate "$out"
}

@test "a run is taken up from elsewhere with all that it was asked for" {
    fabric 3
    cp results-schema/machines/soft-roce.json "$BATS_TEST_TMPDIR/mine.json"
    printf '#!/bin/sh\nexec mpirun "$@"\n' >"$BATS_TEST_TMPDIR/launcher"
    chmod +x "$BATS_TEST_TMPDIR/launcher"
    (cd "$BATS_TEST_TMPDIR" && exec "$quick" run --transport sim:fabric.json --machine ./mine.json --test rdma_write_bw --size "$sizes" \
        --deadline 15 --max-lost 0 --start-timeout 33 --mpirun ./launcher -o "$out" -- --mca mpi_yield_when_idle 1 \
        >"$out.stdout" 2>"$out.stderr") &
    front=$!
    await_round 3
    kill -TERM "$front"
    finish "$front"
    [ "$status" = 143 ]
    [[ $(<"$out.stderr") == *"railgauge run: to measure what is left: railgauge run --resume $out"* ]]
    asked=$(jq -c .launch.options "$out/run.json")
    [ "$(jq -c '[.mpirun, .max_lost, .start_timeout_s, .mpirun_options, .fabric.nodes]' <<<"$asked")" = \
        "[\"$BATS_TEST_TMPDIR/launcher\",0,33,[\"--mca\",\"mpi_yield_when_idle\",\"1\"],3]" ]
    done_before=$(jq .rounds_done "$out/run.json")
    run -0 "$railgauge" run --resume "$out" --dry-run
    [[ $output == *"$out: $done_before of 240 rounds are done"* ]]
    [ "$(awk '/ rounds? +[0-9]+ s$/ { sum += $(NF - 3) } END { print sum }' <<<"$output")" = $((240 - done_before)) ]
    run -2 --separate-stderr "$railgauge" run --resume "$out" -- --mca mpi_yield_when_idle 0
    [[ $stderr == *"the words after -- cannot be changed"* ]]
    cp "$BATS_TEST_TMPDIR/fabric.json" "$BATS_TEST_TMPDIR/before.json"
    sed -i 's/"rate_gbps": 390/"rate_gbps": 200/' "$BATS_TEST_TMPDIR/fabric.json"
    run -2 --separate-stderr "$railgauge" run --resume "$out"
    [[ $stderr == *"fabric.json: is not the fabric any more that $out began with"* ]]
    [ "$(jq .rounds_done "$out/run.json")" = "$done_before" ]
    rm "$BATS_TEST_TMPDIR/fabric.json" # the run keeps it
    cd /
    run --separate-stderr timeout 120 "$quick" run --resume "$out"
    echo "$output $stderr"
    [ "$(jq -r .status "$out/run.json")" = complete ]
    [ "$(jq -c .launch.options "$out/run.json")" = "$asked" ]
    [ "$(jq -r '.launch.mpirun | .[0] + " " + (index("mpi_yield_when_idle") > 0 | tostring)' "$out/run.json")" = "$BATS_TEST_TMPDIR/launcher true" ]
    cd "$BATS_TEST_DIRNAME/../.."
    nothing_twice
    scripts/validate "$out"
}

@test "what an earlier version recorded can be taken up" {
    fabric 2
    begin
    await_round 2
    kill -TERM "$front"
    finish "$front"
    jq 'del(.launch.options) | del(.nodes[].rails[].gpu_numa_node)' "$out/run.json" >"$BATS_TEST_TMPDIR/earlier.json"
    cp "$BATS_TEST_TMPDIR/earlier.json" "$out/run.json"
    run --separate-stderr timeout 120 "$quick" run --quiet --resume "$out"
    echo "$output $stderr"
    [ "$status" = 0 ]
    nothing_twice
}

@test "a run that was simulated in one process is not taken up, and nothing of it changes" {
    jq '.status = "incomplete" | .incomplete_reason = "cut off" | .launch.transport = "sim"' \
        results-schema/examples/valid/run-lost-node.json >"$BATS_TEST_TMPDIR/run.json"
    mkdir "$out"
    cp "$BATS_TEST_TMPDIR/run.json" "$out/run.json"
    run -2 --separate-stderr "$railgauge" run --resume "$out"
    [[ $stderr == *"was simulated in one process, which takes seconds: simulate it anew with railgauge simulate"* ]]
    cmp "$BATS_TEST_TMPDIR/run.json" "$out/run.json"
}

@test "a signal before the ranks are there leaves no directory" {
    printf '#!/bin/sh\necho begun >%s/begun\nexec sleep 60\n' "$PLAYED" >"$BATS_TEST_TMPDIR/hang"
    chmod +x "$BATS_TEST_TMPDIR/hang"
    "$railgauge" run --test all_reduce --mpirun "$BATS_TEST_TMPDIR/hang" -o "$out" >"$out.stdout" 2>"$out.stderr" &
    front=$!
    until [ -e "$PLAYED/begun" ]; do sleep 0.1; done
    kill -INT "$front"
    finish "$front"
    [ "$status" = 130 ]
    [[ $(<"$out.stderr") == *"stopped by signal 2 (Interrupt)"* ]]
    [ ! -e "$out" ]
}
