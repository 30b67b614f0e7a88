#!/usr/bin/env bats
# The doubles of CUDA, NCCL and NVML find the faults that they are there to find, and the product's own programs, unchanged, say
# what went wrong. Nothing here says how fast anything is.

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
    export OMPI_MCA_rmaps_base_oversubscribe=1 DOUBLES=$PWD/build/double/lib
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    out=$BATS_TEST_TMPDIR/run
    [ -e build/double/lib/libnccl.so.2 ] || skip "no CUDA toolkit with NCCL: the doubles were not built"
}

# The program of faults on the doubles, in the modes named.
fault() { # FAULT [NAME=VALUE...]
    local which=$1
    shift
    run env LD_LIBRARY_PATH="$DOUBLES" "$@" build/double/faults "$which"
    echo "status $status: $output"
}

# A run of two ranks on this host, with the modes that $modes names, begun by $within.
modes=() within=()
measure() { # OPTION...
    local passed_on=(-x LD_LIBRARY_PATH) mode
    for mode in "${modes[@]}"; do passed_on+=(-x "$mode"); done
    rm -rf "$out"
    LD_LIBRARY_PATH=$DOUBLES run timeout 60 "${within[@]}" build/railgauge run --quiet --hosts localhost \
        --ranks-per-node 2 -o "$out" "$@" -- "${passed_on[@]}"
    echo "$output"
}

# Long enough a warm-up for a machine that is busy with something else.
copies=(--test gpu_copy --size 64K --working-set 128K --duration 0.25 --warmup 0.2 --copy host_to_device)
reduces=(--test all_reduce --memory cuda --size 4K --working-set 12K --iterations 2 --warmup-iterations 0 --deadline 5)

@test "every symbol of CUDA, NCCL and NVML that the program uses is in the doubles" {
    nm -D build/railgauge-rank | awk '$1 == "U" { print $2 }' | sed 's/@.*//' | grep -E '^(cuda|__cuda|cu[A-Z]|nccl)' | sort -u \
        >"$BATS_TEST_TMPDIR/used"
    grep -oE "F\(nvml[A-Za-z0-9_]*" bench/hw/nvml.h | cut -c3- | sort -u >>"$BATS_TEST_TMPDIR/used"
    nm -D --defined-only build/double/lib/*.so.* | awk 'NF == 3 { print $3 }' | sed 's/@.*//' | sort -u >"$BATS_TEST_TMPDIR/there"
    [ "$(grep -c nccl "$BATS_TEST_TMPDIR/used")" -gt 10 ]
    [ "$(grep -c nvml "$BATS_TEST_TMPDIR/used")" -gt 5 ]
    run comm -23 <(sort -u "$BATS_TEST_TMPDIR/used") "$BATS_TEST_TMPDIR/there"
    echo "$output"
    [ -z "$output" ]
}

@test "a wait that is missing shows as data that are not there" {
    fault wait RAILGAUGE_DOUBLE_LAZY=1
    [ "$status" = 0 ]
    fault no-wait RAILGAUGE_DOUBLE_LAZY=1
    [ "$status" = 1 ]
}

@test "a flush that is missing shows as data that have not arrived" {
    fault flush RAILGAUGE_DOUBLE_FLUSH=1
    [ "$status" = 0 ]
    fault no-flush RAILGAUGE_DOUBLE_FLUSH=1
    [ "$status" = 1 ]
}

@test "the processor that touches device memory is stopped" {
    fault touch
    [ "$status" = 0 ]
    fault touch RAILGAUGE_DOUBLE_GUARD=1
    [ "$status" = 139 ]
}

@test "a kernel that runs over the end of its buffer is stopped" {
    fault kernel-beyond-the-end
    [ "$status" = 139 ]
}

@test "a copy over the end, the wrong way, and a second free are refused" {
    fault copy-beyond-the-end
    [ "$output" = "cudaMemcpy: 1" ]
    fault wrong-way
    [ "$output" = "cudaMemcpy: 1" ]
    fault free-twice
    [ "$output" = "second cudaFree: 1" ]
}

