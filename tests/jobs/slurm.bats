#!/usr/bin/env bats
# jobs/slurm under a Slurm of our own: munged, slurmctld and slurmd as this user, on this machine alone, with neither systemd nor control
# groups. Where this is root, two more slurmds have a host name of their own each, and are two nodes. The ranks are real; they measure MPI on host memory, or a simulated fabric, since there need be no RDMA device here.

bats_require_minimum_version 1.5.0

programs=(munged slurmctld slurmd sbatch scontrol scancel)

setup_file() {
    PATH=$PATH:/usr/sbin
    local program name
    for program in "${programs[@]}"; do command -v "$program" >/dev/null || return 0; done
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    make -s all >/dev/null
    export slurm=$BATS_FILE_TMPDIR SLURM_CONF=$BATS_FILE_TMPDIR/slurm.conf RAILGAUGE=$PWD/build/railgauge node
    node=$(hostname -s)
    mkdir -m 755 "$slurm"/{state,spool}
    export TWO=''
    if [ "$(id -u)" != 0 ] || ! unshare --uts --mount true 2>"$slurm/why"; then TWO="needs root, and namespaces for two host names"; fi
    head -c 1024 /dev/urandom >"$slurm/munge.key"
    chmod 600 "$slurm/munge.key"
    sed -e 's/^ *//' >"$SLURM_CONF" <<CONF
        ClusterName=test
        SlurmctldHost=$node(127.0.0.1)
        SlurmctldPort=$((20000 + RANDOM % 5000))
        SlurmdPort=$((25000 + RANDOM % 5000))
        AuthType=auth/munge
        AuthInfo=socket=$slurm/munge.socket
        SlurmUser=$(id -un)
        SlurmdUser=$(id -un)
        StateSaveLocation=$slurm/state
        SlurmdSpoolDir=$slurm/spool/%n
        SlurmctldPidFile=$slurm/slurmctld.pid
        SlurmdPidFile=$slurm/slurmd.%n.pid
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        JobAcctGatherType=jobacct_gather/none
        AccountingStorageType=accounting_storage/none
        MpiDefault=none
        SelectType=select/cons_tres
        SelectTypeParameters=CR_Core
        SlurmdParameters=config_overrides
        NodeName=$node NodeAddr=127.0.0.1 CPUs=8 RealMemory=1000 State=UNKNOWN
        PartitionName=test Nodes=$node Default=YES
CONF
    [ -n "$TWO" ] || name_two_nodes
    start munged --foreground --force --key-file="$slurm/munge.key" --socket="$slurm/munge.socket" --pid-file="$slurm/munged.pid" \
        --log-file="$slurm/munged.log" --seed-file="$slurm/munge.seed"
    start slurmctld -D
    start slurmd -D
    for name in ${TWO_NODES:-}; do start unshare --uts --mount bash -c "hostname $name && mount --bind $slurm/hosts /etc/hosts && exec slurmd -D"; done
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        [ "$(sinfo -h -o %T 2>/dev/null | sort -u)" != idle ] || return 0
        sleep 0.1
    done
    tail -n 20 "$slurm"/*.said
    echo "Slurm did not come up"
    return 1
}

# Their names lead to this machine's address in its network, since loopback leads to no other node.
name_two_nodes() {
    local address name port=$((30000 + RANDOM % 2000))
    address=$(hostname -I | cut -d' ' -f1)
    grep -v slurm- /etc/hosts >"$slurm/hosts"
    for name in slurm-1 slurm-2; do
        echo "$address $name" >>"$slurm/hosts"
        echo "NodeName=$name NodeAddr=127.0.0.1 Port=$((port++)) CPUs=8 RealMemory=1000 State=UNKNOWN" >>"$SLURM_CONF"
    done
    echo "PartitionName=two Nodes=slurm-[1-2]" >>"$SLURM_CONF"
    export TWO_NODES='slurm-1 slurm-2'
}

start() { # PROGRAM ARGUMENT...
    "$@" >"$slurm/$1.said" 2>&1 3>&- &
    echo $! >>"$slurm/pids"
}

teardown_file() {
    local pids=() pid
    # A job outlives its slurmd.
    [ ! -e "$BATS_FILE_TMPDIR/pids" ] || timeout 20 scancel --quiet --full --signal=KILL --user="$(id -un)" || true
    [ ! -e "$BATS_FILE_TMPDIR/pids" ] || mapfile -t pids <"$BATS_FILE_TMPDIR/pids"
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do tail --pid="$pid" -f /dev/null; done
}

setup() {
    local program name
    PATH=$PATH:/usr/sbin
    for program in "${programs[@]}"; do command -v "$program" >/dev/null || skip "no $program: Debian's packages slurm-wlm and munge have it"; done
    script=$PWD/jobs/slurm/railgauge.sbatch
    cd "$BATS_TEST_TMPDIR" || return 1
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
}

submit() { # WORD...: of sbatch's options, then the script's
    timeout 100 sbatch --parsable --nodes=1 --ntasks-per-node=2 --output=log "$@"
}

fabric() { # FAULT
    printf '{"schema_version": "1.0", "document": "fabric", "nodes": 4, "rails": 2, "nodes_per_leaf": null, "rate_gbps": 390,
        "latency_us": 2, "hop_us": 0.6, "noise_percent": 0.5, "load_slowdown": 0.9, "load_latency": 4, "seed": 7, "faults": [%s]}' "$1" >fabric.json
}

@test "a job measures on the nodes that Slurm gave it, through Slurm's own launch, and its exit status is the verdict" {
    run -0 submit --wait "$script" --test all_reduce --size 4K,64K --duration 0.2 --warmup 0.05 --deadline 10 --verbose
    cat log
    grep -q "mpirun .*--host $node:2 -np 2 " log
    grep -q '^PASS: Everything was measured and arrived intact' log
    [[ $(tail -n 1 log) = 'railgauge.sbatch: exit status 0, run in '*"/$(echo railgauge-*)" ]]
    "$BATS_TEST_DIRNAME/../../scripts/validate" railgauge-*
    [ "$(jq -r '.status, .rounds_done' railgauge-*/run.json | paste -sd ' ')" = 'complete 2' ]
}

