#!/usr/bin/env bats
# The manifests of jobs/: they render, are what Kubernetes and the custom resources' definitions ask for, keep to the policy, and fit each other. JOBS_PARTS
# has the packages of package.json.

machines=(a3-ultra a4 a3-mega a3-high gvnic)

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    # Every kustomization once; and what components make of machines.
    export RENDERED=$BATS_FILE_TMPDIR/rendered
    mkdir -p "$RENDERED"
    local folder machine
    while read -r folder; do
        grep -q '^kind: Component' "$folder/kustomization.yaml" || render "$folder" "${folder//\//+}"
    done < <(find jobs -name kustomization.yaml -printf '%h\n' | sort)
    for machine in a3-ultra a4; do
        combine "$machine" dranet
        combine "$machine" dranet gcs-fuse jobset kueue
        combine "$machine" dranet workload-identity mpijob kueue
        combine "$machine" dranet nightly
    done
    for machine in a3-ultra a4 a3-mega a3-high gvnic; do
        for component in jobset mpijob kueue gcs-fuse workload-identity nightly; do combine "$machine" $component; done
        combine "$machine" gcs-fuse jobset kueue
        combine "$machine" gcs-fuse mpijob kueue
        combine "$machine" workload-identity nightly
    done
}

setup() { cd "$BATS_TEST_DIRNAME/../.." || exit 1; }

render() { # FOLDER NAME
    scripts/kubectl kustomize --load-restrictor=LoadRestrictionsNone "$1" >"$RENDERED/$2.yaml" 2>"$RENDERED/$2.error" || true
}

# As a user would who has jobs/ beside a folder of their own. A suffix stands for the renaming of a run.
combine() { # MACHINE COMPONENT...
    local folder=$BATS_FILE_TMPDIR/own
    rm -rf "$folder" && mkdir -p "$folder"
    {
        printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnameSuffix: -x\n'
        printf 'resources: [%s]\ncomponents:\n' "$(realpath --relative-to="$folder" "jobs/machines/$1")"
        for component in "${@:2}"; do echo "  - $(realpath --relative-to="$folder" "jobs/components/$component")"; done
    } >"$folder/kustomization.yaml"
    render "$folder" "$(IFS=+ && echo "$*")"
}

check() { node tests/jobs/manifests.mjs "$@"; }

documents() { check --json "$@"; }

# The pods of whatever runs them, with that one's name.
pods='[.. | objects | select(has("containers"))]'

@test "every kustomization renders, and every component with the machines that it is for" {
    for error in "$RENDERED"/*.error; do
        [ ! -s "$error" ] || { echo "$error" && cat "$error" && false; }
    done
    [ "$(find "$RENDERED" -name '*.yaml' -size +0 | wc -l)" -gt 60 ]
    for component in jobs/components/*/; do
        component=$(basename "$component")
        case $component in gpu | rdma | smoke) continue ;; esac # parts of machines, and of jobs/smoke
        for machine in "${machines[@]}"; do
            [ "$component" != dranet ] || [[ $machine =~ ^(a3-ultra|a4)$ ]] || continue
            [ -s "$RENDERED/$machine+$component.yaml" ] || { echo "$component is not tried with $machine" && false; }
        done
    done
}

