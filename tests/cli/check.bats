#!/usr/bin/env bats
# railgauge check, on nodes that are made up (tests/fixtures/node) and on this one.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export railgauge=$PWD/build/asan/railgauge
    export good=$BATS_FILE_TMPDIR/good
    tests/fixtures/node "$good"
    make -s nvml-double
    # As on a GPU node: the driver's libraries (a double of NVML), the system's own before gIB's, which hold NCCL's plug-in.
    export libraries=$PWD/build/double/lib:/usr/lib/x86_64-linux-gnu:/usr/local/gib/lib64
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export LD_LIBRARY_PATH=$libraries
    node=$BATS_TEST_TMPDIR/node
}

# A node of its own for the test, to be broken.
a_node() {
    cp -a "$good" "$node"
}

# Runs check on the node in JSON, and holds the document against its schema; "CHECK STATUS" of what does not pass, but for the
# clock and the names, which are this machine's.
faults() { # STATUS OPTIONS...
    local status=$1
    shift
    run "-$status" --separate-stderr "$railgauge" check --root "$node" --format json "$@"
    [ -z "$stderr" ]
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.json"
    scripts/validate "$BATS_TEST_TMPDIR/check.json"
    run jq -r '.checks[] | select(.status != "pass" and (.check | IN("clock", "hostname", "host_names") | not)) | .check + " " + .status' \
        "$BATS_TEST_TMPDIR/check.json"
    echo "$output"
}

@test "a node with which nothing is wrong passes, as a document and as text" {
    node=$good
    faults 0 --machine a3-ultra
    [ -z "$output" ]
    jq -e '.machine == "a3-ultra" and .quick == false and .exit_status == 0 and (.checks | length) > 20' "$BATS_TEST_TMPDIR/check.json"
    run -0 "$railgauge" check --root "$node" --machine a3-ultra
    [ "$(wc -L <<<"$output")" -le 100 ]
    [[ ${lines[0]} == "pass      rdma_devices       ACTIVE: mlx5_0, "* ]]
    [[ ${lines[-1]} == "localhost: "*" 0 fail, 1 not run" ]] # no other hosts were named
}

@test "what is wrong is named, with what was found, what is expected and how to mend it, and the status is 1" {
    a_node
    echo 1500 >"$node/sys/class/net/eth5/mtu"
    faults 1 --machine a3-ultra
    [ "$output" = "mtu fail" ]
    run -1 "$railgauge" check --root "$node" --machine a3-ultra
    [ "$(wc -L <<<"$output")" -le 100 ]
    text=$(sed -n '/^fail /,/^[a-z]* .*gids/p' <<<"$output")
    for words in "network MTU 1500, so RDMA MTU 1024: mlx5_3" "expected: RDMA MTU 4096, so a network MTU of 4192 or more, as a3-ultra" \
        "mend: ip link set ETH mtu 9000"; do
        [[ $(tr -s ' \n' ' ' <<<"$text") == *"$words"* ]]
    done
}

@test "what cannot be read though it could fail makes the status 3; a failure goes before that" {
    a_node
    rm "$node/proc/self/limits"
    faults 3 --machine a3-ultra
    [ "$output" = "memlock not_run" ]
    rm -r "$node/sys/class/infiniband/mlx5_7"
    faults 1 --machine a3-ultra
    [ "$output" = $'rdma_devices fail\nmemlock not_run' ]
}

