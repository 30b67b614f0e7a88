#!/usr/bin/env bats
# The manifests of jobs/: they render, are what Kubernetes and the custom resources' definitions ask for, keep to the policy, and fit each other.

load parts

machines=(a3-ultra a4 a3-mega a3-high gvnic)

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    fetch_parts
    [ -z "$WITHOUT" ] || return 0
    # Every kustomization once, and what components make of machines; then all of it as one JSON document.
    export RENDERED=$BATS_FILE_TMPDIR/rendered SAID=$BATS_FILE_TMPDIR/said
    mkdir -p "$RENDERED" "$SAID"
    local folder machine component
    {
        grep -rl '^kind: Kustomization' jobs --include=kustomization.yaml | xargs dirname | sort
        for machine in "${machines[@]}"; do
            for component in jobset mpijob kueue gcs-fuse workload-identity nightly; do combine "$machine" $component; done
        done
        for machine in a3-ultra a4; do combine $machine dranet; done
        combine a3-ultra dranet gcs-fuse jobset kueue
        combine a4 dranet workload-identity mpijob kueue
        combine a4 dranet workload-identity nightly
        combine a3-mega gcs-fuse mpijob kueue
        combine gvnic gcs-fuse jobset kueue
    } | xargs -P 2 -I{} bash -c 'name=$(sed "s,^.*/own/,,; s,/,+,g" <<<{})
        "$KUBECTL" kustomize --load-restrictor=LoadRestrictionsNone {} >"$RENDERED/$name" 2>"$SAID/$name"'
    cd "$RENDERED" || return
    node "$BATS_TEST_DIRNAME/manifests.mjs" --json -- * >"$BATS_FILE_TMPDIR/all.json" || true
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || exit 1
    skip_without_parts
}

# Makes a folder as a user would have, and prints its path: the machine with components. A suffix stands for the renaming of a run.
combine() { # MACHINE COMPONENT...
    local folder up
    folder=$BATS_FILE_TMPDIR/own/$(IFS=+ && echo "$*")
    mkdir -p "$folder"
    up=$(realpath --relative-to="$folder" jobs)
    {
        printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnameSuffix: -x\nresources: [%s]\ncomponents:\n' "$up/machines/$1"
        printf "  - $up/components/%s\n" "${@:2}"
    } >"$folder/kustomization.yaml"
    echo "$folder"
}

check() { node tests/jobs/manifests.mjs "$@"; }

check_rendered() { # OPTION...
    cd "$RENDERED" || return
    node "$BATS_TEST_DIRNAME/manifests.mjs" "$@" -- *
}

# What was rendered under a name, an array of manifests, for jq.
of() { # NAME JQ_ARGUMENT...
    jq --arg name "$1" '.[$name] // error("nothing was rendered as " + $name)' "$BATS_FILE_TMPDIR/all.json" | jq "${@:2}"
}

# Of all that was rendered, the names of what is not as the jq filter says.
that_is_not() { # JQ_FILTER
    jq -r "to_entries[] | select(.value | $1 | not).key" "$BATS_FILE_TMPDIR/all.json"
}

# The pods of whatever runs them.
pods='[.. | objects | select(has("containers"))]'