@test "every manifest is what the API server would take, and keeps to the policy" {
    run check "$RENDERED"/*.yaml
    echo "$output"
    [ "$status" = 0 ]
    [ -z "$output" ]
}

@test "each rule fails what breaks it, and that alone" {
    run check tests/jobs/good.yaml
    [ "$status" = 0 ]
    documents tests/jobs/good.yaml >"$BATS_TEST_TMPDIR/good.json"
    local line n=0
    while IFS= read -r line; do
        [[ $line == *' => '* ]] || continue
        n=$((n + 1))
        jq -c "${line%% => *} | .[] | ., \"---\"" "$BATS_TEST_TMPDIR/good.json" | sed 's/^"---"$/---/' >"$BATS_TEST_TMPDIR/$n"
        echo "$BATS_TEST_TMPDIR/$n: ${line#* => }" >>"$BATS_TEST_TMPDIR/expected"
    done <tests/jobs/broken
    [ $n -ge 35 ]
    run check $(seq -f "$BATS_TEST_TMPDIR/%g" $n)
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
    check --all "$RENDERED"/*.yaml | sed 's/^[^:]*: //' >"$BATS_TEST_TMPDIR/all" || true
    [ -s "$BATS_TEST_TMPDIR/all" ]
    while read -r exception; do
        grep -qP "^$exception" "$BATS_TEST_TMPDIR/all" || { echo "nothing needs: $exception" && false; }
    done < <(grep -v '^#' tests/jobs/exceptions | grep .)
}

@test "machines and suites that manifests name are there, and a machine's folder is called like it" {
    for machine in "${machines[@]}"; do
        documents "$RENDERED/jobs+machines+$machine.yaml" | jq -r '.[] | select(.kind == "ConfigMap").data |
            .RAILGAUGE_MACHINE, .RAILGAUGE_SUITE' >"$BATS_TEST_TMPDIR/named"
        { read -r named && read -r suite; } <"$BATS_TEST_TMPDIR/named"
        [ "$named" = "$machine" ]
        [ -s "results-schema/machines/$named.json" ] || { echo "no machine $named" && false; }
        [ -s "jobs/suites/$suite.json" ] || { echo "no suite $suite, of $machine" && false; }
    done
    [ "$(ls jobs/machines)" = "$(printf '%s\n' "${machines[@]}" | sort)" ]
}

@test "a pod's interfaces are the networks of its machine, in order, and as many as the machine has rails" {
    for machine in a3-ultra a4 a3-mega a3-high; do
        documents "$RENDERED/jobs+network+$machine.yaml" | jq -r '.[] | select(.kind == "Network").metadata.name' | sort >"$BATS_TEST_TMPDIR/there"
        documents "$RENDERED/jobs+machines+$machine.yaml" | jq -r '.[] | select(.kind == "Job").spec.template.metadata.annotations
            | .["networking.gke.io/interfaces"] | fromjson | .[] | .interfaceName + " " + .network' >"$BATS_TEST_TMPDIR/asked"
        [ "$(head -n 1 "$BATS_TEST_TMPDIR/asked")" = 'eth0 default' ]
        diff <(sed 1d "$BATS_TEST_TMPDIR/asked" | cut -d' ' -f2) "$BATS_TEST_TMPDIR/there"
        [ "$(grep -cE 'rdma-|gpu-' "$BATS_TEST_TMPDIR/asked")" = "$(jq .rails "results-schema/machines/$machine.json")" ]
        [ -z "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/asked" | uniq -d)" ]
        documents "$RENDERED/jobs+network+$machine.yaml" | jq -e '[.[] | select(.kind == "Network").spec.parametersRef.name] ==
            [.[] | select(.kind == "GKENetworkParamSet").metadata.name]'
    done
}

@test "a machine's pods find its drivers: what they mount is what the installers of its GPUs write" {
    for machine in a3-ultra a4 a3-mega a3-high; do
        accelerator=$(documents "$RENDERED/jobs+machines+$machine.yaml" | jq -r '.[] | select(.kind == "Job").spec.template.spec
            .nodeSelector["cloud.google.com/gke-accelerator"]')
        documents "$RENDERED/jobs+drivers+$machine.yaml" >"$BATS_TEST_TMPDIR/drivers"
        jq -e --arg wanted "$accelerator" '[.[].spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
            .nodeSelectorTerms[].matchExpressions[].values | index($wanted) != null] | length > 0 and all' "$BATS_TEST_TMPDIR/drivers"
    done
    for pair in a3-mega:nccl-plugin-gpudirecttcpx-dev:v1.0.15:tcpgpudmarxd-dev:v1.0.21 a3-high:nccl-plugin-gpudirecttcpx-dev:v3.1.9:tcpgpudmarxd-dev:v2.0.12; do
        IFS=: read -r machine plugin plugin_version daemon daemon_version <<<"$pair" # which go together, by Google's release notes
        grep -q "/$plugin:$plugin_version\$" "$RENDERED/jobs+drivers+$machine.yaml"
        grep -q "/$daemon:$daemon_version\$" "$RENDERED/jobs+machines+$machine.yaml"
    done
}

@test "the first container, which gets the RDMA devices, is railgauge; a daemon beside it is a sidecar that ends with it" {
    for file in "$RENDERED"/*.yaml; do
        documents "$file" | jq -e --arg file "$file" "[.[] | select(.metadata.labels[\"app.kubernetes.io/name\"] == \"railgauge\")] | $pods"' |
            all(.containers[0].name == "railgauge" and (.containers | length) == 1 and ([.initContainers[]? | .restartPolicy == "Always"] | all))' >/dev/null ||
            { echo "$file" && false; }
    done
}

@test "a pod has all of a GPU machine's GPUs, and asks for nothing that the machine has not" {
    declare -A cpus=([a3-ultra]=224 [a4]=224 [a3-mega]=208 [a3-high]=208)
    for machine in a3-ultra a4 a3-mega a3-high; do
        documents "$RENDERED/jobs+machines+$machine.yaml" | jq -e --argjson cpus "${cpus[$machine]}" '.[] | select(.kind == "Job").spec.template.spec |
            .containers[0].resources.limits["nvidia.com/gpu"] == 8 and
            ([.containers[], .initContainers[]? | .resources.requests.cpu | tonumber] | add <= $cpus * 0.9)'
    done
}

@test "a JobSet, an MPIJob and a CronJob run the very pods of the machine's Job" {
    # What each says itself is left out: which pod it is, and when it is tidied away.
    local own='del(.subdomain) | .containers[0].env |= map(select(.name | test("^(JOB_COMPLETION_INDEX|RAILGAUGE_HOSTFILE)$") | not))'
    for machine in "${machines[@]}"; do
        documents "$RENDERED/jobs+machines+$machine.yaml" | jq -S ".[] | select(.kind == \"Job\").spec.template.spec | $own" | sed 's/railgauge-x/railgauge/' >"$BATS_TEST_TMPDIR/job"
        for kind in jobset mpijob nightly; do
            documents "$RENDERED/$machine+$kind.yaml" >"$BATS_TEST_TMPDIR/other"
            [ "$(jq '[.[] | select(.kind == "Job")] | length' "$BATS_TEST_TMPDIR/other")" = 0 ]
            jq -S "$pods"' | .[]' "$BATS_TEST_TMPDIR/other" | jq -S "$own" | sed 's/\(railgauge\|railgauge-runs\)-x"/\1"/' | jq -Ss 'unique' >"$BATS_TEST_TMPDIR/pods"
            diff <(jq -Ss . "$BATS_TEST_TMPDIR/job") "$BATS_TEST_TMPDIR/pods"
        done
    done
}

@test "names that change for a run change wherever they are used" {
    for file in "$RENDERED"/*+*.yaml; do
        grep -q 'name: railgauge-x$' "$file" || continue
        documents "$file" | jq -e "(.[] | select(.kind == \"ConfigMap\").metadata.name) as \$settings
            | [.[] | select(.kind == \"Service\").metadata.name][0] as \$service
            | $pods"' | length > 0 and all(.containers[0].envFrom[0].configMapRef.name == $settings and (.subdomain == $service))' >/dev/null ||
            { echo "$file" && false; }
    done
}

@test "an MPIJob's launcher is number 0 and reads who the workers are; its operator makes Service and key" {
    documents "$RENDERED/a3-ultra+mpijob.yaml" >"$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "Service")] | length == 0' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "MPIJob").spec | .runLauncherAsWorker and
        ([.mpiReplicaSpecs[].template.spec.containers[0].env[] | select(.name == "JOB_COMPLETION_INDEX").valueFrom.fieldRef.fieldPath]
            == ["metadata.labels['"'training.kubeflow.org/replica-index'"']", "metadata.labels['"'training.kubeflow.org/replica-index'"']"]) and
        ([.mpiReplicaSpecs[].template.spec.containers[0].env[] | select(.name == "RAILGAUGE_HOSTFILE").value] == ["/etc/mpi/hostfile"])' "$BATS_TEST_TMPDIR/all"
}

@test "with claims for the rails there are no annotations for them, and a claim for each" {
    documents "$RENDERED/a3-ultra+dranet.yaml" >"$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "Job").spec.template | (.metadata.annotations // {} | has("networking.gke.io/interfaces") | not) and
        .spec.containers[0].resources.claims == [{name: "rails"}]' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "ResourceClaimTemplate") | .spec.spec.devices.requests[0].exactly.count == 8' "$BATS_TEST_TMPDIR/all"
    jq -e '(.[] | select(.kind == "ResourceClaimTemplate").metadata.name) as $template
        | .[] | select(.kind == "Job").spec.template.spec.resourceClaims[0].resourceClaimTemplateName == $template' "$BATS_TEST_TMPDIR/all"
}

@test "a bucket takes the claim's place, and the pods may reach it" {
    documents "$RENDERED/a4+gcs-fuse.yaml" >"$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "PersistentVolumeClaim")] | length == 0' "$BATS_TEST_TMPDIR/all"
    jq -e '.[] | select(.kind == "Job").spec.template | .metadata.annotations["gke-gcsfuse/volumes"] == "true" and
        ([.spec.volumes[] | select(.name == "runs") | keys] == [["csi", "name"]])' "$BATS_TEST_TMPDIR/all"
    jq -e '[.[] | select(.kind == "NetworkPolicy").spec.egress[].ports[]?.port] | contains([443, 988])' "$BATS_TEST_TMPDIR/all"
}

@test "a night never meets another, fails when something gets worse, and is apart from runs by hand" {
    for machine in "${machines[@]}"; do
        documents "$RENDERED/jobs+nightly+$machine.yaml" >"$BATS_TEST_TMPDIR/all"
        jq -e '.[] | select(.kind == "CronJob") | .spec.concurrencyPolicy == "Forbid" and .metadata.name == "railgauge-nightly"' "$BATS_TEST_TMPDIR/all"
        jq -e '.[] | select(.kind == "ConfigMap").data.RAILGAUGE_AFTER == "railgauge-nightly"' "$BATS_TEST_TMPDIR/all"
        jq -e '[.. | objects | .["app.kubernetes.io/instance"]? // empty] | unique == ["railgauge-nightly"]' "$BATS_TEST_TMPDIR/all"
        jq -e '[.[] | select(.kind == "CronJob").spec.jobTemplate.spec.template.spec.volumes[].secret.secretName // empty] == ["railgauge-nightly-ssh"]' "$BATS_TEST_TMPDIR/all"
    done
    [ -x jobs/image/railgauge-nightly ]
    grep -q railgauge-nightly jobs/image/Containerfile
}

@test "the scripts in manifests are what a shell can read" {
    local n=0
    for file in "$RENDERED"/jobs+*.yaml; do
        while IFS= read -r script; do
            printf '%b' "$script" >"$BATS_TEST_TMPDIR/script"
            shellcheck --shell=sh --severity=warning "$BATS_TEST_TMPDIR/script"
            n=$((n + 1))
        done < <(documents "$file" | jq "$pods"' | .[] | .initContainers[]?, .containers[] | select(.command[-1]? == "-ec" or .command[-1]? == "-c").args[0]' |
            jq -r '@json' | sed 's/^"\(.*\)"$/\1/; s/\\"/"/g')
    done
    [ $n -ge 8 ]
}
