#!/usr/bin/env bats
# The kernels: as host code under sanitizers and in many orders, and as what nvcc makes of them.

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export cuda=${CUDA:-/usr/local/cuda}
    [ -e "$cuda/include/vector_types.h" ] || return 0
    export FLAGS="-std=c++17 -O1 -g -I. -Ibench -Itests/double/emulate -isystem $cuda/include"
    cd "$BATS_FILE_TMPDIR" || return
    compile address "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    compile overrun "-fsanitize=address -DPLANTED_OVERRUN"
    compile threads "-fsanitize=thread -DEMULATED_TSAN"
    compile race "-fsanitize=thread -DEMULATED_TSAN -DPLANTED_RACE"
}

# The check with those flags; what runs the fibres stays outside of ThreadSanitizer, which is told of them instead.
compile() { # NAME FLAGS
    local device=$2
    [[ $2 != *thread* ]] || device=-DEMULATED_TSAN
    (
        cd "$BATS_TEST_DIRNAME/../.." || exit
        # shellcheck disable=SC2086 # several words
        g++ $FLAGS $device -c tests/double/emulate/device.cpp -o "$BATS_FILE_TMPDIR/$1.device.o" &&
            g++ $FLAGS $2 -c tests/kernels/check.cpp -o "$BATS_FILE_TMPDIR/$1.check.o" &&
            g++ $2 "$BATS_FILE_TMPDIR/$1.device.o" "$BATS_FILE_TMPDIR/$1.check.o" -o "$BATS_FILE_TMPDIR/$1" -lpthread
    )
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    [ -e "$cuda/include/vector_types.h" ] || skip "no CUDA toolkit: its headers are needed"
}

in_order() { # PROGRAM [NAME=VALUE...]
    local program=$1
    shift
    run env "$@" "$BATS_FILE_TMPDIR/$program"
    echo "$program $*: status $status: $output"
}

@test "the kernels do on the host what the host's own functions do, under ASan and UBSan, in every order" {
    for order in forward reverse random:1 random:2 random:3; do
        in_order address RAILGAUGE_DOUBLE_ORDER=$order
        [ "$status" = 0 ]
    done
    in_order address RAILGAUGE_DOUBLE_THREADS=3
    [ "$status" = 0 ]
}

@test "they have no data race that barriers do not order" {
    in_order threads
    [ "$status" = 0 ]
    in_order threads RAILGAUGE_DOUBLE_THREADS=2 RAILGAUGE_DOUBLE_ORDER=random:4
    [ "$status" = 0 ]
}

@test "a kernel that writes over the end, and one that lacks a barrier, are caught" {
    in_order overrun
    [ "$status" != 0 ]
    [[ $output == *heap-buffer-overflow* ]]
    in_order race
    [ "$status" != 0 ]
    [[ $output == *"data race"* ]]
}

nvcc_or_skip() {
    nvcc=$cuda/bin/nvcc
    [ -x "$nvcc" ] || nvcc=$(command -v nvcc) || skip "no nvcc"
}

@test "no kernel spills registers, on any of the architectures" {
    nvcc_or_skip
    for arch in 80 90 100; do
        run "$nvcc" -std=c++17 -O3 -I. -Ibench -arch="sm_$arch" -Xptxas -v -cubin -o "$BATS_TEST_TMPDIR/cubin" kernels/kernels.cu
        [ "$status" = 0 ]
        [ "$(grep -c 'bytes spill stores' <<<"$output")" = 6 ]
        run grep -v ' 0 bytes spill stores, 0 bytes spill loads' <(grep 'bytes spill stores' <<<"$output")
        echo "$output"
        [ -z "$output" ]
    done
}

@test "the PTX that nvcc emitted does what the host's own functions do, and is caught beyond the end of a buffer" {
    nvcc_or_skip
    "$nvcc" -std=c++17 -O3 -I. -Ibench -arch=compute_100 -ptx -o "$BATS_TEST_TMPDIR/ptx" kernels/kernels.cu
    gcc -shared -fPIC -O1 -Ibench -o "$BATS_TEST_TMPDIR/reference.so" tests/kernels/reference.c
    run env PYTHONPATH=tests/kernels /usr/bin/python3 tests/kernels/ptx_check.py "$BATS_TEST_TMPDIR/ptx" "$BATS_TEST_TMPDIR/reference.so"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"70 kinds of elements"* ]]
}

@test "the copy kernel loads and stores 16 bytes at a time" {
    nvcc_or_skip
    "$nvcc" -std=c++17 -O3 -I. -Ibench -arch=compute_90 -ptx -o "$BATS_TEST_TMPDIR/ptx" kernels/kernels.cu
    sed -n '/entry rg_copy_kernel/,/^}/p' "$BATS_TEST_TMPDIR/ptx" >"$BATS_TEST_TMPDIR/copy"
    grep -q 'ld.global.v4.u32\|ld.global.v4.b32\|ld.global.nc.v4' "$BATS_TEST_TMPDIR/copy"
    grep -q 'st.global.v4.u32\|st.global.v4.b32' "$BATS_TEST_TMPDIR/copy"
    run grep -E '(ld|st)\.global' "$BATS_TEST_TMPDIR/copy"
    echo "$output"
    [ "$(grep -cv '\.v4\.' <<<"$output")" = 0 ]
}
