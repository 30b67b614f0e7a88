#!/usr/bin/env bats
# The whole pipeline with a real mpirun on this machine, which needs no RDMA device for collectives. Built with ASan and UBSan.

bats_require_minimum_version 1.5.0
load ../background

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    out=$BATS_TEST_TMPDIR/run
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
}

all_reduce() { # OPTION...
    run --separate-stderr "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test all_reduce --ranks-per-node 3 --duration 0.2 --warmup 0.05 --deadline 5 -o "$out" "$@"
    echo "status $status"
    echo "$output"
    echo "$stderr"
}

@test "all_reduce over MPI is measured, checked and written down" {
    all_reduce --size 4,1K,64K
    [ "$status" = 0 ]
    scripts/validate "$out"
    [ "$(jq -r '[.backend, .status, .integrity.status, .group.ranks] | @csv' "$out/measurements.ndjson" | sort -u)" = '"mpi","ok","ok",3' ]
    [ "$(jq -s 'all(.[]; .collective.busbw_gigabytes_per_s / .collective.algbw_gigabytes_per_s | . > 1.3333 and . < 1.3334)' \
        "$out/measurements.ndjson")" = true ]
    [ "$(jq -r '[.status, .rounds_done, .measurements, .exit_status] | @csv' "$out/run.json")" = '"complete",3,3,0' ]
}

@test "a size that all_reduce cannot have is unsupported, with the reason, and the run inconclusive" {
    all_reduce --size 6
    [ "$status" = 3 ]
    [[ $output == *"unsupported"*"needs a size that is a multiple of 4"* ]]
    scripts/validate "$out"
}

@test "without a terminal progress is a line a round, and with --quiet nothing" {
    all_reduce --size 4K,8K
    [ "$(grep -c '^round [12] of 2, about [0-9]* s left: all_reduce [48]K$' <<<"$stderr")" = 2 ]
    out=$out.quiet
    all_reduce --size 4K --quiet
    [ -z "$stderr" ]
}

@test "on a terminal there is a bar" {
    run script -qec "$railgauge run --rank-program $PWD/tests/cli/rank --test all_reduce --ranks-per-node 2 --duration 0.1 --warmup 0 --size 4K,8K -o $out" /dev/null
    [ "$status" = 0 ]
    [[ $output == *"[............]"* || $output == *"[#####"*"] 2 of 2, 0:0"* ]]
}

@test "--verbose shows the mpirun line, which keeps MPI off the rails, and words after -- are passed on" {
    all_reduce --size 4K --verbose -- --mca mpi_yield_when_idle 1
    [ "$status" = 0 ]
    [[ $stderr == *"mpirun "*"--mca pml ob1 --mca btl self,vader,tcp --mca btl_tcp_if_include lo "*"--mca mpi_yield_when_idle 1 "* ]]
    [ "$(jq -r '.launch.mpirun | index("mpi_yield_when_idle") > 0' "$out/run.json")" = true ]
    out=$out.other
    all_reduce --size 4K --mpi-interface lo
    [ "$(jq -r .launch.mpi_interface "$out/run.json")" = lo ]
}

@test "every setting can be seen in run.json" {
    all_reduce --size 4K
    wanted=$("$railgauge" run --help | sed -n '/^What is measured/,/^$/p' | grep -o -- '--[a-z-]*' | sort -u | grep -cv -e '--verify' -e '--no')
    [ "$(jq '.suite.tests[0] | keys | length' "$out/run.json")" -ge "$wanted" ]
    [ "$(jq -r '.suite.tests[0].duration_s' "$out/run.json")" = 0.2 ]
}

@test "the environment is recorded by a list, not as a whole" {
    SECRET_TOKEN=hunter2 all_reduce --size 4K
    run ! grep -r -e hunter2 -e SECRET_TOKEN "$out"
    [ "$(jq -r '.nodes[0] | .kernel != null and .mpi != null and .cpus > 0' "$out/run.json")" = true ]
}

