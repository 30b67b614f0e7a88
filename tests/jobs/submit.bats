#!/usr/bin/env bats
# scripts/submit: what it renders is the real kubectl's; what it asks of a cluster goes to a stand-in (cluster/kubectl).

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    export REAL_KUBECTL WITHOUT=''
    REAL_KUBECTL=$(scripts/kubectl --path 2>"$BATS_FILE_TMPDIR/why") || WITHOUT=$(cat "$BATS_FILE_TMPDIR/why")
}

refute() { # COMMAND...: a mere ! would not fail a test
    if "$@"; then return 1; fi
}

setup() { # Debian's bats takes a skip in setup_file for a failure
    [ -z "$WITHOUT" ] || skip "$WITHOUT"
    cd "$BATS_TEST_DIRNAME/../.." || return
    export CLUSTER=$BATS_TEST_TMPDIR/cluster TMPDIR=$BATS_TEST_TMPDIR/tmp SUBMIT_POLL_S=0.1 PATH=$PWD/tests/jobs/cluster:$PATH
    mkdir "$CLUSTER" "$TMPDIR" "$CLUSTER/runs"
    out=$BATS_TEST_TMPDIR/run
    options=(--machine tests/jobs/rehearsal --nodes 3 --image registry.example/team/railgauge:1.2 --name x)
}

# The Job ends with this verdict and this state. Its run is one file.
job_ends() { # EXIT_STATUS VERDICT STATE SUSPECTS
    mkdir "$CLUSTER/runs/railgauge-x-1"
    echo '{}' >"$CLUSTER/runs/railgauge-x-1/run.json"
    {
        echo "round 1 of 2"
        jq -nc --argjson status "$1" --arg verdict "$2" --argjson suspects "${4:-[]}" '{schema_version: "1.0", document: "job",
            verdict: $verdict, exit_status: $status, reason: null, summary: "3 of 4 expectations are met.", run_id: "20261126T000000Z-0000000a",
            folder: "railgauge-x-1", suspects: $suspects, lost: []}'
    } >"$CLUSTER/log"
    echo "$3" >"$CLUSTER/state"
}