@test "an ordinary user, who may not read all of PCI's configuration, can pass" {
    a_node
    for file in "$node"/sys/bus/pci/devices/*/config; do truncate -s 64 "$file"; done
    faults 0 --machine a3-ultra
    [ "$output" = $'acs not_run\nrelaxed_ordering not_run' ]
}

@test "the quick checks are some of all, and tell a node that cannot be measured" {
    a_node
    rm -r "$node/dev/infiniband"
    echo 1500 >"$node/sys/class/net/eth5/mtu"
    faults 1 --quick --machine a3-ultra
    [ "$output" = "device_files fail" ]
    jq -e '.quick and (.checks | length) < 10 and all(.checks[]; .decides)' "$BATS_TEST_TMPDIR/check.json"
}

@test "software RDMA is told as such, and is no A3 Ultra" {
    tests/fixtures/node "$node" soft
    faults 0 --machine soft-roce
    run -1 grep -v not_run <<<"$output"
    jq -e '.checks[0].found == "software RDMA, ACTIVE: rxe0"' "$BATS_TEST_TMPDIR/check.json"
    faults 1 --machine a3-ultra
    [ "$(grep -v not_run <<<"$output")" = $'rdma_devices fail\nmtu fail\ngpu_count fail' ]
}

@test "libraries that LD_LIBRARY_PATH puts before the system's are named" {
    node=$good
    export LD_LIBRARY_PATH=$PWD/build/double/lib:/usr/local/nvidia/lib64:/usr/local/gib/lib64
    run -0 "$railgauge" check --root "$node" --format json
    run -0 jq -r '.checks[] | select(.check == "libraries") | .status + ": " + .found' <<<"$output"
    [ "$output" = "warn: /usr/local/gib/lib64/libibverbs.so.1 hides /usr/lib/x86_64-linux-gnu/libibverbs.so.1.14.44.0" ]
}

@test "what is wrong with a GPU is named, as NVML tells it, and nothing else" {
    node=$good
    while read -r setting status faults; do
        export "RAILGAUGE_DOUBLE_NVML_${setting%%,*}"
        export RAILGAUGE_DOUBLE_NVML_ONLY=3
        faults "$status" --machine a3-ultra
        [ "$(grep -v not_run <<<"$output")" = "$faults" ] # what NVML would have told is not known where it does not work
        unset "${!RAILGAUGE_DOUBLE_NVML_@}"
    done <<'END'
UNCORRECTED=2 1 gpu_memory fail
PENDING=1 0 gpu_memory warn
REMAP_FAILED=1 1 gpu_memory fail
ECC_MODE=0 0 gpu_memory warn
LINKS=17 1 nvlink fail
SLOW_LINK=13281 0 nvlink warn
DEVICES=7 1 gpu_count fail
FAIL=nvmlDeviceGetPerformanceState:4:15 1 gpu_count fail
FAIL=nvmlInit_v2:0:18 1 nvidia_driver fail
END
}

@test "persistence mode is asked of NVML where no daemon is to be seen" {
    a_node
    rm -r "$node/run/nvidia-persistenced"
    faults 0 --machine a3-ultra
    [ -z "$output" ]
    RAILGAUGE_DOUBLE_NVML_PERSISTENCE=0 faults 0 --machine a3-ultra
    [ "$output" = "persistence warn" ]
}

@test "without NVML it is not known whether GPUs are sound, and the status is 3" {
    node=$good
    LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/usr/local/gib/lib64
    ! ldconfig -p | grep -q libnvidia-ml.so.1 || skip "this machine has an NVML of its own"
    faults 3 --machine a3-ultra
    [ "$output" = $'gpu_memory not_run\nnvlink not_run' ]
}

@test "a plug-in of NCCL that is not where NCCL looks is named, with where it is" {
    node=$good
    export LD_LIBRARY_PATH=$PWD/build/double/lib
    faults 0 --machine a3-ultra
    [ "$output" = "nccl_plugin warn" ]
    [[ $(jq -r '.checks[] | select(.check == "nccl_plugin") | .mend' "$BATS_TEST_TMPDIR/check.json") == "it is in /usr/local/gib/lib64: "* ]]
    NCCL_NET=gIB faults 1
    [ "$output" = "nccl_plugin fail" ]
    NCCL_NET_PLUGIN=/usr/local/gib/lib64/libnccl-net.so faults 0 --machine a3-ultra
    [ -z "$output" ]
}

@test "of a machine without RDMA none is expected, and what is asked of all nodes still is" {
    tests/fixtures/node "$node" nothing
    jq '.name = "plain" | .rdma = false | .gpu = null | .nccl_net = null' results-schema/machines/a3-ultra.json >"$BATS_TEST_TMPDIR/plain.json"
    scripts/validate "$BATS_TEST_TMPDIR/plain.json"
    faults 0 --machine "$BATS_TEST_TMPDIR/plain.json"
    [ "$(grep -vc not_run <<<"$output")" = 0 ]
    [ "$(jq -r '.checks[0].found' "$BATS_TEST_TMPDIR/check.json")" = "the machine's network has no RDMA devices" ]
    faults 1 # while without a machine some are
    [ "$(grep fail <<<"$output")" = "rdma_devices fail" ]
}

@test "this node is looked at, whatever it is, and nothing of it is changed" {
    run --separate-stderr "$railgauge" check --format json
    [[ $status == [013] ]]
    [ -z "$stderr" ]
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.json"
    scripts/validate "$BATS_TEST_TMPDIR/check.json"
    jq -e --arg node "$(uname -n)" --argjson status "$status" '.node == $node and .exit_status == $status' "$BATS_TEST_TMPDIR/check.json"
    limit=$(awk '/^Max locked memory/ { print $4 }' /proc/self/limits)
    jq -e --arg limit "$limit" '.checks[] | select(.check == "memlock") | .found | startswith($limit)' "$BATS_TEST_TMPDIR/check.json"
}

# Nodes node1 to node5, each healthy, behind a remote shell that stands for ssh; node9 is not to be reached.
a_fleet() {
    export NODES=$BATS_TEST_TMPDIR/nodes OMPI_MCA_plm_rsh_agent=$BATS_TEST_TMPDIR/remote
    mkdir "$NODES"
    for i in 1 2 3 4 5; do cp -a "$good" "$NODES/node$i"; done
    cat >"$BATS_TEST_TMPDIR/remote" <<'END'
#!/bin/bash
host=$1
shift
echo "$*" >>"$NODES/asked"
[ "$host" != node9 ] || { echo 'ssh: connect to host node9 port 22: Connection refused' >&2 && exit 255; }
[ "$host" != node7 ] || sleep 60
[ "$host" != node8 ] || { echo 'no document' && exit 0; }
sh -c "$* --root $NODES/$host"
END
    chmod +x "$BATS_TEST_TMPDIR/remote"
}

@test "of several nodes the odd one out is named, with what the others have" {
    a_fleet
    run -0 "$railgauge" check --hosts node1,node2,node3,node4,node5 --machine a3-ultra
    [[ $output != *firmware* ]]
    [[ ${lines[-1]} == "5 nodes: "*", 0 fail, 0 could not be judged" ]]
    for device in "$NODES"/node4/sys/class/infiniband/*; do echo 28.39.1002 >"$device/fw_ver"; done
    run -0 "$railgauge" check --hosts node1,node2,node3,node4,node5 --machine a3-ultra
    told=$(tr -s ' \n' ' ' <<<"$output")
    [[ $told == *"warn firmware 28.39.1002 of MT_0000000838: mlx5_0, "*"expected: as on 4 of 5 nodes: 28.43.2566 of MT_0000000838: mlx5_0, "*"on: node4 "* ]]
    [ "$(wc -L <<<"$output")" -le 100 ]
}

@test "of several nodes clocks, names and the ways between rails are checked as well" {
    a_fleet
    run -0 "$railgauge" check --hosts node1,node2,node3 --machine a3-ultra --format json
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.ndjson"
    scripts/validate "$BATS_TEST_TMPDIR/check.ndjson"
    run -0 jq -r '.checks[] | select(.check | IN("clock_offset", "path_mtu", "host_names")) | .check + " " + .status + ": " + .found' \
        "$BATS_TEST_TMPDIR/check.ndjson"
    [ "$(grep -cE '^clock_offset pass: [0-9.e-]+ ms (ahead of|behind) the median, or [0-9.]+ ms more or less$' <<<"$output")" = 3 ]
    [ "$(grep -c '^path_mtu pass: 8896 bytes arrive: mlx5_0, mlx5_1, mlx5_2, mlx5_3, mlx5_4, mlx5_5, mlx5_6, mlx5_7$' <<<"$output")" = 3 ]
    [ "$(grep -c '^host_names warn: node1 has no address: .*node3 has no address' <<<"$output")" = 3 ]
    grep -q -- '--peers node1,node2,node3 ' "$NODES/asked"
}

@test "a node whose clock is apart from the others' is named, with by how much" {
    a_fleet
    # Some 32 years: a one becomes a two in nanoseconds of 19 digits.
    sed -i 's|^sh -c.*|& \| { [ "$host" = node2 ] \&\& sed -u "s/^clock 1/clock 2/" \|\| cat; }; exit "${PIPESTATUS[0]}"|' "$BATS_TEST_TMPDIR/remote"
    run -0 "$railgauge" check --hosts node1,node2,node3 --machine a3-ultra
    told=$(tr -s ' \n' ' ' <<<"$output")
    [[ $told =~ "warn clock_offset 1e+09 s ahead of the median, or "[0-9.]+" ms more or less expected: within 50 ms of the median of all nodes" ]]
    [[ $told == *"clock_offset "*"on: node2 "* ]]
    [ "$(grep -c clock_offset <<<"$output")" = 1 ]
}

# Two networks of the kernel's own, joined by a cable whose ends have MTUs of 9000 and of what is given.
between_networks() { # MTU COMMAND...
    local mtu=$1
    shift
    unshare -Urn bash -ec '
        unshare -n sleep 60 &
        trap "kill $!" EXIT
        sleep 0.3
        ip link add v0 mtu 9000 type veth peer name v1 mtu 9000 netns "$!"
        ip addr add 10.9.0.1/24 dev v0
        ip link set v0 up
        nsenter -t "$!" -n sh -ec "ip addr add 10.9.0.2/24 dev v1; ip link set v1 mtu $0 up"
        "$@"' "$mtu" "$@"
}

@test "packets that get lost since they are large are found on a real network" {
    between_networks 9000 true || skip "no user or network namespaces here"
    run -0 between_networks 9000 "$railgauge" check --paths mlx5_0/10.9.0.1/10.9.0.2/9000
    [[ $output == "pass      path_mtu           9000 bytes arrive: mlx5_0"* ]]
    run -1 between_networks 8000 "$railgauge" check --paths mlx5_0/10.9.0.1/10.9.0.2/9000
    [[ $output == "fail      path_mtu           9000 bytes get lost on the way (500 arrive): mlx5_0"* ]]
    run -3 between_networks 9000 "$railgauge" check --paths mlx5_0/10.9.0.1/10.9.0.99/9000
    [[ $output == "not_run   path_mtu"* ]]
}

@test "a fleet's nodes are a document a line, and the worst of them makes the status" {
    a_fleet
    rm -r "$NODES/node2/sys/class/infiniband/mlx5_7"
    printf '# the nodes\nnode1 slots=8\nnode2 slots=8\nnode3 slots=8\n' >"$BATS_TEST_TMPDIR/hostfile"
    run -1 "$railgauge" check --hostfile "$BATS_TEST_TMPDIR/hostfile" --machine a3-ultra --quick --format json
    [ "${#lines[@]}" = 3 ]
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.ndjson"
    scripts/validate "$BATS_TEST_TMPDIR/check.ndjson"
    run -0 jq -r '.node + " " + (.exit_status | tostring) + " " + (.quick | tostring)' "$BATS_TEST_TMPDIR/check.ndjson"
    [ "$output" = $'node1 0 true\nnode2 1 true\nnode3 0 true' ]
}

@test "a node that gives no answer, or none that can be read, fails with what its shell said, and the others are told" {
    a_fleet
    run -1 "$railgauge" check --hosts node1,node9,node8 --machine a3-ultra --format json
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/check.ndjson"
    scripts/validate "$BATS_TEST_TMPDIR/check.ndjson"
    run -0 jq -r '.node + ": " + .checks[0].found' "$BATS_TEST_TMPDIR/check.ndjson"
    [ "${lines[1]}" = "node9: it gave no answer: ssh: connect to host node9 port 22: Connection refused" ]
    [[ ${lines[2]} == "node8: it gave no answer: node8: line 1: is not JSON"* ]]
    [[ ${lines[0]} == "node1: ACTIVE: mlx5_0, "* ]]
}

@test "a node that takes too long is not waited for" {
    a_fleet
    SECONDS=0
    run -1 "$railgauge" check --hosts node1,node7 --timeout 2 --format json
    [ "$SECONDS" -lt 30 ]
    [ "$(jq -rs '.[1].checks[0].found' <<<"$output")" = "it gave no answer: not within 2 s" ]
    [ "$(jq -rs '.[0].exit_status' <<<"$output")" = 0 ]
}

@test "what is asked of a remote shell is quoted for it" {
    a_fleet
    cp results-schema/machines/a3-ultra.json "$BATS_TEST_TMPDIR/it's mine; true.json"
    run -0 "$railgauge" check --hosts node1 --machine "$BATS_TEST_TMPDIR/it's mine; true.json"
    grep -qF "'$BATS_TEST_TMPDIR/it'\\''s mine; true.json'" "$NODES/asked"
}

@test "no invalid document of another node is taken for an answer" {
    a_fleet
    printf '#!/bin/bash\ncat "$ANSWER"\n' >"$BATS_TEST_TMPDIR/remote"
    for ANSWER in results-schema/examples/invalid/check-*; do
        export ANSWER
        case $ANSWER in
            # What holds between fields is the schema's to say (tests/schema.bats).
            *-without-mend.json | *-with-mend.json | *-with-expected.json | *-count-negative.json) continue ;;
        esac
        run -1 "$railgauge" check --hosts node1 --format json
        [[ $(jq -r '.checks[0].found' <<<"$output") == "it gave no answer: node1: "* ]]
    done
    export ANSWER=results-schema/examples/valid/check-fail.json
    run -1 "$railgauge" check --hosts node1 --format json
    [ "$(jq -r '.checks[0].check' <<<"$output")" = rdma_devices ]
}

@test "bad options are refused in one line, with status 2" {
    while read -r words options; do
        # shellcheck disable=SC2086 # options are words
        run -2 --separate-stderr "$railgauge" check $options
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" = 1 ]
        [[ $stderr == "railgauge check: "*"${words//_/ }"* ]]
    done <<'END'
there_is_no_machine_'abacus';_there_are: --machine abacus
'yaml'_is_none_of --format yaml
unknown_option_'--slow' --slow
unexpected_word_'node1' node1
unexpected_word_'true' -- true
cannot_be_read --machine /nonexistent.json
is_not_from_1_to_3600 --hosts a --timeout 0
exclude_each_other --hosts a --hostfile b
is_no_list_of --paths here
/nonexistent:_No_such_file --root /nonexistent
END
}

@test "the man page and --help tell of every option" {
    run -0 "$railgauge" check --help
    for option in hosts hostfile timeout machine quick format; do [[ $output == *"--$option"* ]]; done
    [[ $output != *--root* ]]
    grep -q 'quick' build/asan/man/railgauge-check.1
}