@test "what is not freed is told" {
    fault nothing RAILGAUGE_DOUBLE_LEAKS=1
    [ "$status" = 0 ]
    fault leak RAILGAUGE_DOUBLE_LEAKS=1
    [ "$status" = 99 ]
    [[ $output == *"1 buffers"* ]]
}

@test "copies and collectives are right when work runs as late as it may, memory is guarded, and writes want a flush" {
    modes=(RAILGAUGE_DOUBLE_LAZY=1 RAILGAUGE_DOUBLE_GUARD=1)
    for copy in host_to_device device_to_host device_to_device peer_to_peer; do
        measure "${copies[@]}" --copy "$copy"
        [ "$status" = 0 ]
    done
    measure "${reduces[@]}"
    [ "$status" = 0 ]
    modes=(RAILGAUGE_DOUBLE_FLUSH=1)
    measure "${copies[@]}" --iterations 4 --warmup-iterations 0
    [ "$status" = 0 ]
    measure "${reduces[@]}"
    [ "$status" = 0 ]
}

# 7 places of 4 KiB are walked through, the last of which ends where nobody may touch.
@test "many short operations are timed together, in graphs, too, and what they leave is right" {
    modes=(RAILGAUGE_DOUBLE_LAZY=1 RAILGAUGE_DOUBLE_GUARD=1)
    for how in "" --cuda-graph --in-place --register-buffers; do
        # shellcheck disable=SC2086 # no word, or one
        measure "${reduces[@]}" --working-set 28K --iterations 53 --warmup-iterations 10 $how
        [ "$status" = 0 ]
        [ "$(jq -c '[.collective.iterations, .integrity.status, .collective.calls_per_sample >= 1]' "$out/measurements.ndjson")" = '[53,"ok",true]' ]
    done
    measure --test all_gather --memory cuda --size 4K --working-set 28K --duration 0.3 --warmup 0.2 --in-place
    [ "$status" = 0 ]
    scripts/validate "$out"
}

@test "of two ranks at one GPU the first copies" {
    modes=(RAILGAUGE_DOUBLE_DEVICES=1)
    measure "${copies[@]}"
    [ "$status" = 0 ]
    [ "$(jq -c '[.copy.rail, .status]' "$out/measurements.ndjson")" = '[0,"ok"]' ]
    scripts/validate "$out"
}

@test "a bit that flips in a copy is found, with rank, offset, expected and got" {
    modes=(RAILGAUGE_DOUBLE_FLIP=3:4096)
    measure "${copies[@]}" --iterations 4 --warmup-iterations 0
    [ "$status" = 1 ]
    [ "$(jq -s '[.[] | select(.integrity.status == "mismatch")] | length' "$out/measurements.ndjson")" = 2 ]
    jq -se '.[0].integrity.first | .expected != .got and .node != ""' "$out/measurements.ndjson"
}

@test "a bit that flips in a collective is found, with rank, offset, expected and got" {
    modes=(RAILGAUGE_DOUBLE_NCCL_FLIP=4:1026)
    measure "${reduces[@]}"
    [ "$status" = 1 ]
    [ "$(jq -c '.integrity.first | [.offset_bytes, .rank]' "$out/measurements.ndjson")" = "[1024,0]" ]
}

@test "a rank that never comes to a collective costs its deadline, and the others are named with their wait" {
    modes=(RAILGAUGE_DOUBLE_NCCL_ABSENT=1:3)
    measure "${reduces[@]}" --deadline 2
    [ "$status" = 1 ]
    jq -se '.[0].status == "failed" and (.[0].reason | test("rank 0 .*did not end in time"))' "$out/measurements.ndjson"
    scripts/validate "$out"
}