@test "a job of two nodes has ranks on both, started by Slurm" {
    [ -z "$TWO" ] || skip "$TWO"
    run -0 submit --partition=two --nodes=2 --wait "$script" --test all_reduce --size 4K --duration 0.2 --warmup 0.05 --deadline 10 --verbose
    cat log
    grep -q "mpirun .*--host slurm-1:2,slurm-2:2 -np 4 " log
    grep -q '^PASS: Everything was measured and arrived intact' log
    [ "$(jq -c '[.nodes[] | [.node, .rails[].rank]]' railgauge-*/run.json)" = '[["slurm-1",0,1],["slurm-2",2,3]]' ]
}

@test "a fabric with a slow NIC fails the job with 1, and Slurm knows it" {
    fabric '{"fault": "slow", "part": "tx", "node": 2, "rail": 1, "peer": null, "loss_percent": 30, "at_s": null}'
    run submit --wait --ntasks-per-node=8 "$script" --transport sim:fabric.json --test rdma_write_bw --pattern pairs --size 64K --deadline 15 --quiet
    cat log
    [ "$status" = 1 ]
    grep -q 'sim002, rail 1, transmit side' log
    local runs=(railgauge-*)
    [[ $(scontrol show job "${runs[0]#railgauge-}") = *'JobState=FAILED'*'ExitCode=1:0'* ]]
}

@test "Slurm's signal before the time limit saves what was measured" {
    fabric ''
    local job
    job=$(submit --ntasks-per-node=8 "$script" --transport sim:fabric.json --test rdma_write_bw --pattern pairs --size "$(seq -s, 4096 4 6000)" --deadline 15)
    for ((tries = 0; tries < 600; tries++)); do
        ! grep -q '^round [3-9]' log 2>/dev/null || break
        sleep 0.1
    done
    scancel --batch --signal=TERM "$job"
    for ((tries = 0; tries < 600; tries++)); do
        ! grep -q '^railgauge.sbatch: exit status' log || break
        sleep 0.1
    done
    tail -n 5 log
    [[ $(tail -n 1 log) = "railgauge.sbatch: exit status 143, run in $PWD/railgauge-$job" ]]
    [ "$(jq -r .status "railgauge-$job/run.json")" = incomplete ]
    (($(jq .rounds_done "railgauge-$job/run.json") >= 2))
    "$BATS_TEST_DIRNAME/../../scripts/validate" "railgauge-$job"
}

@test "without railgauge on the node the job fails with 4 and says so; outside Slurm the script refuses with 2" {
    RAILGAUGE=$PWD/nothing run -4 submit --wait "$script"
    grep -q 'railgauge.sbatch: no .*/nothing on ' log
    run -2 env -u SLURM_JOB_NODELIST "$script"
    [[ $output = *'this is no Slurm job: sbatch '* ]]
}
