#!/usr/bin/env bats
# railgauge plan: runs of a simulated fabric, and runs with the times of SimGrid's SMPI, an independent simulator of MPI, whose own times at
# more ranks are what the plan is held against.

bats_require_minimum_version 1.5.0

sizes=1024,65536,1048576,16777216,268435456

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    quick=$PWD/build/railgauge # many plans are too slow with sanitizers
    runs=$BATS_FILE_TMPDIR
    work=$BATS_TEST_TMPDIR
}

# A run of NODES nodes of one rail, by the real ranks under the real mpirun.
a_run() { # NODES
    printf '{"schema_version": "1.0", "document": "fabric", "nodes": %d, "rails": 1, "nodes_per_leaf": null, "rate_gbps": 390,
        "latency_us": 2, "hop_us": 0.6, "noise_percent": 0.5, "load_slowdown": 0.9, "load_latency": 4, "seed": 7, "faults": []}' \
        "$1" >"$BATS_FILE_TMPDIR/fabric.json"
    timeout 120 build/railgauge run --quiet --transport "sim:$BATS_FILE_TMPDIR/fabric.json" --test all_reduce --size "$sizes" --deadline 15 \
        -o "$BATS_FILE_TMPDIR/$1" >/dev/null
}

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    a_run 4
    a_run 8
}

plan() {
    "$railgauge" plan "$runs/4" "$runs/8" "$@"
}

@test "the answer is in words, says what it is not, how far it reaches, and holds for the fabric that was simulated" {
    run -0 --separate-stderr plan --nodes 8,256 --step-ms 250 --share 10
    [ -z "$stderr" ]
    [[ ${lines[0]} == "NOT HARDWARE: simulated fabric."* ]]
    [ "$(wc -L <<<"$output")" -le 100 ]
    output=$(tr -s ' \n' ' ' <<<"$output")
    [[ $output == *"At 256 nodes an all_reduce of 256M takes "*"% of a step of 250 ms"* ]]
    [[ $output == *"That is 32 times the 8 nodes that were measured at most"* ]]
    plan --nodes 256 --format json >"$work/plan.json"
    # 2 (p-1)/p m at 390 Gb/s, and the fabric's 2 log2(p+1) of 2 us
    run -0 jq '.fits[0].projections[0].time_us / (2 * 255 / 256 * 268435456 * 8 / 390e3 + 4 * 8) | . > 0.98 and . < 1.02' "$work/plan.json"
    [ "$output" = true ]
}

@test "a run of a sick fabric, and one that lost nodes, are named first, with what is wrong; a good one is not" {
    "$quick" simulate --nodes 4 --rails 2 --size 64K,1M -o "$work/good" >"$work/said"
    "$quick" simulate --nodes 6 --rails 2 --size 64K,1M --fault slow,part=nic,node=sim005,rail=1,loss=30 -o "$work/sick" >"$work/said" || [ $? = 1 ]
    "$quick" simulate --nodes 5 --rails 2 --size 64K,1M --fault dies,part=node,node=2,at=5 -o "$work/lost" >"$work/said" || [ $? = 3 ]
    rm "$work"/*/verdict.json # what is wrong is found anew
    run -0 --separate-stderr "$railgauge" plan "$work/good" "$work/sick" "$work/lost"
    mapfile -t told < <(sed -z 's/\n  */ /g' <<<"$output")
    [[ ${told[1]} == "BEWARE: run "*", in $work/sick, is no good base: it failed: sim005, rail 1: "*" slow"* ]]
    [[ ${told[2]} == "BEWARE: run "*", in $work/lost, is no good base: it is inconclusive: "*"the run is incomplete: 2 ranks were lost"* ]]
    [[ ${told[3]} == "rdma_write_bw "*": At 256 nodes"* ]]
    "$railgauge" plan "$work/good" "$work/sick" --format json >"$work/plan.json"
    scripts/validate "$work/plan.json"
    [[ $(jq -r '.doubts[]' "$work/plan.json") == "run $(jq -r .run_id "$work/sick/run.json"), in "*": it failed: sim005"* ]]
}