# Makes each call of a library fail in turn, the first time that it is made; the run must end by itself, say what failed, leave a
# valid record and no buffer, stream, event or graph behind.
fail_each() { # FAIL-VARIABLE COUNT-VARIABLE PATTERN CODE OPTION...
    local fails=$1 counts=$2 pattern=$3 code=$4 name bad=0 tried=0
    shift 4
    modes=("$counts=$BATS_TEST_TMPDIR/counts")
    measure "$@"
    [ "$status" = 0 ]
    for name in $(awk '{ print $1 }' "$BATS_TEST_TMPDIR/counts" | grep -E "$pattern" | sort -u); do
        modes=("$fails=$name:1:$code" RAILGAUGE_DOUBLE_LEAKS=1)
        measure "$@" >"$BATS_TEST_TMPDIR/said" 2>&1
        tried=$((tried + 1))
        if [ "$status" = 0 ] || [ "$status" -gt 4 ] || ! scripts/validate "$out" >/dev/null || grep -q "left behind" <<<"$output"; then
            echo "$name fails: status $status"
            cat "$BATS_TEST_TMPDIR/said"
            bad=1
        fi
    done
    echo "$tried calls made to fail"
    [ "$tried" -ge "$wanted" ]
    [ "$bad" = 0 ]
}

@test "whichever call of the CUDA runtime fails in a copy, the run ends and says so" {
    wanted=15
    # What is asked only to tidy up, to tell versions, or for an option that a driver may lack, costs nothing.
    fail_each RAILGAUGE_DOUBLE_FAIL RAILGAUGE_DOUBLE_COUNT \
        '^cuda(GetDeviceCount|GetDeviceProperties|DeviceGet|SetDevice|Malloc|Memcpy|Memset|HostRegister|Stream(Create)|Event(Create|Record|Query)|LaunchKernel|DeviceSynchronize|RuntimeGetVersion|DriverGetVersion|DeviceCanAccessPeer|DeviceEnablePeerAccess)' \
        1 "${copies[@]}" --copy peer_to_peer
}

@test "whichever call of NCCL fails in a collective, the run ends and says so" {
    wanted=5
    fail_each RAILGAUGE_DOUBLE_NCCL_FAIL RAILGAUGE_DOUBLE_NCCL_COUNT '^nccl(GetUniqueId|CommInitRankConfig|CommGetAsyncError|AllReduce|MemAlloc|CommRegister)' \
        2 "${reduces[@]}" --register-buffers
}

# How often all ranks together made a call of NCCL.
calls_of() { # FUNCTION
    awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' "$BATS_TEST_TMPDIR/counts"
}

@test "buffers to be registered are of NCCL's own making, which NVLink asks for, and go back to it" {
    modes=("RAILGAUGE_DOUBLE_NCCL_COUNT=$BATS_TEST_TMPDIR/counts" RAILGAUGE_DOUBLE_LEAKS=1)
    measure "${reduces[@]}" --register-buffers
    [ "$status" = 0 ]
    for name in ncclMemAlloc ncclCommRegister ncclCommDeregister ncclMemFree; do
        [ "$(calls_of $name)" = 4 ] # two buffers at each of two ranks
    done
    rm "$BATS_TEST_TMPDIR/counts"
    measure "${reduces[@]}"
    [ "$status" = 0 ]
    [ "$(calls_of ncclAllReduce)" -gt 0 ]
    [ "$(calls_of ncclMemAlloc)" = 0 ]
}

@test "a test that asks for more memory than there is fails alone: what comes after it is measured" {
    modes=(RAILGAUGE_DOUBLE_FAIL=cudaMalloc:1:2)
    for one in copies reduces; do
        declare -n options=$one
        measure "${options[@]}" --size 4K,64K
        [ "$status" = 1 ]
        [ "$(jq -sr '[.[] | .status] | unique_by(.) | join(" ")' "$out/measurements.ndjson")" = "failed ok" ]
        jq -se 'all(.[]; (.status == "ok") == (.size_bytes == 65536) and (.reason // "cudaMalloc" | test("cudaMalloc")))' "$out/measurements.ndjson"
    done
}