@test "a rank that is killed costs the run, not what was measured before it" {
    "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test all_reduce --ranks-per-node 3 --duration 1 --warmup 0.1 --deadline 2 --size 4K,8K,16K,32K -o "$out" \
        >"$out.stdout" 2>"$out.stderr" &
    front=$!
    await_round 2
    pkill -KILL -n -f "^$railgauge-rank" # the newest of this test's ranks
    wait "$front" && status=0 || status=$?
    cat "$out.stdout"
    [ "$status" = 1 ]
    [ "$(jq -r 'select(.round == 0) | .status' "$out/measurements.ndjson")" = ok ]
    [ "$(jq '.lost | length' "$out/run.json")" = 1 ]
    [[ $(<"$out.stdout") == *"did not come in time"* ]]
    scripts/validate "$out"
}

@test "SIGINT stops the run, which stays valid, with exit status 130" {
    "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test all_reduce --ranks-per-node 2 --duration 2 --size 4K,8K,16K -o "$out" >"$out.stdout" 2>"$out.stderr" &
    front=$!
    await_round 1
    kill -INT "$front"
    wait "$front" && status=0 || status=$?
    [ "$status" = 130 ]
    [ "$(jq -r .status "$out/run.json")" = incomplete ]
    scripts/validate "$out"
    sleep 1
    run ! pgrep -f "^$railgauge-rank"
}

@test "no RDMA device: exit 4, and how to get one" {
    [ ! -e /sys/class/infiniband ] || [ -z "$(ls /sys/class/infiniband)" ] || skip "this machine has RDMA devices"
    run --separate-stderr "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test rdma_write_bw --pattern loopback -o "$out"
    [ "$status" = 4 ]
    [[ $stderr == "railgauge run: $(uname -n): rdma_devices fails: no RDMA device: "*"mend: "*"rdma link add"*"--no-check measures all the same" ]]
    [ ! -e "$out" ] # nothing was measured
    run -4 --separate-stderr "$railgauge" run --no-check --rank-program "$PWD/tests/cli/rank" --test rdma_write_bw --pattern loopback -o "$out"
    [[ $stderr == *"no active RDMA device here"*"rdma link add"* ]]
    [ ! -e "$out" ]
}

@test "a node that fails a quick check is not measured, unless --no-check is given, which the run notes" {
    unshare -Urm mount -t tmpfs tmpfs /dev/shm || skip "no user or mount namespaces here"
    few=(unshare -Urm sh -c 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"' sh "$railgauge" run --rank-program "$PWD/tests/cli/rank"
        --test all_reduce --size 4K --ranks-per-node 2 --duration 0.1 --warmup 0 -o "$out")
    run -4 --separate-stderr "${few[@]}"
    [[ $stderr == "railgauge run: $(uname -n): shm fails: "*" MiB free of 64 MiB (expected: at least 1024 MiB free); mend: "*"; --no-check "* ]]
    [ "${#stderr_lines[@]}" = 1 ]
    [ -z "$output" ]
    [ ! -e "$out" ]
    run -0 "${few[@]}" --no-check
    scripts/validate "$out"
    [ "$(jq .launch.options.check "$out/run.json")" = false ]
    out=$out.checked
    all_reduce --size 4K
    [ "$(jq .launch.options.check "$out/run.json")" = true ]
}

@test "what the machine has decides what a node lacks" {
    [ -z "$(ls /proc/driver/nvidia 2>/dev/null)" ] || skip "this machine has GPUs"
    all_reduce --size 4K --machine a3-ultra
    [ "$status" = 4 ]
    [[ $stderr == *": gpu_count fails: 0 NVIDIA GPUs on PCI (expected: at least 8 (NVIDIA H200 141GB), one a rail, as a3-ultra has)"* ]]
    all_reduce --size 4K --machine soft-roce
    [ "$status" = 3 ] # its RDMA tests were not run
}

@test "a host that is unknown: exit 4, with ssh's words" {
    run --separate-stderr "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test all_reduce --hosts localhost,no-such-host.invalid --ranks-per-node 1 -o "$out"
    [ "$status" = 4 ]
    [[ $stderr == *"no-such-host.invalid"* ]]
    [ ! -e "$out" ]
}

