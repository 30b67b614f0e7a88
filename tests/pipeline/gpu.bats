#!/usr/bin/env bats
# The whole pipeline on doubles of GPUs: two nodes with four ranks each, real mpirun, real verbs between "GPU" memories that are
# host memory. Runs as root on node 0 of a cluster with four rails; nothing here says how fast anything is.

setup_file() {
    export LD_LIBRARY_PATH=$PWD/build/double/lib
    export RAILGAUGE_DOUBLE_DEVICES=4 RAILGAUGE_DOUBLE_NVML_DEVICES=4 NCCL_SOCKET_IFNAME=mgmt0
    passed_on=()
    for name in LD_LIBRARY_PATH RAILGAUGE_DOUBLE_DEVICES RAILGAUGE_DOUBLE_NVML_DEVICES NCCL_SOCKET_IFNAME; do passed_on+=(-x "$name"); done
    export passed_on_words="${passed_on[*]}"
    measure_into "$BATS_FILE_TMPDIR/gpu" --suite tests/pipeline/gpu.json
    measure_into "$BATS_FILE_TMPDIR/collectives" --suite tests/pipeline/collectives.json
}

# Leaves the run in $1, and what it printed and its status beside it.
measure_into() { # DIRECTORY OPTION...
    local out=$1 status=0
    shift
    # shellcheck disable=SC2086 # several words
    build/railgauge run --hostfile "$SOFTROCE_HOSTFILE" --quiet -o "$out" "$@" -- $passed_on_words >"$out.said" 2>&1 || status=$?
    echo "$status" >"$out.status"
}

setup() {
    gpu=$BATS_FILE_TMPDIR/gpu
    collectives=$BATS_FILE_TMPDIR/collectives
}

@test "every flow, latency and copy on the doubles' memory is measured and intact" {
    cat "$gpu.said"
    scripts/validate "$gpu"
    # Remote memory on machines with one NUMA node is unsupported; and on a busy host a rail may be slow beside the others.
    [ "$(<"$gpu.status")" = 3 ] || [ "$(<"$gpu.status"),$(jq '.suspects | length > 0' "$gpu/verdict.json")" = 1,true ]
    [ "$(jq -s '[.[] | select(.status == "failed" or .status == "not_run")] | length' "$gpu/measurements.ndjson")" = 0 ]
    [ "$(jq -s '[.[] | select(.bandwidth != null and .integrity.status != "ok")] | length' "$gpu/measurements.ndjson")" = 0 ]
}

@test "GPU memory is registered by its address, and the record says why not by dma-buf" {
    run jq -sr '[.[] | select(.kind == "flow" and .memory == "cuda") | .flow.from, .flow.to | .registration] | unique | join(" ")' \
        "$gpu/measurements.ndjson"
    [ "$output" = peermem ]
    jq -sre '[.[] | select(.kind == "flow" and .memory == "cuda")][0].flow.from.registration_note | test("DMA_BUF_SUPPORTED")' \
        "$gpu/measurements.ndjson"
}

@test "between GPU and host each end says what its memory is" {
    run jq -sr '[.[] | select(.kind == "flow" and .memory == "cuda_to_host") | [.flow.from.registration, .flow.to.registration, (.flow.from.gpu != null),
        (.flow.to.gpu != null)] | map(tostring) | join(" ")] | unique | join("; ")' "$gpu/measurements.ndjson"
    [ "$output" = "peermem host true false" ]
}

@test "a write's latency on GPU memory is told by immediate data, since no processor can poll it" {
    run jq -sr '[.[] | select(.test == "rdma_write_lat") | .latency.arrival] | unique | join(" ")' "$gpu/measurements.ndjson"
    [ "$output" = immediate ]
}

@test "copies go every way, between GPUs too, and remote memory is unsupported where there is none" {
    run jq -sr '[.[] | select(.kind == "copy" and .status == "ok") | .copy.copy + " " + .copy.by] | unique | join("; ")' \
        "$gpu/measurements.ndjson"
    [ "$output" = "device_to_device engine; device_to_device kernel; device_to_host engine; host_to_device engine; peer_to_peer engine" ]
    jq -sre '[.[] | select(.copy.numa == "remote") | .status] | unique == ["unsupported"]' "$gpu/measurements.ndjson"
}

@test "every collective, type, reduction, place and group on the doubles is bit-exact" {
    cat "$collectives.said"
    scripts/validate "$collectives"
    [ "$(jq -s '[.[] | select(.status == "failed" or .status == "not_run")] | length' "$collectives/measurements.ndjson")" = 0 ]
    [ "$(jq -s '[.[] | select(.status == "ok" and .integrity.status != "ok")] | length' "$collectives/measurements.ndjson")" = 0 ]
    [ "$(jq -s '[.[] | select(.status == "ok" and .backend == "nccl")] | length' "$collectives/measurements.ndjson")" -ge 50 ]
}

@test "a collective of each node, rail or pair is a measurement a group" {
    run jq -sr '[.[] | select(.test == "all_reduce" and .group.scope != "world") | .group | [.scope, .ranks, .node, .rail] | map(tostring)
        | join(" ")] | unique | join("; ")' "$collectives/measurements.ndjson"
    [ "$output" = "node 4 node0 null; node 4 node1 null; pair 8 node0 null; rail 2 null 0; rail 2 null 1; rail 2 null 2; rail 2 null 3" ]
}

@test "nothing of it counts as hardware, and nothing of it passes a real machine" {
    run jq -sr '[.[] | .hardware] | unique | join(" ")' "$gpu/measurements.ndjson"
    [ "$output" = false ]
    run jq -sr '[.[] | .hardware] | unique | join(" ")' "$collectives/measurements.ndjson"
    [ "$output" = false ]
    for run in "$gpu" "$collectives"; do
        run build/railgauge compare "$run" --machine a3-ultra
        echo "$output"
        [ "$status" = 1 ] || [ "$status" = 3 ]
        run build/railgauge compare "$run" --machine a3-ultra --format json
        [ "$(jq '[.expectations[] | select(.status == "pass")] | length' <<<"$output")" = 0 ]
    done
}

@test "a double never passes for a GPU: its name says so in run.json" {
    jq -re '.nodes[0].rails[0].gpu_facts.name | test("double")' "$gpu/run.json"
    jq -re '.nodes[0].rails[0].gpu_why | length > 0' "$gpu/run.json"
}

@test "a damaged word on its way to GPU memory is found there, by rank, rail and offset" {
    out=$BATS_TEST_TMPDIR/run
    # shellcheck disable=SC2086 # several words
    run build/railgauge run --hostfile "$SOFTROCE_HOSTFILE" --quiet -o "$out" --test rdma_write_bw --memory cuda --size 16K --working-set 64K \
        --depth 4 --signal-interval 1 --duration 0.3 --warmup 0.1 --damage-rank 1 --damage-offset 32K -- $passed_on_words
    echo "$output"
    [ "$status" = 1 ]
    [ "$(jq -sc '[.[] | select(.integrity.status == "mismatch") | .integrity.first | [.offset_bytes, .rail]]' "$out/measurements.ndjson")" = "[[32768,1]]" ]
}

@test "the test of NICs that talk to themselves through GPU memory, which is for real GPUs, holds on doubles" {
    RAILGAUGE_GPU_TESTS_ON=build/double/lib run bats --tap --filter "NICs that talk" tests/gpu/gpu.bats
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"ok 1 "* && $output != *"# skip"* ]]
}