@test "without a driver the same program measures nothing, says why, and passes nothing" {
    run timeout 60 build/railgauge run --quiet --hosts localhost --ranks-per-node 1 -o "$out" "${copies[@]}"
    echo "$output"
    if ls /sys/bus/pci/drivers/nvidia/*/vendor >/dev/null 2>&1; then skip "there is a driver"; fi
    [ "$status" = 3 ]
    [[ $output == *"no CUDA driver"* ]]
    [ "$(jq -r .status "$out/measurements.ndjson")" = not_run ]
}

@test "the bench of copies tells what a kernel makes of cudaMemcpy's bandwidth, and that a double is no GPU" {
    run timeout 60 env LD_LIBRARY_PATH="$DOUBLES" scripts/bench.d/gpu_copy.py --quick
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"GPU 0000:d0:00.0: railgauge double, not a GPU"* ]]
    [[ $output == *"not hardware: CUDA double: "*"the figures mean nothing"* ]]
    [ "$(grep -cE '^(cudaMemcpy|kernel) +([0-9.e+]+ +){3}Gb/s$' <<<"$output")" = 2 ]
    grep -qE '^kernel over cudaMemcpy: [0-9.]+; of single pairs [0-9.]+ to [0-9.]+$' <<<"$output"
    jq -e '(.figures_gbps | map_values(length)) == {cudaMemcpy: 5, kernel: 5} and .ratio == .medians_gbps.kernel / .medians_gbps.cudaMemcpy' \
        build/bench.gpu_copy.json
}

@test "the bench of copies says why it did not run, and fails nothing, without a driver or without a GPU" {
    run timeout 60 env LD_LIBRARY_PATH="$DOUBLES" RAILGAUGE_DOUBLE_NO_DRIVER=1 scripts/bench.d/gpu_copy.py
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "gpu copy: not_run: no CUDA driver" ]
    run timeout 60 env LD_LIBRARY_PATH="$DOUBLES" RAILGAUGE_DOUBLE_DEVICES=0 scripts/bench.d/gpu_copy.py
    echo "$output"
    [ "$status" = 0 ]
    [ "$output" = "gpu copy: not_run: no CUDA device" ]
}

@test "the bench of copies fails where a copy fails" {
    run timeout 60 env LD_LIBRARY_PATH="$DOUBLES" RAILGAUGE_DOUBLE_FAIL=cudaEventRecord:1:1 scripts/bench.d/gpu_copy.py --quick
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == "gpu copy by cudaMemcpy: failed: "* ]]
}

@test "a driver that is too old is not called none: both versions are told" {
    modes=(RAILGAUGE_DOUBLE_OLD_DRIVER=12040)
    built=$(sed -n 's/^#define CUDART_VERSION *//p' "${CUDA:-/usr/local/cuda}/include/cuda_runtime_api.h")
    built=$((built / 1000)).$((built % 1000 / 10))
    measure "${copies[@]}"
    [ "$status" = 3 ]
    [ "$(jq -sr '.[0] | .status + ": " + .reason' "$out/measurements.ndjson")" = \
        "not_run: the CUDA driver is too old: it is one of CUDA 12.4, and the runtime here is $built" ]
}

# The first record's report on the first GPU, and the alarms in it.
alarms() {
    jq -sr '.[0].gpus[0].alarms | join("; ")' "$out/measurements.ndjson"
}

@test "what NVML saw stands beside the measurement, and a calm GPU alarms nobody" {
    measure "${copies[@]}"
    [ "$status" = 0 ]
    [ "$(alarms)" = "" ]
    jq -se '.[0].gpus[0] | .before.pcie_width == 16 and .after.sm_clock_mhz > 0 and .new_xids == [] and .reason == null' \
        "$out/measurements.ndjson"
    jq -e '.nodes[0].rails[0].gpu_facts | .driver != null and .vbios != null' "$out/run.json"
}

@test "errors that grow and a link that is too narrow during a test are alarms" {
    for mode in ECC=2 REPLAY=3 NVLINK_ERRORS=1 PCIE=3:8; do
        modes=("RAILGAUGE_DOUBLE_NVML_$mode")
        measure "${copies[@]}"
        echo "$mode: $(alarms)"
        [ "$status" = 0 ]
        [ -n "$(alarms)" ]
        scripts/validate "$out"
    done
}

