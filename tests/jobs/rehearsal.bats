#!/usr/bin/env bats
# Jobs as scripts/submit renders them, with their pods as machines of the rig.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export WITHOUT=''
    scripts/kubectl --path >/dev/null 2>"$BATS_FILE_TMPDIR/why" || WITHOUT=$(cat "$BATS_FILE_TMPDIR/why")
}

refute() { # COMMAND...: a mere ! would not fail a test
    if "$@"; then return 1; fi
}

setup() { # Debian's bats takes a skip in setup_file for a failure
    [ -z "$WITHOUT" ] || skip "$WITHOUT"
    cd "$BATS_TEST_DIRNAME/../.." || return
    out=$PWD/build/rehearsal.test
    runs=$out/volumes/runs
}

# A Job of N pods, rehearsed; $last is the last line of its pod 0.
rehearse() { # PODS SUBMIT-OPTION... -- REHEARSE-OPTION...
    local words=(--machine tests/jobs/rehearsal --nodes "$1" --image railgauge:0.1.0 --name t --render)
    shift
    while [ "$1" != -- ]; do words+=("$1") && shift; done
    shift
    scripts/submit "${words[@]}" | sed "${edit:-}" >"$BATS_TEST_TMPDIR/job.yaml"
    ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key"
    run scripts/rehearse "$BATS_TEST_TMPDIR/job.yaml" --key "$BATS_TEST_TMPDIR/key" --timeout 570 -o "$out" "$@"
    echo "$output"
    tail -n 50 "$out"/logs/* || true
    last=$(tail -n 1 <<<"$output")
    # What all have in common: the last line is what the schema says, and the key is nowhere.
    echo "$last" >"$BATS_TEST_TMPDIR/job.json"
    scripts/validate "$BATS_TEST_TMPDIR/job.json"
    [ "$last" = "$(tail -n 1 "$(find "$out/logs" -name 'pod-0.*' | sort | tail -n 1)")" ]
    refute grep -rF -e "$(sed -n 3p "$BATS_TEST_TMPDIR/key")" "$out" "$BATS_TEST_TMPDIR/job.yaml"
}

@test "two pods meet, measure, and end with success" {
    edit='/successPolicy/,+2d' # older clusters don't know it
    rehearse 2 --
    [ "$status" = 0 ]
    [ "$(jq -r '[.verdict, .exit_status] | @csv' <<<"$last")" = '"pass",0' ]
    scripts/validate "$runs/$(jq -r .folder <<<"$last")"
    [ "$(jq -r '[.nodes[].node] | join(" ")' "$runs"/*/run.json)" = "railgauge-t-0 railgauge-t-1" ]
    grep -q "pod 1 is done" <<<"$output"
    grep -q "^  railgauge-t-1.railgauge-t  node1$" "$out/logs/pod-0.1"
}

@test "three pods meet, measure, and end with success" {
    rehearse 3 --
    [ "$status" = 0 ]
    [ "$(jq -r '.rounds_done == .rounds_planned' "$runs"/*/run.json)" = true ]
    [ "$(jq -s '[.[] | select(.status == "ok")] | length' "$runs"/*/measurements.ndjson)" = 12 ]
}

@test "a node with a throttled rail fails the Job, with its name and its rail in the last line" {
    # As in verbs/fleet: a slower throttle, or two rails at once, make the receiving side slow, too.
    rehearse 3 --args "--start-timeout 600 --size 4K --duration 3 --warmup 1 --pattern screen --rails one --depth 1 --working-set 64K --qp-timeout 17" \
        -- --before 'ssh node1 tc qdisc add dev rail0 root tbf rate 2mbit burst 8kb latency 2s'
    [ "$status" = 1 ]
    grep -q "pod 0 ended with status 1, and the policy is FailJob" <<<"$output"
    # On a busy host others may be slow, too: verbs/fleet has who is not to be named.
    jq -e 'any(.suspects[]; [.status, .node, .kubernetes_node, .rail, .part] == ["condemned", "railgauge-t-1", "node1", 0, "tx"])' <<<"$last"
    scripts/validate "$runs/$(jq -r .folder <<<"$last")"
}