@test "a run that was set otherwise than the first is named, with how" {
    for nodes in 2 4 8; do
        "$quick" simulate --nodes $nodes --rails 2 --test rdma_write_bw --size 4K,64K --depth $((nodes == 8 ? 16 : 128)) -o "$work/$nodes" >"$work/said"
    done
    run -0 "$railgauge" plan "$work"/[248] --nodes 16 --format json
    jq -e '.doubts | length == 1 and (.[0] | test("/8, measured rdma_write_bw with depth 16, run .* with 128: "))' <<<"$output"
}

@test "json is valid by the schema, and its intervals are around its values" {
    plan --nodes 2:1024:8 --bytes 16G --step-ms 250 --format json >"$work/plan.json"
    run -0 scripts/validate "$work/plan.json"
    run -0 jq -c '[.fits[].projections[] | .time_low_us <= .time_us and .time_us <= .time_high_us
        and .node_low_gbps <= .node_gbps and .node_gbps <= .node_high_gbps] | all, length == 4' "$work/plan.json"
    [ "$output" = $'true\ntrue' ]
    [ "$(jq -c '[.fits[0].points[] | .nodes] | unique' "$work/plan.json")" = '[4,8]' ]
    [ "$(jq -c '.fits[0].projections[1].size_beyond' "$work/plan.json")" = 64 ]
    plan --bytes 1 --nodes 4 --format json >"$work/plan.json"
    run -0 scripts/validate "$work/plan.json"
    [ "$(jq -c '.fits[0] | [.least_size_bytes, .projections[0].size_beyond]' "$work/plan.json")" = '[1024,0.0009765625]' ]
    [[ $(jq -r '.fits[0].sentence' "$work/plan.json") == *"an all_reduce of 1 B takes"*"That is 1024 times below the smallest size measured"* ]]
}

@test "markdown is whole, and a renderer finds its tables" {
    plan --format markdown >"$work/plan.md"
    [[ $(<"$work/plan.md") == *"**NOT HARDWARE: simulated fabric"* ]]
    command -v cmark-gfm >/dev/null || skip "cmark-gfm is not installed"
    run -0 cmark-gfm -e table "$work/plan.md"
    [ "$(grep -c '<tr>' <<<"$output")" = 4 ]
}

@test "too few points, runs unlike each other and senseless options are refused with what is missing, and nothing is printed" {
    refused() { # WORDS ARGUMENT...
        local words=$1
        shift
        run -2 --separate-stderr "$railgauge" plan "$@"
        [ -z "$output" ]
        [[ $stderr == "railgauge plan: "*"$words"* ]]
    }
    refused "measured at 4 nodes alone; at least two numbers of nodes are needed" "$runs/4"
    refused "is given twice" "$runs/4" "$runs/4"
    refused "give the directories of runs"
    refused "--share needs --step-ms" "$runs/4" "$runs/8" --share 10
    refused "--nodes: 1 is not from 2 to 65536" "$runs/4" "$runs/8" --nodes 1
    refused "--nodes: 'many' is no whole number" "$runs/4" "$runs/8" --nodes many
    refused "--nodes: the range 256:2 ends below its start" "$runs/4" "$runs/8" --nodes 256:2
    refused "no/such/run" "$runs/4" no/such/run
    cp -r "$runs/8" "$work/cut"
    sed -i '2s/"time_avg_us":[0-9.]*/"time_avg_us":"soon"/' "$work/cut/measurements.ndjson"
    refused "measurements.ndjson: line 2: collective.time_avg_us" "$runs/4" "$work/cut"
}

# --- against SMPI ---