@test "every kustomization renders, and every component with the machines that it is for" {
    run find "$SAID" -type f -size +0 -exec grep -H . {} +
    echo "$output"
    [ -z "$output" ]
    [ "$(find "$RENDERED" -type f -size +0 | wc -l)" -ge 65 ]
    for component in jobs/components/*/; do
        component=$(basename "$component")
        case $component in gpu | rdma | smoke) continue ;; esac # parts of machines, and of jobs/smoke
        for machine in "${machines[@]}"; do
            [ "$component" != dranet ] || [[ $machine =~ ^(a3-ultra|a4)$ ]] || continue
            [ -s "$RENDERED/$machine+$component" ] || { echo "$component is not tried with $machine" && false; }
        done
    done
}

@test "every manifest is what the API server would take, and keeps to the policy" {
    run check_rendered
    echo "$output"
    [ "$status" = 0 ]
    [ -z "$output" ]
}

@test "each rule fails what breaks it, and that alone" {
    run check tests/jobs/good.yaml
    [ "$status" = 0 ]
    check --json tests/jobs/good.yaml | jq '.[]' >"$BATS_TEST_TMPDIR/good.json"
    local line n=0
    while IFS= read -r line; do
        [[ $line == *' => '* ]] || continue
        n=$((n + 1))
        jq -c "${line%% => *} | .[] | ., \"---\"" "$BATS_TEST_TMPDIR/good.json" | sed 's/^"---"$/---/' >"$BATS_TEST_TMPDIR/$n"
        echo "$BATS_TEST_TMPDIR/$n: ${line#* => }" >>"$BATS_TEST_TMPDIR/expected"
    done <tests/jobs/broken
    [ $n -ge 35 ]
    run check $(seq -f "$BATS_TEST_TMPDIR/%g" "$n")
    [ "$status" = 1 ]
    diff <(echo "$output") "$BATS_TEST_TMPDIR/expected"
    # No rule is left out.
    for rule in $(sed -n 's/^    "\{0,1\}\([a-z-]*\)"\{0,1\}: (.*) =>.*/\1/p' tests/jobs/policy.mjs | sort -u) schema; do
        grep -q ": $rule: " "$BATS_TEST_TMPDIR/expected" || { echo "nothing breaks the rule $rule" && false; }
    done
}

@test "a key twice, an alias that leads nowhere and an empty file are faults" {
    printf 'apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: a}\n' >"$BATS_TEST_TMPDIR/twice"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: *b\n' >"$BATS_TEST_TMPDIR/alias"
    : >"$BATS_TEST_TMPDIR/empty"
    for file in twice alias empty; do
        run check "$BATS_TEST_TMPDIR/$file"
        [ "$status" = 1 ]
    done
}

@test "every exception is needed" {
    check_rendered --all | sed 's/^[^:]*: //' >"$BATS_TEST_TMPDIR/all" || true
    [ -s "$BATS_TEST_TMPDIR/all" ]
    while read -r exception; do
        grep -qP "^$exception" "$BATS_TEST_TMPDIR/all" || { echo "nothing needs: $exception" && false; }
    done < <(grep -v '^#' tests/jobs/exceptions | grep .)
}

@test "machines and suites that manifests name are there, and a machine's folder is called like it" {
    for machine in "${machines[@]}"; do
        of "jobs+machines+$machine" -r '.[] | select(.kind == "ConfigMap").data |
            .RAILGAUGE_MACHINE, .RAILGAUGE_SUITE' >"$BATS_TEST_TMPDIR/named"
        { read -r named && read -r suite; } <"$BATS_TEST_TMPDIR/named"
        [ "$named" = "$machine" ] || [ "$machine, expecting: $named" = "gvnic, expecting: " ]
        [ -z "$named" ] || [ -s "results-schema/machines/$named.json" ] || { echo "no machine $named" && false; }
        [ -s "jobs/suites/$suite.json" ] || { echo "no suite $suite, of $machine" && false; }
    done
    [ "$(ls jobs/machines)" = "$(printf '%s\n' "${machines[@]}" | sort)" ]
}

# Whether a suite measures something that a machine's file has a figure for, whatever the nodes have: not only by memory of choice.
can_pass() { # MACHINE SUITE
    jq -e --slurpfile suite "jobs/suites/$2.json" '$suite[0] as $suite | any(.expectations[] | select(.expected != null); . as $e
        | any($suite.tests[] | $suite.defaults + .; .test == $e.test and .memory == $e.memory and (.direction // "one_way") == ($e.direction // "one_way")
            and (.queue_pairs == $e.queue_pairs or $e.queue_pairs == null)
            and ([.sizes_bytes] | flatten | index($e.size_bytes) != null)))' "results-schema/machines/$1.json"
}

@test "a machine's run and its night can pass: its file has a figure for something that they measure" {
    for machine in a3-ultra a4 a3-mega a3-high; do
        for kind in machines nightly; do
            suite=$(of "jobs+$kind+$machine" -r '.[] | select(.kind == "ConfigMap").data.RAILGAUGE_SUITE')
            can_pass "$machine" "$suite" || { echo "$machine, by $suite of jobs/$kind" && false; }
        done
        [[ $machine =~ mega|high ]] || can_pass "$machine" capacity
    done
}