@test "a GPU that heat slows down during a test alarms, for how long, and the measurement stands" {
    modes=(RAILGAUGE_DOUBLE_NVML_HEAT=250)
    measure "${copies[@]}"
    [ "$status" = 0 ]
    [ "$(alarms)" = "heat or power kept the clocks down: hw_thermal_slowdown for 0.25 s" ]
    jq -se '.[0] | .status == "ok" and (.gpus[0] | .throttle_reasons == ["hw_thermal_slowdown"] and .added.hw_thermal_slowdown_us == 250000)' \
        "$out/measurements.ndjson"
    scripts/validate "$out"
}

# Runs begin with this file as the kernel's log.
log_of() { # FILE
    # shellcheck disable=SC2016 # the inner shell's arguments
    within=(unshare --mount bash -c 'mount --bind "$0" /dev/kmsg && exec "$@"' "$1")
    "${within[@]}" true || skip "nothing may be mounted here, so that the kernel's log cannot be another"
}

@test "an Xid that NVML tells of during a test is laid to it, and one from before is not" {
    # What cannot be opened is a log that cannot be read.
    /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/log"
    log_of "$BATS_TEST_TMPDIR/log"
    # A rank waits for events when it describes its GPU, before a test, and after it.
    modes=(RAILGAUGE_DOUBLE_NVML_XID=3:79)
    measure "${copies[@]}"
    [ "$status" = 0 ]
    [ "$(alarms)" = "the driver reported Xid errors: 79" ]
    jq -se '.[0].gpus[0] | .new_xids == [79] and .xid_source == "nvml_events"' "$out/measurements.ndjson"
    scripts/validate "$out"
    modes=(RAILGAUGE_DOUBLE_NVML_XID=2:79)
    measure "${copies[@]}"
    [ "$status" = 0 ]
    [ "$(alarms)" = "" ]
    jq -se '.[0].gpus[0].new_xids == []' "$out/measurements.ndjson"
}

@test "an Xid that the kernel logs during a test is laid to the GPU that it is of" {
    log=$BATS_TEST_TMPDIR/log
    echo '6,1,1000,-;NVRM: Xid (PCI:0000:d1:00): 31, pid=1, before the run' >"$log"
    log_of "$log"
    # An error of the first GPU every so often, from before the test until after it.
    while [ -e "$log" ]; do
        printf '6,%d,2000,-;NVRM: Xid (PCI:0000:d0:00): 94, pid=1, during the run\n' "$((++number + 1))" >>"$log"
        sleep 0.05
    done &
    writer=$!
    measure "${copies[@]}" --duration 1
    kill "$writer"
    [ "$status" = 0 ]
    [[ $(alarms) == "the driver reported Xid errors: 94"* ]]
    jq -se 'sort_by(.copy.rank) | (.[0].gpus[0].new_xids | unique == [94]) and .[1].gpus[0].new_xids == []' "$out/measurements.ndjson"
    jq -e '.nodes[0].rails[1].gpu_facts.xids_logged == 1' "$out/run.json"
}

@test "whichever call of NVML fails, the run goes on, and what is not known is null" {
    modes=("RAILGAUGE_DOUBLE_NVML_COUNT=$BATS_TEST_TMPDIR/counts")
    measure "${copies[@]}"
    names=$(awk '{ print $1 }' "$BATS_TEST_TMPDIR/counts" | sort -u)
    [ "$(wc -l <<<"$names")" -gt 15 ]
    for name in $names; do
        modes=("RAILGAUGE_DOUBLE_NVML_FAIL=$name:0:999")
        measure "${copies[@]}" --iterations 100 >"$BATS_TEST_TMPDIR/said" 2>&1
        [ "$status" = 0 ] || { echo "$name fails: status $status" && cat "$BATS_TEST_TMPDIR/said" && return 1; }
        scripts/validate "$out" >"$BATS_TEST_TMPDIR/said" || { echo "$name" && cat "$BATS_TEST_TMPDIR/said" && return 1; }
    done
}
