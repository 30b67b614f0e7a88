#!/usr/bin/env bats
# scripts/softroce itself: real machines, real ssh, real verbs. Boots are dear, so one cluster answers most questions.

bats_require_minimum_version 1.5.0

setup_file() {
    export ROOT SOFTROCE SOFTROCE_CACHE WORK TMPDIR
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    SOFTROCE=$ROOT/scripts/softroce
    SOFTROCE_CACHE=${SOFTROCE_CACHE:-$ROOT/build/softroce}
    WORK=$BATS_FILE_TMPDIR/work
    TMPDIR=$BATS_FILE_TMPDIR/tmp # whatever a rig leaves behind is seen here
    mkdir -m 777 "$WORK" "$TMPDIR"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
    cd "$WORK" || return
    write_probe >probe
    echo "not for COMMAND" | given=passed withheld=secret LANG=C.UTF-8 TERM=vt220 \
        "$SOFTROCE" --nodes 2 --rails 2 --env given --timeout 200 -- bash ./probe "two words" $'\n\'\xff' \
        >out 2>err 3>&- && echo 0 >status || echo $? >status
}

# Runs on node 0; each answer goes into a file of its own in the shared folder.
write_probe() {
    cat <<'PROBE'
printf 'out\0\r\n\xff'
printf 'err\0\r\n\xfe' >&2
printf '%s|' "$@" >arguments
cat >input
echo "$given,$withheld,$LANG,$TERM,$SOFTROCE_NODES,$SOFTROCE_RAILS,$PWD" >environment
for node in 0 1; do
    ssh node$node "ssh node$((1 - node)) 'hostname; ulimit -l'"
    ssh node$node ibv_devinfo >devices.$node
done >sessions 2>&1
mpirun -np 2 --map-by ppr:1:node --hostfile "$SOFTROCE_HOSTFILE" hostname >ranks

for rail in 0 1; do ssh node1 ibv_rc_pingpong -d rxe$rail -g 1 -p 1860$rail -n 100 >/dev/null & done
for rail in 0 1; do
    until ibv_rc_pingpong -d rxe$rail -g 1 -p 1860$rail -n 100 node1 >pingpong.$rail 2>/dev/null; do sleep 0.2; done
    ssh node1 cat /sys/class/infiniband/rxe$rail/ports/1/hw_counters/rcvd_pkts >received.$rail
done
wait

ssh node1 "cd '$PWD' && mkdir made && echo node1 >draft && sync draft && mv draft made/file"
echo node0 >>made/file
ssh node1 tc qdisc add dev rail0 root tbf rate 50mbit burst 100k latency 50ms
ssh node1 tc qdisc show dev rail0 >shaped
ssh node1 "ip link set rail1 down; cat /sys/class/infiniband/rxe1/ports/1/state" >downed
ssh node1 '(sleep 0.2; echo o >/proc/sysrq-trigger) >/dev/null 2>&1 &'
until grep 'Power down' /run/softroce/console.1 >switched_off; do sleep 0.1; done
sleep 1 # for its QEMU to exit, which is what the rig must not mind
exit 7
PROBE
}

# Starts a rig as a shell with a terminal would: one that can be interrupted, even where these tests can't be. Sets $rig.
start_rig() {
    set -m
    env --default-signal=INT "$SOFTROCE" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    rig=$!
    set +m
}

ended_with() { # STATUS
    local status=0
    wait "$rig" || status=$?
    [ "$status" = "$1" ]
}

machines_run() {
    compgen -G "$TMPDIR/softroce.*/console.1"
}

# No file, and no process: all of a rig's work in its folder.
nothing_is_left() {
    [ -z "$(ls "$TMPDIR"; readlink /proc/[0-9]*/cwd | grep -F "$TMPDIR/")" ]
}