removed() {
    [ "$(sed -n 's/^delete --ignore-not-found --wait=false //p' "$CLUSTER/asked" | tr ' ' '\n' | LC_ALL=C sort | paste -sd ' ')" = \
        "ConfigMap/railgauge-x Job/railgauge-x NetworkPolicy/railgauge-x Service/railgauge-x pod/railgauge-x secret/railgauge-x-ssh" ]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "a run that passes is followed, fetched and told, and nothing is left of it but the volume" {
    job_ends 0 pass "Complete: "
    run --separate-stderr scripts/submit "${options[@]}" --output "$out"
    echo "$output" "$stderr"
    [ "$status" = 0 ]
    [ "${lines[0]}" = "PASS: 3 of 4 expectations are met." ]
    [ "${lines[1]}" = "The run is in $out." ]
    [ "$(cat "$out/run.json")" = '{}' ]
    grep -q '^round 1 of 2$' <<<"$stderr"
    removed
    [ "$(jq -c '[.spec.volumes[].persistentVolumeClaim.claimName, .spec.containers[0].image, .spec.containers[0].securityContext.capabilities]' \
        "$CLUSTER/applied.json")" = '["railgauge-runs","registry.example/team/railgauge:1.2",{"drop":["ALL"]}]' ]
}

@test "a run that fails names the suspect with its node of Kubernetes, and exits with 1" {
    job_ends 1 fail "Failed: Container railgauge for pod railgauge-x-0 failed with exit code 1 matching FailJob rule" \
        '[{"status": "condemned", "part": "tx", "node": "railgauge-x-1", "kubernetes_node": "gke-a3-7", "rail": 0, "sentence": "railgauge-x-1, rail 0, transmit side: 95 % slow."}]'
    run --separate-stderr scripts/submit "${options[@]}" --output "$out"
    [ "$status" = 1 ]
    [ "${lines[1]}" = "suspect, condemned: railgauge-x-1, rail 0, transmit side: 95 % slow. Node: gke-a3-7" ]
    removed
}

@test "what is inconclusive exits with 3, what could not run with 4, and both are cleaned up after" {
    job_ends 3 inconclusive "Failed: exit code 3"
    run scripts/submit "${options[@]}" --output "$out"
    [ "$status" = 3 ]
    removed
    rm -r "${CLUSTER:?}"/*
    mkdir "$CLUSTER/runs"
    job_ends 143 inconclusive "Failed: Job has reached the specified backoff limit"
    run scripts/submit "${options[@]}" --output "$out.2"
    [ "$status" = 4 ]
    removed
}

@test "a Job that ends without a verdict is told, and exits with 4" {
    echo "railgauge-pod: something" >"$CLUSTER/log"
    echo "Failed: Job was active longer than specified deadline" >"$CLUSTER/state"
    run scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 4 ]
    grep -q "the Job has ended: Failed: Job was active longer" <<<"$output"
    grep -q "without a verdict; kubectl describe job/railgauge-x tells more" <<<"$output"
    removed
}

@test "Ctrl-C and SIGTERM while the Job runs remove what was made" {
    for signal in INT:130 TERM:143; do
        rm -f "$CLUSTER/asked" "$out.log"
        echo "round 1 of 2" >"$CLUSTER/log"
        # As a terminal has it: bash ignores SIGINT for what it starts in the background.
        setsid env --default-signal=INT scripts/submit "${options[@]}" --output "$out" >"$out.log" 2>&1 3>&- &
        submit=$!
        for ((i = 0; i < 300; i++)); do
            refute grep -qs '^round 1' "$out.log" || break
            sleep 0.1
        done
        kill "-${signal%:*}" "$submit"
        status=0
        wait "$submit" || status=$?
        cat "$out.log"
        [ "$status" = "${signal#*:}" ]
        removed
        touch "$CLUSTER/state" # for the stand-in's log to end
        sleep 0.2
        rm -f "$CLUSTER/state" "$CLUSTER/followed"
    done
}

@test "what the cluster does not take is told in its words, and removed as far as it was made" {
    echo apply >"$CLUSTER/refuse"
    run scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 4 ]
    grep -q "apply is forbidden" <<<"$output"
    removed
}

@test "a name that another run has is refused, and nothing of that run is touched" {
    touch "$CLUSTER/secret"
    run scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 2 ]
    grep -q "^submit: --name: railgauge-x is there already, and is left alone; take another name" <<<"$output"
    [ "$(cut -d' ' -f1,2 "$CLUSTER/asked")" = "create secret" ]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "a Job that somebody removed ends the waiting, with 4" {
    echo "round 1 of 2" >"$CLUSTER/log"
    echo Gone >"$CLUSTER/state"
    run timeout 60 scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 4 ]
    grep -q "the Job has ended: Gone: somebody removed it" <<<"$output"
    removed
}

@test "a verdict outlives its pod: a Job out of time takes its pods along" {
    job_ends 143 inconclusive "Failed: Job was active longer than specified deadline"
    touch "$CLUSTER/evicted"
    run scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 4 ]
    grep -q "^INCONCLUSIVE: 3 of 4 expectations are met" <<<"$output"
    [ -s "$out/run.json" ]
}

@test "a log whose connection breaks is followed on" {
    job_ends 0 pass "Complete: "
    touch "$CLUSTER/breaks"
    run timeout 60 scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 0 ]
    grep -q '^round 1 of 2$' <<<"$output"
    [ "$(grep -o '^logs -f --tail=[^ ]*' "$CLUSTER/asked" | paste -sd,)" = "logs -f --tail=-1,logs -f --tail=0" ]
}

@test "what keeps pods from running is told while they are waited for" {
    jq -n '{items: [{metadata: {name: "railgauge-x-0-a"}, status: {phase: "Running"}},
        {metadata: {name: "railgauge-x-1-b"}, status: {phase: "Pending", conditions: [{type: "PodScheduled", status: "True"}], containerStatuses: [
            {state: {waiting: {reason: "ContainerCreating"}}}, {state: {waiting: {reason: "ImagePullBackOff", message: "Back-off pulling image \"r/x:1\""}}}]}}]}' \
        >"$CLUSTER/pods.json"
    waits() {
        (
            for ((i = 0; i < 300; i++)); do
                ! grep -qF "$1" "$BATS_TEST_TMPDIR/said" || break
                sleep 0.1
            done
            echo Gone >"$CLUSTER/state"
        ) 3>&- &
        SUBMIT_TELL_S=0 scripts/submit "${options[@]}" --output "$out" >"$BATS_TEST_TMPDIR/said" 2>&1 || true
        wait $!
        cat "$BATS_TEST_TMPDIR/said"
        rm -f "$CLUSTER/state"
        grep -qF "submit: $1" "$BATS_TEST_TMPDIR/said"
    }
    : >"$BATS_TEST_TMPDIR/said"
    waits '1 of 3 pods run; railgauge-x-1-b: ImagePullBackOff: Back-off pulling image "r/x:1"'
    jq '.items |= [.[1]] | .items[0].status |= (.containerStatuses = null | .conditions[0] += {status: "False", reason: "Unschedulable", message: "0/1 nodes are available"})' \
        "$CLUSTER/pods.json" >"$CLUSTER/other.json"
    mv "$CLUSTER/other.json" "$CLUSTER/pods.json"
    waits '0 of 3 pods run; railgauge-x-1-b: Unschedulable: 0/1 nodes are available'
    echo '{"items": []}' >"$CLUSTER/pods.json"
    waits '0 of 3 pods run; kubectl get events tells what the others wait for'
    rm "$CLUSTER/pods.json"
}

@test "what stops the script by accident is no verdict: 4, never 1" {
    echo delete >"$CLUSTER/refuse"
    run scripts/submit --machine a3-ultra --nodes 4 --image registry.example/railgauge:1.2 --nightly
    echo "$output"
    [ "$status" = 4 ]
    grep -q "the key of the nights before cannot be replaced" <<<"$output"
    echo '#!/bin/sh' >"$CLUSTER/ssh-keygen"
    echo 'exit 1' >>"$CLUSTER/ssh-keygen"
    chmod +x "$CLUSTER/ssh-keygen"
    PATH=$CLUSTER:$PATH run scripts/submit "${options[@]}" --output "$out"
    [ "$status" = 4 ]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "without kubectl it says so before it makes anything" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    for program in bash cat cut date dirname grep ls mkdir mktemp realpath rm sed tail; do ln -s "$(command -v $program)" "$BATS_TEST_TMPDIR/bin"; done
    PATH=$BATS_TEST_TMPDIR/bin run scripts/submit "${options[@]}"
    [ "$status" = 4 ]
    [ "$output" = "submit: kubectl is not installed" ]
}

@test "a run that cannot be fetched keeps its verdict, and it is told where the run is" {
    job_ends 1 fail "Failed: exit code 1"
    echo exec >"$CLUSTER/refuse"
    run scripts/submit "${options[@]}" --output "$out"
    echo "$output"
    [ "$status" = 1 ]
    grep -q "still on its volume, in the folder railgauge-x-1" <<<"$output"
    [ ! -e "$out" ]
    removed
}

@test "a folder that leads out of the volume is not fetched" {
    job_ends 0 pass "Complete: "
    sed -i 's|"folder":"railgauge-x-1"|"folder":"../etc"|' "$CLUSTER/log"
    run scripts/submit "${options[@]}" --output "$out"
    [ "$status" = 0 ]
    refute grep '^exec ' "$CLUSTER/asked"
}

@test "--keep removes nothing" {
    job_ends 0 pass "Complete: "
    scripts/submit "${options[@]}" --output "$out" --keep
    refute grep '^delete' "$CLUSTER/asked"
}

@test "the key goes to the cluster, and nowhere else" {
    job_ends 0 pass "Complete: "
    bash -x scripts/submit "${options[@]}" --output "$out" >"$BATS_TEST_TMPDIR/said" 2>&1
    secret=$(sed -n 3p "$CLUSTER/key")
    [ "${#secret}" = 70 ]
    refute grep -rF "$secret" "$BATS_TEST_TMPDIR/said" "$CLUSTER"/applied* "$CLUSTER/asked" "$out" "$TMPDIR"
}

@test "--render makes all that is the run's its own, and asks no cluster" {
    run --separate-stderr scripts/submit "${options[@]}" --suite quick --args "--duration 2" --wait 77 --namespace bench --render
    [ "$status" = 0 ]
    [ ! -e "$CLUSTER/asked" ]
    /usr/bin/python3 - <<'PYTHON' "$output"
import sys, yaml
of = {d["kind"]: d for d in yaml.safe_load_all(sys.argv[1]) if d["metadata"]["name"] != "railgauge-suite"}
job, pod = of["Job"]["spec"], of["Job"]["spec"]["template"]["spec"]
own = {"app.kubernetes.io/name": "railgauge", "app.kubernetes.io/instance": "railgauge-x"}
assert {k: d["metadata"]["name"] for k, d in of.items()} == {**dict.fromkeys(("Job", "Service", "ConfigMap", "NetworkPolicy"), "railgauge-x"),
    "PersistentVolumeClaim": "railgauge-runs"}, of.keys()
assert all(d["metadata"]["namespace"] == "bench" for d in of.values())
assert (job["completions"], job["parallelism"], pod["subdomain"]) == (3, 3, "railgauge-x")
assert of["Service"]["spec"]["selector"] == own == job["template"]["metadata"]["labels"]
policy = of["NetworkPolicy"]["spec"]
assert policy["podSelector"]["matchLabels"] == own == policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
assert policy["egress"][0]["to"][0]["podSelector"]["matchLabels"] == own
assert policy["egress"][1]["to"][0] == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
volumes = {v["name"]: v for v in pod["volumes"]}
assert volumes["ssh"]["secret"] == {"secretName": "railgauge-x-ssh", "defaultMode": 0o400, "optional": True}
assert volumes["runs"] == {"name": "runs", "persistentVolumeClaim": {"claimName": "railgauge-runs"}}
container = pod["containers"][0]
assert container["image"] == "registry.example/team/railgauge:1.2" and container["envFrom"] == [{"configMapRef": {"name": "railgauge-x"}}]
data = of["ConfigMap"]["data"]
assert [data["RAILGAUGE_" + n] for n in ("NODES", "SUITE", "ARGS", "WAIT_S")] == ["3", "quick", "--duration 2", "77"]
PYTHON
}

@test "--nightly makes the key and the CronJob, and leaves them there" {
    run scripts/submit --machine a3-ultra --nodes 4 --image registry.example/railgauge:1.2 --nightly --namespace n
    echo "$output"
    [ "$status" = 0 ]
    [[ $output = *"to remove it: kubectl delete --namespace n secret/railgauge-nightly-ssh ConfigMap/railgauge-nightly Service/railgauge-nightly CronJob/railgauge-nightly NetworkPolicy/railgauge-nightly" ]]
    cat "$CLUSTER/asked"
    grep -q '^--namespace n create secret generic railgauge-nightly-ssh ' "$CLUSTER/asked"
    refute grep 'delete.*CronJob' "$CLUSTER/asked"
    [ -z "$(ls "$TMPDIR")" ]
    /usr/bin/python3 - "$CLUSTER/applied.yaml" <<'PYTHON'
import sys, yaml
cron = next(d for d in yaml.safe_load_all(open(sys.argv[1])) if d["kind"] == "CronJob")
job = cron["spec"]["jobTemplate"]["spec"]
assert (cron["metadata"]["name"], job["completions"], job["parallelism"]) == ("railgauge-nightly", 4, 4)
assert job["template"]["spec"]["containers"][0]["image"] == "registry.example/railgauge:1.2"
PYTHON
}

@test "each bad value is refused with what it has to be, before anything is made" {
    while IFS='|' read -r words told; do
        read -ra list <<<"$words"
        run scripts/submit "${options[@]}" "${list[@]}"
        echo "$words: $output"
        [ "$status" = 2 ]
        grep -qF -- "$told" <<<"$output"
    done <<'CASES'
--nodes 1|--nodes takes a number from 2 to 1024
--nodes 3x|--nodes takes a number
--nodes 99999|--nodes takes a number
--image registry.example/railgauge|give it a tag other than latest, or a digest
--image localhost:5000/railgauge|give it a tag other than latest, or a digest
--image registry.example/railgauge:latest|give it a tag other than latest, or a digest
--image registry.example/rail"gauge:1|--image takes a name as
--image registry.example/railgauge@sha256:12|--image takes a name as
--suite quick"|--suite takes a suite's name
--suite quik|there is no jobs/suites/quik.json; there are: acceptance capacity
--args $(id)|--args takes plain words
--name X|--name takes lower-case letters
--name x-|--name takes lower-case letters and digits, with dashes only between them
--name nightly|what runs at night is called nightly, and nothing else is
--name aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee|--name takes at most 40 letters
--namespace a_b|--namespace takes lower-case letters
--wait 0|--wait takes a number
--machine nowhere|there are: a3-high a3-mega a3-ultra a4 gvnic
--machine a;b|--machine takes the name of a machine
--component nothing|there is no jobs/components/nothing
--component jobset|have no Job, which is what is followed here
--nightly|what runs at night is called nightly
--output tests|tests exists already
--frobnicate|unknown option '--frobnicate'
--suite|--suite needs a value
CASES
    [ ! -e "$CLUSTER/asked" ]
    [ -z "$(ls "$TMPDIR")" ]
    for missing in machine nodes image; do
        words=(--machine gvnic --nodes 2 --image r/x:1)
        for i in 0 2 4; do [ "${words[i]}" != "--$missing" ] || unset "words[i]" "words[i+1]"; done
        run scripts/submit "${words[@]}"
        [ "$status" = 2 ]
        grep -q -- "--$missing is missing" <<<"$output"
    done
}