@test "a pod's interfaces are the networks of its machine, in order, and as many as the machine has rails" {
    for machine in a3-ultra a4 a3-mega a3-high; do
        of "jobs+network+$machine" -r '.[] | select(.kind == "Network").metadata.name' | sort >"$BATS_TEST_TMPDIR/there"
        of "jobs+machines+$machine" -r '.[] | select(.kind == "Job").spec.template.metadata.annotations
            | .["networking.gke.io/interfaces"] | fromjson | .[] | .interfaceName + " " + .network' >"$BATS_TEST_TMPDIR/asked"
        [ "$(head -n 1 "$BATS_TEST_TMPDIR/asked")" = 'eth0 default' ]
        diff <(sed 1d "$BATS_TEST_TMPDIR/asked" | cut -d' ' -f2) "$BATS_TEST_TMPDIR/there"
        [ "$(grep -cE 'rdma-|gpu-' "$BATS_TEST_TMPDIR/asked")" = "$(jq .rails "results-schema/machines/$machine.json")" ]
        [ -z "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/asked" | uniq -d)" ]
        of "jobs+network+$machine" -e '[.[] | select(.kind == "Network").spec.parametersRef.name] ==
            [.[] | select(.kind == "GKENetworkParamSet").metadata.name]'
    done
}

@test "a machine's pods find its drivers: what they mount is what the installers of its GPUs write" {
    for machine in a3-ultra a4 a3-mega a3-high; do
        accelerator=$(of "jobs+machines+$machine" -r '.[] | select(.kind == "Job").spec.template.spec
            .nodeSelector["cloud.google.com/gke-accelerator"]')
        of "jobs+drivers+$machine" . >"$BATS_TEST_TMPDIR/drivers"
        jq -e --arg wanted "$accelerator" '[.[].spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
            .nodeSelectorTerms[].matchExpressions[].values | index($wanted) != null] | length > 0 and all' "$BATS_TEST_TMPDIR/drivers"
    done
    for pair in a3-mega:nccl-plugin-gpudirecttcpx-dev:v1.0.15:tcpgpudmarxd-dev:v1.0.21 a3-high:nccl-plugin-gpudirecttcpx-dev:v3.1.9:tcpgpudmarxd-dev:v2.0.12; do
        IFS=: read -r machine plugin plugin_version daemon daemon_version <<<"$pair" # which go together, by Google's release notes
        grep -q "/$plugin:$plugin_version\$" "$RENDERED/jobs+drivers+$machine"
        grep -q "/$daemon:$daemon_version\$" "$RENDERED/jobs+machines+$machine"
    done
}

@test "the first container, which gets the RDMA devices, is railgauge; a daemon beside it is a sidecar that ends with it" {
    run that_is_not "[.[] | select(.metadata.labels[\"app.kubernetes.io/name\"] == \"railgauge\")] | $pods | all(
        .containers[0].name == \"railgauge\" and (.containers | length) == 1 and ([.initContainers[]? | .restartPolicy == \"Always\"] | all))"
    [ "$status" = 0 ]
    [ -z "$output" ]
}

@test "a pod has all of a GPU machine's GPUs, and asks for nothing that the machine has not" {
    declare -A cpus=([a3-ultra]=224 [a4]=224 [a3-mega]=208 [a3-high]=208)
    for machine in a3-ultra a4 a3-mega a3-high; do
        of "jobs+machines+$machine" -e --argjson cpus "${cpus[$machine]}" '.[] | select(.kind == "Job").spec.template.spec |
            .containers[0].resources.limits["nvidia.com/gpu"] == 8 and
            ([.containers[], .initContainers[]? | .resources.requests.cpu | tonumber] | add <= $cpus * 0.9)'
    done
}

@test "what TCP takes of processors is not kept down" {
    of jobs+machines+gvnic -e '.[] | select(.kind == "Job").spec.template.spec.containers[0].resources |
        (.limits.cpu | tonumber) >= 256 and (.requests.cpu | tonumber) <= 4'
}