until_true() { # COMMAND...: for twenty seconds at most
    local try
    for ((try = 0; try < 200; try++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

@test "COMMAND's output, errors and exit status come back as they were" {
    cmp "$WORK/out" <(printf 'out\0\r\n\xff')
    cmp "$WORK/err" <(printf 'err\0\r\n\xfe')
    [ "$(<"$WORK/status")" = 7 ]
}

@test "COMMAND has its arguments, an empty input, the caller's folder and the variables it was given" {
    cmp "$WORK/arguments" <(printf 'two words|\n\x27\xff|')
    [ ! -s "$WORK/input" ]
    [ "$(<"$WORK/environment")" = "passed,,C.UTF-8,vt220,2,2,$(cd "$WORK" && pwd -P)" ]
}

@test "nodes reach each other by ssh and may lock all their memory" {
    diff "$WORK/sessions" <(printf '%s\n' node1 unlimited node0 unlimited)
}

@test "every rail of every node is an active RDMA device with a path MTU of 4096" {
    for node in 0 1; do
        [ "$(grep -c 'hca_id:.rxe[01]' "$WORK/devices.$node")" = 2 ]
        [ "$(grep -c 'PORT_ACTIVE' "$WORK/devices.$node")" = 2 ]
        [ "$(grep -c 'active_mtu:.*4096' "$WORK/devices.$node")" = 2 ]
    done
}

@test "mpirun starts ranks on both nodes" {
    diff <(sort "$WORK/ranks") <(printf '%s\n' node0 node1)
}

@test "RDMA crosses from node to node on every rail" {
    for rail in 0 1; do
        grep '100 iters' "$WORK/pingpong.$rail"
        [ "$(<"$WORK/received.$rail")" -ge 100 ]
    done
}

@test "what the nodes write into the current folder is the caller's" {
    diff "$WORK/made/file" <(printf '%s\n' node1 node0)
    [ -O "$WORK/made/file" ]
}

@test "a rail can be slowed down and taken down" {
    grep 'tbf.* rate 50Mbit' "$WORK/shaped"
    grep DOWN "$WORK/downed"
}

@test "switching off another node does not end the rig" {
    grep 'Power down' "$WORK/switched_off"
    [ "$(<"$WORK/status")" = 7 ]
}

@test "a rig leaves neither a process nor a file behind" {
    nothing_is_left
}

@test "two rigs run at once, one of them of three nodes, the other an ordinary user's" {
    [ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
    cd "$BATS_TEST_TMPDIR"
    # shellcheck disable=SC2016 # expanded on node 0
    start_rig --nodes 3 --rails 1 -- sh -c 'for n in 1 2 3; do ssh node$((n - 1)) ssh 10.10.0.$((n % 3 + 1)) hostname; done'
    mkdir -m 777 theirs
    chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
    cd theirs
    HOME=/nonexistent setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$SOFTROCE" --nodes 2 --rails 1 -- ssh node1 "cd '$PWD' && hostname >file" 3>&-
    [ "$(<file) $(stat -c %u file)" = "node1 65534" ]
    wait "$rig"
    diff ../out <(printf '%s\n' node1 node2 node0)
    nothing_is_left
}

@test "a machine of two processors tells time by a clock that is cheap to read" {
    run -0 "$SOFTROCE" --nodes 1 --rails 1 --cpus 2 -- cat /sys/devices/system/clocksource/clocksource0/current_clocksource 3>&-
    [[ $output =~ ^(tsc|kvm-clock)$ ]]
}

@test "a COMMAND that takes too long ends with 124" {
    run -124 "$SOFTROCE" --nodes 1 --rails 1 --timeout 2 -- sleep 1000 3>&-
    [[ $output == *"longer than 2 s"* ]]
    nothing_is_left
}

@test "a panic of node 0 ends the rig with 4 and shows the console" {
    run -4 "$SOFTROCE" --nodes 1 --rails 1 -- sh -c 'echo c >/proc/sysrq-trigger' 3>&-
    [[ $output == *"node0 panicked"*"sysrq triggered crash"* ]]
    nothing_is_left
}

@test "SIGTERM under COMMAND ends everything with 143" {
    start_rig --nodes 1 --rails 1 -- sh -c 'echo started; sleep 100'
    until_true grep -q started "$BATS_TEST_TMPDIR/out"
    kill -TERM "$rig"
    ended_with 143
    nothing_is_left
}

@test "SIGINT while the cluster starts ends everything with 130" {
    start_rig -- true
    until_true machines_run
    kill -INT "$rig"
    ended_with 130
    nothing_is_left
}

@test "a rig that is killed outright takes its machines with it" {
    start_rig -- true
    until_true machines_run
    kill -KILL "$rig"
    until_true nothing_is_left
}

@test "a host without QEMU is told what to install, with 4" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    ln -s /usr/bin/* "$BATS_TEST_TMPDIR/bin"
    rm "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
    PATH=$BATS_TEST_TMPDIR/bin run -4 "$SOFTROCE" -- true
    [ "$output" = "softroce: qemu-system-x86_64 is not installed: run scripts/deps" ]
}

@test "bad options end with 2 and one line" {
    local options
    for options in "--nodes 5 -- true" "--nodes x -- true" "--rails 0 -- true" "--memory lots -- true" "--timeout" "--env 1x -- true" \
        "--what" "true" "" "--" "--shell -- true"; do
        # shellcheck disable=SC2086 # several words
        run -2 "$SOFTROCE" $options
        [ "${#lines[@]}" = 1 ]
    done
}

@test "--help says what there is, with 0" {
    run -0 "$SOFTROCE" --help
    [[ $output == "usage: softroce"*"--rails 1..8"* ]]
}