@test "an mpirun that hangs costs the start timeout, however long the orders are" {
    printf '#!/bin/sh\nexec sleep 60\n' >"$BATS_TEST_TMPDIR/mpirun"
    chmod +x "$BATS_TEST_TMPDIR/mpirun"
    tests=$(for ((i = 0; i < 200; i++)); do echo '{"test": "all_reduce", "sizes_bytes": {"from": 4, "to": 1048576, "factor": 1.05}},'; done)
    echo "{\"schema_version\": \"1.0\", \"document\": \"suite\", \"name\": \"long\", \"description\": \"Many sizes.\",
        \"tests\": [${tests%,}]}" >"$BATS_TEST_TMPDIR/long.json"
    SECONDS=0
    run --separate-stderr "$railgauge" run --suite "$BATS_TEST_TMPDIR/long.json" --mpirun "$BATS_TEST_TMPDIR/mpirun" --start-timeout 1 \
        -o "$out"
    [ "$status" = 4 ]
    [[ $stderr == *"the ranks did not come up within 1 s"* ]]
    ((SECONDS < 20))
    [ ! -e "$out" ]
}

@test "no mpirun: exit 4, with the name of what is missing" {
    run --separate-stderr "$railgauge" run --rank-program "$PWD/tests/cli/rank" --test all_reduce --mpirun no-such-mpirun -o "$out"
    [ "$status" = 4 ]
    [[ $stderr == *"no-such-mpirun: cannot be started: No such file or directory"* ]]
    [ ! -e "$out" ]
}

@test "help and man page list the same options, and the man pages are well formed" {
    commands=$("$railgauge" --help | grep -o '^  [a-z]\+ ') # an error where it lists none
    for command in $commands; do
        "$railgauge" "$command" --help >"$BATS_TEST_TMPDIR/help"
        "$railgauge" "$command" --man >"$BATS_TEST_TMPDIR/man"
        for option in $(grep -o '^  -[a-z], --[a-z-]*\|^  --[a-z-]*' "$BATS_TEST_TMPDIR/help" | grep -o -- '--[a-z-]*'); do
            grep -qF -- "${option//-/\\-}" "$BATS_TEST_TMPDIR/man"
        done
        mandoc -T lint -W error "$BATS_TEST_TMPDIR/man"
        [ "$(wc -L <"$BATS_TEST_TMPDIR/help")" -le 100 ]
    done
}

@test "every command has examples in its help and man page, and takes each of them" {
    local commands command example words
    commands=$("$railgauge" --help | grep -o '^  [a-z]\+ ') # an error where it lists none
    for command in $commands; do
        "$railgauge" "$command" --help >"$BATS_TEST_TMPDIR/help"
        "$railgauge" "$command" --man >"$BATS_TEST_TMPDIR/man"
        mapfile -t examples < <(sed -n '/^Examples:$/,$s/^  railgauge /railgauge /p' "$BATS_TEST_TMPDIR/help")
        ((${#examples[@]} > 1))
        for example in "${examples[@]}"; do
            grep -qF -- ".B ${example//-/\\-}" "$BATS_TEST_TMPDIR/man"
            read -ra words <<<"$example"
            [ "${words[1]}" = "$command" ]
            run -0 "$railgauge" "${words[@]:1}" --help # comes last: what stands before it has been read
        done
    done
}

@test "make install puts programs, man pages, suites, machines and schemas where they are found" {
    make -s install DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/opt/rg >/dev/null
    root=$BATS_TEST_TMPDIR/root/opt/rg
    [ -x "$root/bin/railgauge-rank" ]
    [ -s "$root/share/man/man1/railgauge-run.1" ]
    cd /
    run --separate-stderr "$root/bin/railgauge" run --suite nonsense
    [[ $stderr == *"there are: "*demo* ]]
    "$root/bin/railgauge" run --test all_reduce --ranks-per-node 2 --duration 0.1 --size 4K --quiet -o "$out"
}
