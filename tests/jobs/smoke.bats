#!/usr/bin/env bats
# The smoke test of jobs/components/smoke on made-up nodes: a tree for /sys, and programs in place of nvidia-smi, railgauge and ib_write_bw.

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || exit 1
    export SMOKE_SYS=$BATS_TEST_TMPDIR/sys SMOKE_WAIT_S=1 JOB_COMPLETION_INDEX=0 HOSTNAME=railgauge-smoke-0
    local rail
    for rail in 0 1 2 3 4 5 6 7; do make_rail mlx5_$((7 - rail)) "0000:$rail$rail:00.0" "eth$((rail + 2))"; done
    mkdir "$BATS_TEST_TMPDIR/bin"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    make_program hostname 'echo railgauge-smoke.default.svc.cluster.local'
    make_program nvidia-smi 'for i in 0 1 2 3 4 5 6 7; do echo "GPU $i: NVIDIA H200 (UUID: GPU-$i)"; done'
    make_program railgauge 'read -r check status decides <<<"${CHECK:-gpu_count pass true}"
        echo "{\"checks\": [{\"check\": \"$check\", \"status\": \"$status\", \"decides\": $decides, \"found\": \"so many\"}]}"'
    make_program ib_write_bw 'echo "$*" >>"$BATS_TEST_TMPDIR/asked"
        echo " #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]"
        case $* in *"-d ${SLOW:-none} "*) echo " 65536      100  0.00  201.50  0.3" ;; *) echo " 65536      100  0.00  389.10  0.7" ;; esac'
}

make_rail() { # DEVICE PCI NETDEV
    local port=$SMOKE_SYS/class/infiniband/$1/ports/1
    mkdir -p "$SMOKE_SYS/devices/$2" "$port/gids" "$port/gid_attrs/types" "$port/gid_attrs/ndevs" "$SMOKE_SYS/class/net/$3"
    ln -s "../../../devices/$2" "$SMOKE_SYS/class/infiniband/$1/device"
    echo '4: ACTIVE' >"$port/state"
    add_gid "$1" 0 'IB/RoCE v1' "$3" fe80:0000:0000:0000:4001:0aff:fe00:0001
    add_gid "$1" 1 'RoCE v2' "$3" fe80:0000:0000:0000:4001:0aff:fe00:0001
    add_gid "$1" 3 'RoCE v2' "$3" 0000:0000:0000:0000:0000:ffff:c0a8:0001
}

add_gid() { # DEVICE INDEX TYPE NETDEV GID
    local port=$SMOKE_SYS/class/infiniband/$1/ports/1
    echo "$3" >"$port/gid_attrs/types/$2"
    echo "$4" >"$port/gid_attrs/ndevs/$2"
    echo "$5" >"$port/gids/$2"
}

make_program() { # NAME BODY
    printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

smoke() { run bash jobs/components/smoke/smoke-test "$@"; }

@test "two healthy nodes pass, rail by rail in PCI order, with the GID of this pod's own IPv4 address" {
    smoke gpu rdma
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" = 11 ]
    [[ $output == *"ok   8 GPUs: NVIDIA H200"* ]]
    [[ $output == *"ok   rail 0, mlx5_7, GID 3: 389.10 Gb/s"*"ok   rail 7, mlx5_0, GID 3: 389.10 Gb/s"* ]]
    [ "$(head -n 1 "$BATS_TEST_TMPDIR/asked")" = "-d mlx5_7 -x 3 -p 18515 -s 65536 -q 8 -D 5 -F --report_gbits railgauge-smoke-1.railgauge-smoke" ]
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/asked" | grep -o -- '-p [0-9]*')" = "-p 18522" ]
}

@test "the other pod serves the same rails on the same ports" {
    JOB_COMPLETION_INDEX=1 smoke rdma
    [ "$status" = 0 ]
    [ "$(sed -n 1p "$BATS_TEST_TMPDIR/asked")" = "-d mlx5_7 -x 3 -p 18515 -s 65536 -q 8 -D 5 -F --report_gbits" ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" = 8 ]
}

@test "a slow rail fails by its name, and the others pass" {
    SLOW=mlx5_3 smoke rdma
    [ "$status" = 1 ]
    [ "$(grep '^FAIL' <<<"$output")" = "FAIL rail 4, mlx5_3, GID 3: 201.50 Gb/s, less than 320" ]
}

@test "a rail whose network device is elsewhere, or that is down, is missed" {
    rmdir "$SMOKE_SYS/class/net/eth4"
    echo '1: DOWN' >"$SMOKE_SYS/class/infiniband/mlx5_0/ports/1/state"
    smoke rdma
    [ "$status" = 1 ]
    [[ $output == *"FAIL 6 rails with a RoCE v2 address in this pod, not 8: mlx5_7 mlx5_6 mlx5_4 mlx5_3 mlx5_2 mlx5_1"* ]]
}

@test "what perftest says is shown where it fails" {
    export SMOKE_WAIT_S=0
    make_program ib_write_bw 'echo "Unable to init the socket connection"; exit 1'
    smoke rdma
    [ "$status" = 1 ]
    [[ $output == *"FAIL rail 0, mlx5_7, GID 3: ib_write_bw says: Unable to init the socket connection"* ]]
}

@test "a missing GPU fails, and so does each check of the GPUs, also one that could not be made" {
    make_program nvidia-smi 'for i in 0 1 2 3 4 5 6; do echo "GPU $i: NVIDIA H200 (UUID: GPU-$i)"; done'
    CHECK='gpu_count fail true' smoke gpu
    [ "$status" = 1 ]
    [[ $output == *"FAIL not 8 GPUs"* ]]
    [[ $output == *"FAIL railgauge check of the GPUs: gpu_count: so many"* ]]
    while read -r check state decides wanted; do
        CHECK="$check $state $decides" smoke gpu
        grep -q "^$wanted .*railgauge check of the GPUs" <<<"$output" || { echo "$check is $state" && false; }
    done <<'END'
nvlink fail true FAIL
gpu_memory fail true FAIL
gpu_memory not_run true FAIL
nvlink not_run false ok
gpu_errors warn false ok
mtu fail true FAIL
END
    [[ $output == *"of the GPUs: it says nothing"* ]]
}

@test "bad words are refused" {
    smoke gpus
    [ "$status" = 2 ]
    [[ $output == *"no part 'gpus'"* ]]
    JOB_COMPLETION_INDEX=2 smoke gpu
    [ "$status" = 2 ]
}