@test "a pod that never comes: number 0 gives up in time, names it and says what to do, and is tried again" {
    rehearse 2 --wait 5 -- --absent 1
    [ "$status" = 4 ]
    [ "$(jq -r .verdict <<<"$last")" = null ]
    jq -r .reason <<<"$last" | grep -q "not all 2 pods came within 5 s: no answer from railgauge-t-1.railgauge-t; .*kubectl describe pod"
    grep -q "another takes its place, 1 of at most 1" <<<"$output"
    grep -q "its backoff limit is 1" <<<"$output"
    [ -z "$(ls "$runs")" ]
}

@test "a pod that is evicted in mid-run voids the run, which is saved; with another in its place it is measured anew" {
    rehearse 2 --args "--start-timeout 600 --duration 8" -- --evict 1 --when "round 1 of"
    [ "$status" = 0 ]
    grep -q "pod 1 ended with status 143 as it was evicted: another takes its place, which does not count" <<<"$output"
    grep -q "pod 0 ended with status 4: another takes its place, 1 of at most 1" <<<"$output"
    [ "$(tail -n 1 "$out/logs/pod-0.1" | jq -r .reason)" = \
        "the run is void, and worth another try: gone in the middle of it were the pods railgauge-t-1.railgauge-t" ]
    [ "$(find "$runs" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
    for folder in "$runs"/*; do scripts/validate "$folder"; done
    [ "$(jq -r .verdict <<<"$last")" = pass ]
}

@test "number 0 evicted in mid-run saves the run as far as it came, and another measures anew" {
    rehearse 2 --args "--start-timeout 600 --duration 8" -- --evict 0 --when "round 2 of"
    [ "$status" = 0 ]
    grep -q "pod 0 ended with status 143 as it was evicted" <<<"$output"
    first=$(tail -n 1 "$out/logs/pod-0.1")
    [ "$(jq -r '[.exit_status, .reason] | @csv' <<<"$first")" = '143,"stopped by SIGTERM"' ]
    folder=$runs/$(jq -r .folder <<<"$first")
    scripts/validate "$folder"
    [ "$(jq -r .status "$folder/run.json")" = incomplete ]
    [ "$(wc -l <"$folder/measurements.ndjson")" -ge 2 ]
    [ "$(jq -r .verdict <<<"$last")" = pass ]
}

@test "without the Secret the Job fails at once, and says what to do" {
    rehearse 2 -- --without-secret
    [ "$status" = 2 ]
    jq -r .reason <<<"$last" | grep -q "ssh-privatekey: the run's ssh key is missing: make the Secret"
}

@test "two pods meet and measure with the image's files alone" {
    image=$(tests/jobs/image) || {
        [ $? = 77 ] && skip "$image"
        return 1
    }
    rehearse 2 -- --root "$image"
    [ "$status" = 0 ]
    [ "$(jq -r .verdict <<<"$last")" = pass ]
    scripts/validate "$runs/$(jq -r .folder <<<"$last")"
}

# --- what needs no rig ---

@test "the Job's capabilities are those without which sshd lets nobody in, and IPC_LOCK" {
    [ "$(id -u)" = 0 ] || skip "not root"
    sshd=$(scripts/softroce.d/build "${SOFTROCE_CACHE:-build/softroce}")/sshd
    alone=(unshare --mount --net --pid --fork --kill-child tests/jobs/rights "$(realpath "$sshd")")
    mapfile -t asked < <(scripts/kubectl kustomize jobs/base | /usr/bin/python3 -c 'import sys, yaml
job = next(d for d in yaml.safe_load_all(sys.stdin) if d["kind"] == "Job")
print(*job["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"], sep="\n")')
    run timeout 60 "${alone[@]}" "${asked[@]}"
    echo "$output"
    [ "${lines[0]}" = in ]
    [ "${#asked[@]}" = 4 ]
    for left_out in "${asked[@]}"; do
        fewer=()
        for capability in "${asked[@]}"; do [ "$capability" = "$left_out" ] || fewer+=("$capability"); done
        run timeout 60 "${alone[@]}" "${fewer[@]}"
        echo "without $left_out: $output"
        if [ "$left_out" = IPC_LOCK ]; then [ "${lines[0]}" = in ]; else grep -q "Operation not permitted" <<<"$output"; fi
    done
}

# --- what cannot be rehearsed is refused; no rig is needed for that ---

refused() { # SED-SCRIPT WORDS
    scripts/submit --machine tests/jobs/rehearsal --nodes 2 --image railgauge:0.1.0 --name t --render | sed "$1" >"$BATS_TEST_TMPDIR/job.yaml"
    run scripts/rehearse "$BATS_TEST_TMPDIR/job.yaml" -o "$out"
    echo "$output"
    [ "$status" = 2 ]
    grep -qF "$2" <<<"$output"
}

@test "bad options are refused, and what no rehearsal left in its folder stays" {
    scripts/submit --machine tests/jobs/rehearsal --nodes 2 --image railgauge:0.1.0 --name t --render >"$BATS_TEST_TMPDIR/job.yaml"
    rm -rf "$out"
    mkdir -p "$out/volumes"
    touch "$out/mine" "$out/key"
    while IFS='|' read -r words told; do
        read -ra list <<<"$words"
        run timeout 20 scripts/rehearse "${list[@]}" "$BATS_TEST_TMPDIR/job.yaml"
        echo "$words: $output"
        [ "$status" = 2 ]
        grep -qF -- "$told" <<<"$output"
        [ -e "$out/mine" ]
        [ -e "$out/key" ]
    done <<CASES
-o $out|holds mine, which no rehearsal left there: take another folder
-o Makefile|Makefile is no folder
-o $out/x --root $out/nothing|--root: $out/nothing is no folder
-o $out/x --key $out/nothing|--key: $out/nothing is no file
-o $out/x --timeout 0|--timeout takes seconds, at least 1, not 0
-o $out/x --absent 2|--absent takes a pod's number, 0 to 1, not 2
-o $out/x --evict -1|--evict takes a pod's number, 0 to 1, not -1
-o /etc|/etc is not below the current folder
CASES
    rm -r "$out"
}

@test "an eviction that never came about is told" {
    mkdir -p "$BATS_TEST_TMPDIR"/{bin,job/logs}
    printf '#!/bin/sh\necho round 1 of 1\n' >"$BATS_TEST_TMPDIR/bin/ssh"
    chmod +x "$BATS_TEST_TMPDIR/bin/ssh"
    echo "pods=1 grace=1 decides=0 evict=0 when='round 2'" >"$BATS_TEST_TMPDIR/job/job"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run timeout 20 bash scripts/rehearse.d/job "$BATS_TEST_TMPDIR/job"
    [ "$status" = 0 ]
    [[ $output = *"pod 0 was never evicted: no pod's log said 'round 2'"*"the Job is complete"* ]]
}

@test "a manifest that cannot be rehearsed is refused with the reason" {
    refused 's/subdomain: .*/subdomain: nowhere/' "the pods' subdomain names the Service 'nowhere', which the manifest has not"
    refused 's/clusterIP: None/clusterIP: 10.0.0.1/' "the Service is not headless"
    refused 's/completions: 2/completions: 8/' "the rig has 1 to 4 pods"
    refused 's/completionMode: .*//' "the Job is not Indexed"
    refused 's/kind: Job/kind: JobSet/' "has 0 Jobs"
    refused 's/- ALL/- NET_RAW/' "does not drop ALL capabilities"
    refused 's/fieldPath: metadata.uid/fieldPath: metadata.labels/' "RAILGAUGE_POD comes from"
    refused 's/^kind: Job/kind: [/' "cannot be read"
    refused 's/^  template:/  tmplate:/' "not a Job as Kubernetes has it"
}