# The times of SMPI's all-reduce by ALGORITHM at RANKS ranks, "BYTES MICROSECONDS" a line.
smpi() { # ALGORITHM RANKS OPTION...
    local algorithm=$1 ranks=$2
    shift 2
    [ -x "$work/all_reduce" ] || smpicc -O1 -o "$work/all_reduce" tests/smpi/all_reduce.c
    seq -f 'node%.0f' 0 $((ranks - 1)) >"$work/hosts"
    # shellcheck disable=SC2086 # sizes are words
    (cd "$work" && timeout 120 smpirun -np "$ranks" -platform "$BATS_TEST_DIRNAME/../smpi/platform.xml" -hostfile hosts \
        --cfg=smpi/allreduce:"$algorithm" --cfg=smpi/simulate-computation:no --log=root.thres:error "$@" ./all_reduce ${sizes//,/ })
}

# Runs $work/4 and $work/8 with SMPI's times instead of the fabric's, and $work/smpi with its times at 16 and 32 ranks.
measure_by_smpi() { # ALGORITHM OPTION...
    local ranks bytes us
    for ranks in 4 8; do
        cp -r "$runs/$ranks" "$work/$ranks"
        smpi "$1" "$ranks" "${@:2}" >"$work/times"
        [ "$(wc -l <"$work/times")" = 5 ]
        jq -c --rawfile times "$work/times" '($times | split("\n") | map(split(" ") | select(length == 2) | {(.[0]): (.[1] | tonumber)}) | add) as $us
            | .collective.time_avg_us = $us[.size_bytes | tostring] | .collective.library = "SMPI"' "$runs/$ranks/measurements.ndjson" \
            >"$work/$ranks/measurements.ndjson"
    done
    for ranks in 16 32; do
        smpi "$1" "$ranks" "${@:2}" | while read -r bytes us; do echo "$ranks $bytes $us"; done
    done >"$work/smpi"
    [ "$(wc -l <"$work/smpi")" = 10 ]
}

# The error of the plan beside SMPI, of sizes from LEAST on: "RANKS BYTES PERCENT INSIDE", inside: whether the interval holds SMPI's time.
errors() { # LEAST
    local ranks bytes us
    while read -r ranks bytes us; do
        ((bytes >= $1)) || continue
        "$quick" plan "$work/4" "$work/8" --nodes "$ranks" --bytes "$bytes" --format json |
            jq -r --argjson us "$us" '.fits[0].projections[0]
                | "\(.nodes) \(.size_bytes) \(100 * (.time_us / $us - 1)) \(.time_low_us <= $us and $us <= .time_high_us)"'
    done <"$work/smpi"
}

need_smpi() {
    { command -v smpicc && command -v smpirun; } >/dev/null || skip "SimGrid's SMPI (libsimgrid-dev) is not installed"
}

model() {
    "$quick" plan "$work/4" "$work/8" --format json | jq -r '.fits[0].model'
}

# Errors printed to the test's log; fails if one is above MOST percent.
hold_to() { # MOST, lines of errors on standard input
    awk -v most="$1" '{ print; error = $3 < 0 ? -$3 : $3; if (error > largest) largest = error }
        END { printf "largest error %.2f %% of at most %s %%\n", largest, most; exit !(NR > 0 && largest <= most) }'
}

linear=(--cfg=smpi/lat-factor:0:1 --cfg=smpi/bw-factor:0:1) # one latency and one bandwidth for all sizes

@test "SMPI's ring at 4 and 8 ranks gives its times at 16 and 32, of all sizes, within 0.1 %" {
    need_smpi
    measure_by_smpi lr "${linear[@]}"
    [[ $(model) == ring* ]]
    errors 1 >"$work/errors"
    hold_to 0.1 <"$work/errors" >&3
}

@test "SMPI's Rabenseifner: sizes of 16M and more within 5 %, and of all sizes the interval holds SMPI's time" {
    need_smpi
    measure_by_smpi rab "${linear[@]}"
    errors 1 >"$work/errors"
    cat "$work/errors"
    awk '$2 >= 16777216' "$work/errors" | hold_to 5 >&3
    [ "$(grep -c 'true$' "$work/errors")" = 10 ]
}

# With SMPI's own factors of each size, and its eager and rendezvous protocols, no one latency and bandwidth fits all sizes.
@test "SMPI's ring over protocols that change with the size: 256M within 15 %, and the plan says how badly it fits" {
    need_smpi
    measure_by_smpi lr
    errors 268435456 | hold_to 15 >&3
    run -0 "$quick" plan "$work/4" "$work/8"
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"The model does not fit: it misses what was measured by up to"*"Do not rely on it; measure sizes near the one asked for"* ]]
}