@test "a JobSet, an MPIJob and a CronJob run the very pods of the machine's Job" {
    # What each says itself is left out: which pod it is, and when it is tidied away.
    local own='del(.subdomain) | .containers[0].env |= map(select(.name | test("^(JOB_COMPLETION_INDEX|RAILGAUGE_HOSTFILE)$") | not))'
    for machine in "${machines[@]}"; do
        of "jobs+machines+$machine" -S ".[] | select(.kind == \"Job\").spec.template.spec | $own" | sed 's/railgauge-x/railgauge/' >"$BATS_TEST_TMPDIR/job"
        for kind in jobset mpijob nightly; do
            of "$machine+$kind" . >"$BATS_TEST_TMPDIR/other"
            [ "$(jq '[.[] | select(.kind == "Job")] | length' "$BATS_TEST_TMPDIR/other")" = 0 ]
            jq -S "$pods"' | .[]' "$BATS_TEST_TMPDIR/other" | jq -S "$own" | sed 's/\(railgauge\|railgauge-runs\)-x"/\1"/' | jq -Ss 'unique' >"$BATS_TEST_TMPDIR/pods"
            diff <(jq -Ss . "$BATS_TEST_TMPDIR/job") "$BATS_TEST_TMPDIR/pods"
        done
    done
}

