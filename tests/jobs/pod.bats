#!/usr/bin/env bats
# How the pods of a run meet and end (jobs/image/railgauge-pod), with stand-ins for ssh, sshd and `railgauge run`; tests/jobs/rehearsal.bats has the
# real ones.

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || exit 1
    unshare --map-root-user --mount true 2>/dev/null || skip "no namespaces here"
    pods=$BATS_TEST_TMPDIR/pods
    mkdir -p "$pods/bin"
    ssh-keygen -q -t ed25519 -N '' -f "$pods/key"
    make_program ssh '[ "$1 $2 $3" = "-n -F /run/railgauge/ssh_config" ] && [ -e "/pods/${4%%.*}.pid" ] || { echo "ssh: no host $4" >&2; exit 255; }
        exec nsenter --target "$(<"/pods/${4%%.*}.pid")" --root --wd=/ sh -c "$5"'
    make_program railgauge 'echo "$*" >>/pods/asked
        while [ $# -gt 0 ] && [ "$1" != -o ]; do shift; done
        mkdir "$2" && echo "{\"run_id\": \"20260101T000000Z-00000001\", \"lost\": []}" >"$2/run.json"
        words=(pass fail bad inconclusive)
        ((RUN_STATUS == 4)) || sed "s/pass/${words[RUN_STATUS]}/" /pods/verdict.json >"$2/verdict.json"
        exit $((RUN_STATUS))'
    make_program after 'exit $AFTER_STATUS'
    echo '{"status": "pass", "summary": "All is well.", "suspects": []}' >"$pods/verdict.json"
}

make_program() { # NAME BODY
    printf '#!/bin/bash\n%s\n' "$2" >"$pods/bin/$1"
    chmod +x "$pods/bin/$1"
}

# Runs pods of these names; $last is the last line of number 0.
run_pods() { # NAME...
    settings=$settings timeout 60 unshare --map-root-user --mount --pid --fork --kill-child tests/jobs/pods "$pods" "$@" || true
    tail -n 50 "$pods"/*.err "$pods"/*.out
    tail -n 1 "$pods/$1.out" >"$BATS_TEST_TMPDIR/job.json"
    scripts/validate "$BATS_TEST_TMPDIR/job.json"
    last=$(<"$BATS_TEST_TMPDIR/job.json")
    [ "$(jq .exit_status <<<"$last")" = "$(<"$pods/$1.status")" ]
}

@test "pods call each other JOB-INDEX in the Service's domain, and the others end when number 0 tells them to" {
    settings=RAILGAUGE_SUITE=quick run_pods x-0 x-1 x-2
    [ "$(<"$pods/x-0.status")" = 0 ]
    grep -qE '^run --hosts x-0\.x,x-1\.x,x-2\.x -o /runs/x-[0-9TZ]+ --suite quick$' "$pods/asked"
    grep -q '^  x-2.x  gke-2$' "$pods/x-0.err"
    [ "$(cat "$pods"/x-[12].status)" = $'0\n0' ]
    [ "$(jq -r '[.verdict, .reason] | @csv' <<<"$last")" = '"pass",' ]
}

@test "a hostfile names pods that are called otherwise, as an MPIJob's are" {
    printf 'x-launcher.x.ns.svc slots=1\nx-worker-0.x.ns.svc slots=1\n\n' >"$pods/hostfile"
    echo '{"status": "fail", "summary": "One suspect.", "suspects": [{"status": "condemned", "part": "tx", "node": "x-worker-0", "rail": 0,
        "sentence": "It is slow."}]}' >"$pods/verdict.json"
    settings="RAILGAUGE_HOSTFILE=/pods/hostfile RUN_STATUS=1" run_pods x-launcher x-worker-0
    [ "$(<"$pods/x-launcher.status")" = 1 ]
    grep -qE '^run --hosts x-launcher\.x\.ns\.svc,x-worker-0\.x\.ns\.svc -o /runs/x-[0-9TZ]+$' "$pods/asked"
    [ "$(jq -r '.suspects[0].kubernetes_node' <<<"$last")" = gke-1 ]
    [ "$(<"$pods/x-worker-0.left")" = ends ]
}

@test "a hostfile that names more or fewer pods than there are nodes is refused" {
    echo 'x-launcher.x.ns.svc slots=1' >"$pods/hostfile"
    settings=RAILGAUGE_HOSTFILE=/pods/hostfile run_pods x-launcher x-worker-0
    [ "$(jq -r '[.exit_status, .reason] | @csv' <<<"$last")" = '2,"/pods/hostfile names 1 pods, but RAILGAUGE_NODES is 2"' ]
}

@test "what comes after a run decides where that passed; who is to be tried again finds the other pods still there" {
    while read -r run_status after_status status left; do
        settings="RAILGAUGE_AFTER=after RUN_STATUS=$run_status AFTER_STATUS=$after_status" run_pods x-0 x-1
        [ "$(<"$pods/x-0.status") $(<"$pods/x-1.left")" = "$status $left" ] || { echo "after $run_status and $after_status" && false; }
        rm -r "$pods"/x-*
    done <<'END'
0 0 0 ends
0 1 1 ends
0 2 2 ends
0 3 3 ends
0 4 4 waits
1 4 1 ends
3 0 3 ends
4 0 4 waits
END
}
