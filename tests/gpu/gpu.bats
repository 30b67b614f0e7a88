#!/usr/bin/env bats
# The product on this node's own GPUs, with the system's CUDA and NCCL: what was built, as users run it. RAILGAUGE_GPU_TESTS_ON
# (see gpus) tries the tests on doubles.

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    gpus=$(tests/gpu/gpus) || gpus=0
    export gpus hardware=true
    [ -n "${RAILGAUGE_GPU_TESTS_ON:-}" ] || return 0
    # What one processor computes takes its time.
    export LD_LIBRARY_PATH=$PWD/$RAILGAUGE_GPU_TESTS_ON hardware=false OMPI_MCA_mpi_yield_when_idle=1
    export small="--size 64K --working-set 128K --depth 4 --signal-interval 1"
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    out=$BATS_TEST_TMPDIR/run
    [ "$gpus" -gt 0 ] || skip "$(tests/gpu/gpus)"
}

# A run of so many ranks on this host.
measure() { # RANKS OPTION...
    local ranks=$1
    shift
    run timeout 300 build/railgauge run --quiet --hosts localhost --ranks-per-node "$ranks" -o "$out" "$@"
    echo "status $status: $output"
}

# How many measurements are as a filter of jq says.
count() { # FILTER
    jq -s "[.[] | select($1)] | length" "$out/measurements.ndjson"
}

# The documents are valid, all that this node can do was measured and arrived intact, and it says truly whether a GPU did it.
sound() {
    scripts/validate "$out"
    jq -sc '.[] | select(.status != "ok") | [.test, .copy.copy, .status, .reason]' "$out/measurements.ndjson"
    [ "$(count '.status == "ok"')" -gt 0 ]
    [ "$(count '.status != "ok" and .status != "unsupported"')" = 0 ]
    [ "$(count '.status == "ok" and (.bandwidth != null or .collective != null) and .integrity.status != "ok"')" = 0 ]
    [ "$(count ".hardware != $hardware")" = 0 ]
}

# No two ranks have the same GPU.
apart() {
    jq -e '[.nodes[].rails[].gpu] | length == (unique | length)' "$out/run.json"
}

@test "the kernels on the device do what the host's own functions do" {
    cuda=${CUDA:-/usr/local/cuda}
    [ -e build/kernels/kernels.o ] && [ -e "$cuda/include/cuda_runtime_api.h" ] || skip "no CUDA toolkit"
    gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -I. -Ibench -isystem "$cuda/include" -o "$BATS_TEST_TMPDIR/kernels" tests/gpu/kernels.c \
        build/kernels/kernels.o -L"$cuda/lib64" -L"$cuda/lib" -lcudart -lstdc++
    run timeout 300 "$BATS_TEST_TMPDIR/kernels"
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "150 kinds of elements, 0 not so" ]
}

@test "copies go every way that this node has, on all GPUs at once, and arrive intact" {
    # shellcheck disable=SC2086 # several words
    measure "$gpus" --suite tests/gpu/copies.json ${small:-}
    [ "$status" = 0 ] || [ "$status" = 3 ]
    sound
    apart
    [ "$(count '.status == "ok" and .copy.copy != "peer_to_peer" and .copy.numa != "remote"')" -ge $((4 * gpus)) ]
    # What may be missing: memory on another NUMA node, a second GPU, and a way to it.
    [ "$(count '.status == "unsupported" and .copy.numa != "remote" and .copy.copy != "peer_to_peer"')" = 0 ]
}

@test "what NVML tells of a GPU under load stands beside its copies" {
    # shellcheck disable=SC2086 # several words
    measure 1 --test gpu_copy --size 64M --duration 1 ${small:-}
    [ "$status" = 0 ]
    jq -c '.gpus[0] | {alarms, throttle_reasons, new_xids, xid_reason}' "$out/measurements.ndjson"
    jq -e '.gpus[0] | .reason == null and .after.sm_clock_mhz > 0 and .after.pcie_width > 0' "$out/measurements.ndjson"
    jq -e ".nodes[0].rails[0] | (.gpu_facts.name | test(\"double\")) != $hardware and .gpu_facts.driver != null" "$out/run.json"
}

@test "all_reduce and all_gather over NCCL among all GPUs of this node are bit-exact" {
    # shellcheck disable=SC2086 # several words
    measure "$gpus" --suite tests/gpu/collectives.json ${small:+--size 8K,64K --working-set 128K}
    [ "$status" = 0 ]
    sound
    apart
    [ "$(count '.backend == "nccl" and .group.ranks == '"$gpus")" = 16 ]
}

@test "short operations share samples, and are none the less right" {
    for how in "" --cuda-graph; do
        rm -rf "$out"
        # shellcheck disable=SC2086 # no word, or one
        measure "$gpus" --test all_reduce --memory cuda --size 8K ${small:+--working-set 128K} --iterations 200 --warmup-iterations 20 $how
        [ "$status" = 0 ]
        sound
        [ "$(count '.collective.iterations == 200')" = 1 ]
        [ "$hardware" = false ] || [ "$(count '.collective.calls_per_sample > 1')" = 1 ]
    done
}

@test "NICs that talk to themselves read and write the memory of the GPUs next to them" {
    ports=$(cat /sys/class/infiniband/*/ports/*/state 2>/dev/null | grep -c ACTIVE) || skip "no RDMA device with an active port"
    # shellcheck disable=SC2086 # several words
    measure $((ports < gpus ? ports : gpus)) --suite tests/gpu/loopback.json ${small:-}
    reason=$(jq -sr '[.[] | select(.status == "unsupported") | .reason][0] // empty' "$out/measurements.ndjson")
    [ -z "$reason" ] || skip "unsupported: $reason"
    [ "$status" = 0 ]
    ! grep -q '"soft": *true' "$out/run.json" || hardware=false
    sound
    [ "$(count '.flow.from.gpu != null or .flow.to.gpu != null')" = "$(count true)" ]
}