@test "names that change for a run change wherever they are used" {
    [ "$(jq -r '[keys[] | select(test("^jobs") | not)] | length' "$BATS_FILE_TMPDIR/all.json")" -ge 35 ]
    run that_is_not "([.[] | select(.kind == \"ConfigMap\").metadata.name] | map(select(test(\"^railgauge\")))) as \$settings
        | ([.[] | select(.kind == \"Service\").metadata.name][0]) as \$service
        | [.[] | select(.metadata.labels[\"app.kubernetes.io/name\"] == \"railgauge\")] | $pods
        | all((.containers[0].envFrom[0].configMapRef.name | IN(\$settings[])) and .subdomain == \$service)"
    [ "$status" = 0 ]
    [ -z "$output" ]
}

@test "an MPIJob's launcher is number 0 and reads who the workers are; its operator makes Service and key" {
    of "a3-ultra+mpijob" . >"$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "Service")] | length == 0' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "MPIJob").spec | .runLauncherAsWorker and
        (.mpiReplicaSpecs | map_values([.template.spec.containers[0].env[] | select(.name | test("INDEX|HOSTFILE"))
            | .name + "=" + .value]) == {Launcher: ["JOB_COMPLETION_INDEX=0", "RAILGAUGE_HOSTFILE=/etc/mpi/hostfile"],
                Worker: ["JOB_COMPLETION_INDEX=1"]})' "$BATS_TEST_TMPDIR/all"
    # Its key is where pods look for it.
    jq -e '.[] | select(.kind == "MPIJob") | .spec.mpiReplicaSpecs[].template.spec.volumes[] | select(.name == "ssh").secret.secretName == "railgauge-ssh"' \
        "$BATS_TEST_TMPDIR/all"
}

@test "a run succeeds with its number 0, a smoke test with each of its pods" {
    for machine in "${machines[@]}"; do
        of "jobs+machines+$machine" -e '.[] | select(.kind == "Job").spec.successPolicy.rules == [{succeededIndexes: "0"}]'
    done
    for machine in a3-ultra a4 a3-mega a3-high; do
        of "jobs+smoke+$machine" -e '.[] | select(.kind == "Job").spec | has("successPolicy") | not'
    done
}

@test "with claims for the rails there are no annotations for them, and a claim for each" {
    of "a3-ultra+dranet" . >"$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "Job").spec.template | (.metadata.annotations // {} | has("networking.gke.io/interfaces") | not) and
        .spec.containers[0].resources.claims == [{name: "rails"}]' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "ResourceClaimTemplate") | .spec.spec.devices.requests[0].exactly.count == 8' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "ResourceClaimTemplate") | .metadata.name == "railgauge-rails-x"' "$BATS_TEST_TMPDIR/all"
    for name in a3-ultra+dranet a3-ultra+dranet+gcs-fuse+jobset+kueue a4+dranet+workload-identity+mpijob+kueue a4+dranet+workload-identity+nightly; do
        of "$name" -e "$pods"' | length > 0 and all(.resourceClaims == [{name: "rails", resourceClaimTemplateName: "railgauge-rails-x"}])'
    done
}

@test "what waits in a queue asks it for nodes close to each other, whatever runs the pods" {
    local templates='[.. | objects | select(.spec.containers? and .metadata?)]'
    for name in a3-ultra+kueue gvnic+kueue a3-ultra+dranet+gcs-fuse+jobset+kueue a4+dranet+workload-identity+mpijob+kueue a3-mega+gcs-fuse+mpijob+kueue; do
        of "$name" -e "$templates"' | length > 0 and all(.metadata.annotations["kueue.x-k8s.io/podset-preferred-topology"]
            == "cloud.google.com/gce-topology-block")' || { echo "$name" && false; }
        of "$name" -e '.[] | select(.kind | IN("Job", "JobSet", "MPIJob")).metadata.labels["kueue.x-k8s.io/queue-name"] == "railgauge"'
    done
    of a4+dranet+workload-identity+mpijob+kueue -e "$templates"' | map(.metadata.annotations["kueue.x-k8s.io/podset-group-name"]) == ["railgauge", "railgauge"]'
}

@test "a bucket takes the claim's place, and the pods may reach it" {
    of "a4+gcs-fuse" . >"$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "PersistentVolumeClaim")] | length == 0' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "Job").spec.template | .metadata.annotations["gke-gcsfuse/volumes"] == "true" and
        ([.spec.volumes[] | select(.name == "runs") | keys] == [["csi", "name"]])' "$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "NetworkPolicy").spec.egress[].ports[]?.port] | contains([443, 988])' "$BATS_TEST_TMPDIR/all"
}

@test "a night never meets another, fails when something gets worse, and is apart from runs by hand" {
    for machine in "${machines[@]}"; do
        of "jobs+nightly+$machine" . >"$BATS_TEST_TMPDIR/all"
        jq -e '.[] | select(.kind == "CronJob") | .spec.concurrencyPolicy == "Forbid" and .metadata.name == "railgauge-nightly"' "$BATS_TEST_TMPDIR/all"
        jq -e '.[] | select(.kind == "ConfigMap").data.RAILGAUGE_AFTER == "railgauge-nightly"' "$BATS_TEST_TMPDIR/all"
        jq -e '[.. | objects | .["app.kubernetes.io/instance"]? // empty] | unique == ["railgauge-nightly"]' "$BATS_TEST_TMPDIR/all"
        jq -e '[.[] | select(.kind == "CronJob").spec.jobTemplate.spec.template.spec.volumes[].secret.secretName // empty] == ["railgauge-nightly-ssh"]' "$BATS_TEST_TMPDIR/all"
    done
    [ -x jobs/image/railgauge-nightly ]
    grep -q railgauge-nightly jobs/image/Containerfile
}

@test "what scripts/submit renders of each machine, by day and by night, is fit for a cluster, too" {
    PATH=$(dirname "$KUBECTL"):$PATH
    local machine files=()
    for machine in "${machines[@]}"; do
        scripts/submit --render --machine "$machine" --nodes 3 --image registry.example/railgauge:0.1.0 --name x >"$BATS_TEST_TMPDIR/$machine"
        scripts/submit --render --nightly --machine "$machine" --nodes 3 --image registry.example/railgauge:0.1.0 >"$BATS_TEST_TMPDIR/$machine-nightly"
        files+=("$BATS_TEST_TMPDIR/$machine" "$BATS_TEST_TMPDIR/$machine-nightly")
    done
    run check "${files[@]}"
    echo "$output"
    [ "$status" = 0 ]
    check --json "${files[@]}" | jq -e 'map(.[] | select(.kind | IN("Job", "CronJob")) | .spec | (.jobTemplate.spec // .) | .completions == 3) | length == 10 and all'
}

@test "the scripts in manifests are what a shell can read" {
    local n
    jq -c "[to_entries[] | select(.key | test(\"^jobs\")).value] | $pods"' | [.[] | .initContainers[]?, .containers[]
        | select(.command[-1]? | IN("-ec", "-c")) | .args[0]] | unique | .[]' "$BATS_FILE_TMPDIR/all.json" >"$BATS_TEST_TMPDIR/scripts"
    n=$(wc -l <"$BATS_TEST_TMPDIR/scripts")
    [ "$n" -ge 5 ]
    for ((; n > 0; n--)); do
        jq -r . <(sed -n "${n}p" "$BATS_TEST_TMPDIR/scripts") >"$BATS_TEST_TMPDIR/script"
        shellcheck --shell=sh --severity=warning "$BATS_TEST_TMPDIR/script"
    done
}
