#!/usr/bin/env bats
# The pods' image, built from Debian's packages without a registry.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export IMAGE WITHOUT=''
    IMAGE=$(tests/jobs/image) || {
        [ $? = 77 ] || return 1
        WITHOUT=$IMAGE
    }
}

refute() { # COMMAND...: a mere ! would not fail a test
    if "$@"; then return 1; fi
}

setup() { # Debian's bats takes a skip in setup_file for a failure
    [ -z "$WITHOUT" ] || skip "$WITHOUT"
    cd "$BATS_TEST_DIRNAME/../.." || return
}

inside() { # COMMAND...
    unshare --mount --pid --fork --mount-proc="$IMAGE/proc" chroot "$IMAGE" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

@test "its programs run, and tell what they are" {
    inside railgauge-pod --help | grep -q '^usage: railgauge-pod'
    inside railgauge --version
    inside railgauge run --suite acceptance --machine a3-ultra --hosts a,b --ranks-per-node 2 --dry-run | grep -q rdma_write_bw
    inside mpirun --version | grep -q 'Open MPI) 4\.1\.'
    inside sh -c 'command -v ib_write_bw sshd jq hostname'
    [ "$(inside ldd /usr/local/bin/railgauge-rank /usr/local/bin/railgauge | grep -c 'not found')" = 0 ]
}

@test "it has no compiler, no C headers and no sources" {
    for program in gcc cc c++ g++ clang make as ld nvcc npm python3; do
        refute inside sh -c "command -v $program"
    done
    [ ! -e "$IMAGE/src" ]
    [ ! -e "$IMAGE/usr/include/stdio.h" ]
    [ "$(du -sm "$IMAGE" | cut -f1)" -le 450 ]
}

@test "no key is in any layer, and nobody may log in by a password" {
    refute grep -rlE -e '-----BEGIN ([A-Z]+ )?PRIVATE KEY' build/image/storage/vfs/dir/*/etc/ssh build/image/storage/vfs/dir/*/root 2>/dev/null
    [ -z "$(find "$IMAGE/etc/ssh" -name 'ssh_host_*')" ]
    [ "$(grep -c -vE '^[^:]*:[*!]' "$IMAGE/etc/shadow")" = 0 ]
}

@test "it says what it is, of which version and license, and what it runs" {
    config=$(buildah --storage-driver vfs --root "$PWD/build/image/storage" --runroot "$PWD/build/image/run" inspect --type image \
        localhost/railgauge:test | jq -c .OCIv1.config)
    echo "$config"
    [ "$(jq -r '.Labels["org.opencontainers.image.version"]' <<<"$config")" = \
        "$(sed -n 's/^#define RG_VERSION "\(.*\)"/\1/p' bench/cmd/cmd.h)" ]
    [ "$(jq -r '.Labels["org.opencontainers.image.licenses"]' <<<"$config")" = Apache-2.0 ]
    [ "$(jq -c '[.Entrypoint, (.ExposedPorts | keys)]' <<<"$config")" = '[["railgauge-pod"],["2222/tcp"]]' ]
}

# In namespaces of its own, as a container; the rights and the rest are the rehearsal's to show.
@test "a run of one pod comes as far as the devices, of which it says that there are none" {
    [ ! -e /sys/class/infiniband ] || [ -z "$(ls /sys/class/infiniband)" ] || skip "this machine has RDMA devices"
    ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/ssh-privatekey"
    cat >"$BATS_TEST_TMPDIR/pod" <<'POD'
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/runs"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/etc/railgauge/ssh"
mount -t tmpfs tmpfs "$1/dev"
for device in null urandom zero; do touch "$1/dev/$device" && mount --bind "/dev/$device" "$1/dev/$device"; done
ln -s /proc/self/fd "$1/dev/fd"
cp "$2/ssh-privatekey" "$1/etc/railgauge/ssh"
echo 127.0.0.1 >"$1/run/hosts"
hostname x-0
ip link set lo up
exec chroot "$1" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=x-0 RAILGAUGE_NODES=1 RAILGAUGE_WAIT_S=60 \
    RAILGAUGE_HOSTFILE=/run/hosts JOB_COMPLETION_INDEX=0 RAILGAUGE_ARGS='--test rdma_write_bw --pattern loopback' railgauge-pod
POD
    run --separate-stderr timeout 120 unshare --mount --pid --uts --ipc --net --fork --kill-child \
        bash "$BATS_TEST_TMPDIR/pod" "$IMAGE" "$BATS_TEST_TMPDIR"
    echo "$output" "$stderr"
    [ "$status" = 4 ]
    grep -q "all 1 pods are there" <<<"$stderr"
    grep -q "x-0: rdma_devices fails: no RDMA device" <<<"$stderr"
    tail -n 1 <<<"$output" >"$BATS_TEST_TMPDIR/job.json"
    scripts/validate "$BATS_TEST_TMPDIR/job.json"
    [ "$(jq .exit_status "$BATS_TEST_TMPDIR/job.json")" = 4 ]
}
