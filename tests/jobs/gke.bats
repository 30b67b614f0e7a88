#!/usr/bin/env bats
# scripts/gke and the Terraform module: what they would do, held against gcloud's parser and each other; and what scripts/gke does, to a
# stand-in for Google that knows what stands on what.

bats_require_minimum_version 1.5.0

here=(--project my-project --zone europe-west1-b)
ultra=(--machine a3-ultra "${here[@]}")

# A project in which A3 Ultra's cluster is made, for the tests that begin there.
setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    export GOOGLE=$BATS_FILE_TMPDIR/ultra
    answers
    gke create "${ultra[@]}" --nodes 2 --spot >/dev/null
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    export GOOGLE=$BATS_TEST_TMPDIR/google
    answers
}

with_ultra() { cp -r "$BATS_FILE_TMPDIR/ultra/." "$GOOGLE"; }

answers() {
    mkdir -p "$GOOGLE/answers" "$GOOGLE/lacks"
    cat >"$GOOGLE/answers/versions.json" <<'JSON'
{"channels": [{"channel": "RAPID", "defaultVersion": "1.34.1-gke.1", "validVersions": ["1.34.1-gke.1"]},
 {"channel": "REGULAR", "defaultVersion": "1.33.2-gke.100", "validVersions": ["1.33.4-gke.1", "1.33.2-gke.100"]}]}
JSON
    echo '{"quotas": [{"metric": "CPUS", "limit": 1, "usage": 1}, {"metric": "NETWORKS", "limit": 15.0, "usage": 1.0}]}' >"$GOOGLE/answers/project.json"
    region_quotas 8 200 C3_CPUS 500
    gpu_quota 0 16
    echo '{"specificReservation": {"count": "4", "inUseCount": "1", "instanceProperties": {"machineType": "a3-ultragpu-8g"}},
 "specificReservationRequired": true, "status": "READY"}' >"$GOOGLE/answers/reservation.json"
}

region_quotas() { # ADDRESSES CPUS [METRIC LIMIT]
    jq -n --argjson addresses "$1" --argjson cpus "$2" --arg other "${3:-NONE}" --argjson limit "${4:-0}" '{quotas: [
        {metric: "CPUS", limit: $cpus, usage: 4.0}, {metric: "IN_USE_ADDRESSES", limit: $addresses, usage: 1.0},
        {metric: $other, limit: $limit, usage: 0.0}]}' >"$GOOGLE/answers/region.json"
}

gpu_quota() { # ELSEWHERE HERE
    echo "{\"dimensionsInfos\": [{\"details\": {\"value\": \"$1\"}}, {\"dimensions\": {\"region\": \"europe-west1\"}, \"details\": {\"value\": \"$2\"}},
        {\"dimensions\": {\"region\": \"us-east5\"}, \"details\": {\"value\": \"800\"}}]}" >"$GOOGLE/answers/gpus.json"
}

gke() { PATH=$PWD/tests/jobs/stand_in:$PATH scripts/gke "$@"; }

made() { # create, or delete: the calls that do it
    local words=$1
    [ "$1" != create ] || words='(create|add-iam-policy-binding)'
    [ "$1" != delete ] || words='(delete|remove-iam-policy-binding)'
    grep -E "^gcloud .* $words( |\$)" "$GOOGLE/calls" || true
}

left() { find "$GOOGLE" -mindepth 2 -type f -not -path '*/answers/*' -not -path '*/services/*' -printf '%P\n' | sort; }

# Every machine with every capacity that it has.
plans() {
    local machine
    for machine in a3-ultra a4 a3-mega a3-high gvnic; do
        scripts/gke plan --machine $machine "${here[@]}" --nodes 2 --flex-start
        scripts/gke plan --machine $machine "${here[@]}" --nodes 2 --spot --name other --channel rapid --cluster-version 1.33.4-gke.1
        scripts/gke plan --machine $machine "${here[@]}" --nodes 2 --reservation projects/owner-1/reservations/r/reservationBlocks/b-1
        [[ $machine =~ a3-ultra|a4 ]] || scripts/gke plan --machine $machine "${here[@]}" --nodes 1000 --on-demand
        scripts/gke plan --machine $machine "${here[@]}" --delete
    done
}

# gcloud's own parser, of the lines on standard input.
parse() {
    local root
    root=$(dirname "$(dirname "$(readlink -f "$(command -v gcloud)")")")
    local python=$root/platform/bundledpythonunix/bin/python3
    [ -x "$python" ] || python=python3
    CLOUDSDK_CONFIG=$BATS_TEST_TMPDIR/config "$python" tests/jobs/gcloud_parse.py "$root"
}

need_gcloud() {
    command -v gcloud >/dev/null || skip "no gcloud to parse with"
    run parse <<<'gcloud version'
    [ "$status" != 3 ] || skip "$output"
}

@test "every gcloud command of every plan is accepted by gcloud's own parser" {
    need_gcloud
    plans >"$BATS_TEST_TMPDIR/plans"
    run parse < <(grep ^gcloud "$BATS_TEST_TMPDIR/plans" | sort -u)
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c 'accepted, 0 refused' <<<"$output")" = 1 ]
    # It refuses what is no flag, and a value that is none of the flag's.
    run parse < <(scripts/gke plan "${ultra[@]}" --nodes 2 --spot | sed -n 's/--image-type/--image-tipe/p; s/RDMA_ROCE_POLICY/ROCE/p; s/--spot/--location-policy=ALL/p')
    echo "$output"
    [ "$status" = 1 ]
    [ "$(tail -n 1 <<<"$output")" = '0 accepted, 4 refused' ]
}

@test "the README's commands of gcloud are accepted by its parser, and those of scripts/gke by scripts/gke" {
    need_gcloud
    sed -n '/^## From an empty project/,/^## Under Slurm/p' README.md >"$BATS_TEST_TMPDIR/section"
    (($(grep -cE '^    (where=|gcloud|podman|scripts/)' "$BATS_TEST_TMPDIR/section") <= 10))
    run parse < <(sed -nE 's/^ *(gcloud .*)/\1/p' "$BATS_TEST_TMPDIR/section")
    echo "$output"
    [ "$status" = 0 ]
    [[ $output = *'4 accepted, 0 refused'* ]]
    { grep -E '^    where=' "$BATS_TEST_TMPDIR/section" && sed -nE 's/^ *scripts\/gke (plan|create|delete) /gke \1 /p' "$BATS_TEST_TMPDIR/section"; } |
        sed 's/gke delete .*/& --yes/; s/reservation my-reservation/reservation res/' >"$BATS_TEST_TMPDIR/commands"
    [ "$(grep -c '^gke ' "$BATS_TEST_TMPDIR/commands")" = 3 ]
    # shellcheck source=/dev/null
    . "$BATS_TEST_TMPDIR/commands" >/dev/null
    [ -n "$(made create)" ]
    [ -z "$(left)" ]
}

@test "the gVNIC network comes first and the eight RDMA subnets after it, in order; TCPX has its networks alone" {
    local networks
    networks=$(scripts/gke plan "${ultra[@]}" --nodes 2 --spot | grep 'node-pools create' | grep -o 'subnetwork=[^ ]*' | paste -sd ' ')
    [ "$networks" = "$(printf 'subnetwork=%s ' railgauge-gvnic railgauge-rdma-{0..7} | sed 's/ $//')" ]
    networks=$(scripts/gke plan --machine a3-high "${here[@]}" --nodes 2 --spot | grep 'node-pools create' | grep -o 'subnetwork=[^ ]*' | paste -sd ' ')
    [ "$networks" = "$(printf 'subnetwork=%s ' railgauge-gpu-{0..3} | sed 's/ $//')" ]
    run -0 scripts/gke plan --machine gvnic "${here[@]}" --nodes 2 --spot
    [[ ! $output =~ additional-node-network|accelerator|jobs/(network|drivers) ]]
}

@test "the networks and subnets that jobs/network names are those that a node gets" {
    command -v kubectl >/dev/null || skip "no kubectl to render jobs/network"
    local machine
    for machine in a3-ultra a4 a3-mega a3-high; do
        [ -d jobs/drivers/$machine ]
        kubectl kustomize jobs/network/$machine | sed -nE 's/^ *vpc: (.*)/network=\1/p; s/^ *vpcSubnet: (.*)/subnetwork=\1/p' | paste -d, - - | sort >"$BATS_TEST_TMPDIR/named"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -ge 4 ]
        diff "$BATS_TEST_TMPDIR/named" <(scripts/gke plan --machine $machine "${here[@]}" --nodes 2 --spot | grep 'node-pools create' | grep -oE 'network=[^ ]*,subnetwork=[^ ]*' | sort)
    done
}

@test "each capacity has its own flags and no other's" {
    pool() { scripts/gke plan "${ultra[@]}" --nodes 3 "$@" | grep 'node-pools create'; }
    [[ $(pool --reservation r/reservationBlocks/b) = *' --num-nodes=3 --reservation-affinity=specific --reservation=r/reservationBlocks/b '* ]]
    [[ $(pool --flex-start) = *' --flex-start --enable-autoscaling --num-nodes=0 --total-max-nodes=3 --location-policy=ANY --reservation-affinity=none --no-enable-autorepair '* ]]
    [[ $(pool --spot) = *' --spot --num-nodes=3 '* ]]
    [[ ! $(pool --spot) =~ flex|reservation ]]
    [[ ! $(pool --flex-start) =~ spot|reservation= ]]
}

@test "no range is in another: nodes, services, pods and the fabric's subnets" {
    scripts/gke plan "${ultra[@]}" --nodes 2 --spot | grep -oE '(range=|pods=|services=)[0-9./]+' | sed 's/.*=//' >"$BATS_TEST_TMPDIR/ranges"
    run python3 -c '
import ipaddress, itertools, sys
ranges = [ipaddress.ip_network(line.strip()) for line in sys.stdin]
print(len(ranges), [(a, b) for a, b in itertools.combinations(ranges, 2) if a.overlaps(b)])' <"$BATS_TEST_TMPDIR/ranges"
    [ "$output" = '12 []' ]
}

@test "a plan that is pasted into a shell makes what create makes" {
    with_ultra
    made create >"$BATS_TEST_TMPDIR/created"
    left >"$BATS_TEST_TMPDIR/left"
    rm -rf "${GOOGLE:?}"/{calls,accounts,bindings,networks,subnets,firewalls,policies,associations,clusters,pools}
    scripts/gke plan "${ultra[@]}" --nodes 2 --spot >"$BATS_TEST_TMPDIR/plan"
    PATH=$PWD/tests/jobs/stand_in:$PATH bash -e "$BATS_TEST_TMPDIR/plan" >/dev/null
    diff "$BATS_TEST_TMPDIR/created" <(made create)
    diff "$BATS_TEST_TMPDIR/left" <(left)
    [ "$(made create | wc -l)" = 23 ]
    grep -q 'kubectl .* apply -k jobs/network/a3-ultra' "$GOOGLE/calls"
    grep -q 'kubectl .* apply -k jobs/drivers/a3-ultra' "$GOOGLE/calls"
}

@test "create asks before it makes anything, and run again it makes nothing a second time" {
    with_ultra
    local last_check first_made
    last_check=$(grep -n 'quotas info describe' "$GOOGLE/calls" | tail -n 1 | cut -d: -f1)
    first_made=$(grep -n ' create ' "$GOOGLE/calls" | head -n 1 | cut -d: -f1)
    ((last_check < first_made))
    left >"$BATS_TEST_TMPDIR/left"
    rm "$GOOGLE/calls"
    run gke create "${ultra[@]}" --nodes 2 --reservation res
    [ "$status" = 0 ]
    [ "$(grep -c '^\[.* there: ' <<<"$output")" = 24 ]
    [ -z "$(made create)$(made enable)$(made delete)" ]
    diff "$BATS_TEST_TMPDIR/left" <(left)
}

@test "a step that fails stops with its command and what to do; run again, the rest is made" {
    echo 'node-pools.create ERROR: ZONE_RESOURCE_POOL_EXHAUSTED: does not have enough resources available' >"$GOOGLE/fail"
    run gke create "${ultra[@]}" --nodes 2 --spot
    echo "$output"
    [ "$status" = 1 ]
    [[ $output = *'  | ERROR: ZONE_RESOURCE_POOL_EXHAUSTED'* ]]
    [[ $output = *'  command: gcloud container node-pools create a3-ultra --project=my-project '* ]]
    [[ $output = *"zone europe-west1-b has no a3-ultragpu-8g left"*"gcloud compute machine-types list --filter=name=a3-ultragpu-8g"* ]]
    [[ ${lines[-1]} = *'run the same command again'* ]]
    run ! grep -q kubectl "$GOOGLE/calls"
    rm "$GOOGLE/fail" "$GOOGLE/calls"
    gke create "${ultra[@]}" --nodes 2 --spot >/dev/null
    [ "$(made create | awk '{ print $2, $3 }')" = 'container node-pools' ]
}

@test "a new service account that is not known everywhere yet is waited for, but not for ever" {
    export GKE_RETRY_S=0
    printf 123 >"$GOOGLE/late"
    gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand >/dev/null
    [ "$(made create | grep -c 'add-iam-policy-binding .*defaultNodeServiceAccount')" = 4 ]
    export GOOGLE=$BATS_TEST_TMPDIR/other
    answers
    head -c 100 /dev/zero >"$GOOGLE/late"
    run gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand
    [ "$status" = 1 ]
    [[ $output = *'Service account '*' does not exist'*'this failed: role roles/container.defaultNodeServiceAccount'* ]]
}

@test "a project without billing is told how to get it" {
    echo 'services.enable ERROR: FAILED_PRECONDITION: Billing account for project 1 is not found. Billing must be enabled for activation of services' >"$GOOGLE/fail"
    run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 1 ]
    [[ $output = *'gcloud billing projects link my-project --billing-account=ACCOUNT'* ]]
}

@test "what cannot be looked up is not taken for what is not there" {
    echo 'service-accounts.describe ERROR: Required permission iam.serviceAccounts.get is missing (403)' >"$GOOGLE/fail"
    run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 1 ]
    [[ $output = *'it cannot be told whether this is there: service account railgauge-nodes'*'roles/compute.admin'* ]]
    [ -z "$(made create)" ]
}

@test "a network of the same name that is no RDMA network is refused, not used" {
    with_ultra
    sed -i 's/"network-profile": "[^"]*"/"network-profile": ""/' "$GOOGLE/networks/railgauge-rdma"
    run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 1 ]
    [[ $output = *"network railgauge-rdma with the RDMA network profile europe-west1-b-vpc-roce: there is one of this name, but it is '' instead of"* ]]
    [[ $output = *'gcloud compute networks delete railgauge-rdma '* ]]
}

@test "delete takes everything away in reverse order, and what stands on a thing before the thing" {
    with_ultra
    made create | grep -v 'policies rules create' >"$BATS_TEST_TMPDIR/created"
    run gke delete "${ultra[@]}" --yes
    echo "$output"
    [ "$status" = 0 ]
    [ -z "$(left)" ]
    named() { sed -E 's/ beta / /; s/ (add|remove)-iam.*--role=/ create /; s/@my-project[^ ]*//; s/^gcloud (.*) (create|delete) (--[^ ]* --name=)?([^ ]*).*/\1 \4/'; }
    diff <(named <"$BATS_TEST_TMPDIR/created" | tac) <(made delete | named)
    run gke delete "${ultra[@]}" --yes
    [ "$status" = 0 ]
    [ "$(grep -c ' gone: ' <<<"$output")" = 23 ]
    [[ ${lines[0]} = '[1/23] gone: '* ]]
}

@test "delete takes the Filestore with it that a claim left on the network, after the cluster and before the network, and no other" {
    with_ultra
    mkdir "$GOOGLE/filestores"
    for name in pvc-1 pvc-2; do echo '{"network": "railgauge"}' >"$GOOGLE/filestores/$name"; done
    echo '{"network": "railgauge-2"}' >"$GOOGLE/filestores/pvc-3"
    scripts/gke plan "${ultra[@]}" --delete >"$BATS_TEST_TMPDIR/plan"
    cp -r "$GOOGLE" "$BATS_TEST_TMPDIR/again"
    run gke delete "${ultra[@]}" --yes
    echo "$output"
    [ "$status" = 0 ]
    [ "$(left)" = filestores/pvc-3 ]
    [ "$(made delete | grep -oE 'clusters delete|filestore instances delete|networks delete railgauge ' | paste -sd,)" = \
        'clusters delete,filestore instances delete,filestore instances delete,networks delete railgauge ' ]
    # A plan that is pasted does the same.
    made delete >"$BATS_TEST_TMPDIR/deleted"
    export GOOGLE=$BATS_TEST_TMPDIR/again
    rm "$GOOGLE/calls"
    PATH=$PWD/tests/jobs/stand_in:$PATH bash -e "$BATS_TEST_TMPDIR/plan" >/dev/null
    [ "$(left)" = filestores/pvc-3 ]
    diff "$BATS_TEST_TMPDIR/deleted" <(made delete)
}

@test "the class that the claim asks for is made, on the cluster's network; its cluster has the driver, its project the services" {
    with_ultra
    [ "$(sed -n 's/^ *storageClassName: //p' jobs/base/claim.yaml)" = "$(sed -n '/^metadata/,/^[^ ]/s/^  name: //p' jobs/storage/storageclass.yaml)" ]
    grep -q 'kubectl .* apply -k jobs/storage$' "$GOOGLE/calls"
    grep -q 'clusters create railgauge .*GcpFilestoreCsiDriver=ENABLED' "$GOOGLE/calls"
    [ "$(find "$GOOGLE/services" -name 'file.googleapis.com' -o -name 'artifactregistry.googleapis.com' | wc -l)" = 2 ]
    grep -q '^  network: railgauge ' jobs/storage/storageclass.yaml
    sed -i 's/GcpFilestoreCsiDriver=ENABLED/GcpFilestoreCsiDriver=DISABLED/' "$GOOGLE/clusters/railgauge"
    run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 1 ]
    [[ $output = *"cluster railgauge: there is one of this name, but it is"* ]]
}

@test "with DRANET GKE makes the fabric's networks: the pool has the profile, the label, and no network of ours" {
    scripts/gke plan "${ultra[@]}" --nodes 2 --spot --dranet >"$BATS_TEST_TMPDIR/plan"
    [[ $(grep 'node-pools create' "$BATS_TEST_TMPDIR/plan") = 'gcloud beta '*' --accelerator-network-profile=auto --node-labels=cloud.google.com/gke-networking-dra-driver=true' ]]
    run ! grep -E 'additional-node-network|railgauge-(rdma|gvnic)|jobs/network' "$BATS_TEST_TMPDIR/plan"
    grep -q 'apply -k jobs/drivers/a3-ultra' "$BATS_TEST_TMPDIR/plan"
    run gke create "${ultra[@]}" --nodes 2 --spot --dranet --cluster-version 1.34.0-gke.1
    [ "$status" = 2 ]
    [[ $output = *'1.34.0-gke.1 is older than 1.34.1-gke.1829001, which DRANET needs'* ]]
    run gke create "${ultra[@]}" --nodes 2 --flex-start --dranet
    [ "$status" = 4 ]
    [[ $output = *'DRANET needs 1.34.1-gke.1829001; add:'*'--channel rapid'* ]]
    sed -i 's/1.33.2-gke.100/1.34.2-gke.100/g' "$GOOGLE/answers/versions.json"
    run gke create "${ultra[@]}" --nodes 2 --spot --dranet
    [ "$status" = 0 ]
    [[ ${lines[-1]} = *'scripts/submit --machine a3-ultra --nodes 2 --image IMAGE --component dranet' ]]
    gke delete "${ultra[@]}" --yes
    [ -z "$(left)" ]
    need_gcloud
    run parse < <(grep ^gcloud "$BATS_TEST_TMPDIR/plan" | sed 's/ --accelerator-network-profile=auto//') # newer than the gcloud that parses
    [ "$status" = 0 ]
}

@test "delete asks first, and without a terminal wants --yes" {
    gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand >/dev/null
    run gke delete --machine gvnic "${here[@]}" </dev/null
    [ "$status" = 2 ]
    [[ $output = *'add --yes'* ]]
    [ -z "$(made delete)" ]
    run env PATH="$PWD/tests/jobs/stand_in:$PATH" script -qec "scripts/gke delete --machine gvnic ${here[*]}" /dev/null < <(echo no)
    [[ $output = *"'no' is not railgauge; nothing was deleted"* ]]
    [ -z "$(made delete)" ]
}

@test "a quota too small is told before anything is made, with the command that asks for more" {
    need='gcloud beta quotas preferences create --service=compute.googleapis.com --project=my-project'
    gpu_quota 800 8
    run gke create "${ultra[@]}" --nodes 2 --spot
    echo "$output"
    [ "$status" = 4 ]
    [[ $output = *'2 nodes need 16 H200 GPUs (spot); the quota in europe-west1 is 8.'* ]]
    [[ $output = *"  $need --quota-id=PREEMPTIBLE-NVIDIA-H200-GPUS-per-project-region --preferred-value=16 --dimensions=region=europe-west1"* ]]
    [ -z "$(made create)" ]
    gpu_quota 0 800
    echo '{"quotas": [{"metric": "NETWORKS", "limit": 5.0, "usage": 3.0}]}' >"$GOOGLE/answers/project.json"
    run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 4 ]
    [[ $output = *"3 networks more are needed; the project has 3 and may have 5."*"$need --quota-id=NETWORKS-per-project --preferred-value=6"* ]]
    [ -z "$(made create)" ]
    # What is there already is not counted again.
    echo '{"quotas": [{"metric": "NETWORKS", "limit": 6.0, "usage": 3.0}]}' >"$GOOGLE/answers/project.json"
    gke create "${ultra[@]}" --nodes 2 --spot >/dev/null
    echo '{"quotas": [{"metric": "NETWORKS", "limit": 6.0, "usage": 6.0}]}' >"$GOOGLE/answers/project.json"
    gke create "${ultra[@]}" --nodes 2 --spot >/dev/null
}

@test "nodes need addresses, and those without GPUs processors: what the region may have is told before anything is made" {
    region_quotas 3 200
    run gke create "${ultra[@]}" --nodes 2 --spot
    echo "$output"
    [ "$status" = 4 ]
    [[ $output = *'3 external addresses (of each node, and of one for the system) more are needed; region europe-west1 has 1 and may have 3.'* ]]
    [[ $output = *'--quota-id=IN-USE-ADDRESSES-per-project-region --preferred-value=4 --dimensions=region=europe-west1'* ]]
    region_quotas 8 90 C3_CPUS 80
    run gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand
    [ "$status" = 4 ]
    [[ $output = *'88 C3 CPUs more are needed; region europe-west1 has 0 and may have 80.'*'--quota-id=C3-CPUS-per-project-region --preferred-value=88 '* ]]
    run gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand --machine-type e2-standard-44-x
    [[ $output = *'88 CPUs more are needed; region europe-west1 has 4 and may have 90.'* ]]
    [ -z "$(made create)" ]
    gke create --machine gvnic "${here[@]}" --nodes 2 --spot >/dev/null
    # Run again, it is not counted a second time.
    region_quotas 3 4
    gke create --machine gvnic "${here[@]}" --nodes 2 --on-demand >/dev/null
}

@test "an on-demand quota is the one of the GPU's family" {
    echo '{"dimensionsInfos": [{"dimensions": {"gpu_family": "NVIDIA_H100"}, "details": {"value": "800"}},
        {"dimensions": {"gpu_family": "NVIDIA_H100_MEGA"}, "details": {"value": "8"}}]}' >"$GOOGLE/answers/gpus.json"
    run gke create --machine a3-mega "${here[@]}" --nodes 2 --on-demand
    [ "$status" = 4 ]
    [[ $output = *'16 H100_MEGA GPUs (on-demand); the quota in europe-west1 is 8.'*'--dimensions=region=europe-west1,gpu_family=NVIDIA_H100_MEGA'* ]]
    gke create --machine a3-high "${here[@]}" --nodes 2 --on-demand >/dev/null
}

@test "everything that stands in the way is told at once" {
    echo '{"channels": [{"channel": "REGULAR", "defaultVersion": "1.30.2-gke.100", "validVersions": ["1.32.9-gke.1", "1.30.2-gke.100"]}]}' >"$GOOGLE/answers/versions.json"
    echo '{"specificReservation": {"count": "4", "inUseCount": "3", "instanceProperties": {"machineType": "a4-highgpu-8g"}}, "status": "CREATING"}' >"$GOOGLE/answers/reservation.json"
    touch "$GOOGLE/lacks/europe-west1-b-vpc-roce" "$GOOGLE/lacks/a3-ultragpu-8g"
    run gke create "${ultra[@]}" --nodes 2 --reservation res
    echo "$output"
    [ "$status" = 4 ]
    [[ $output = *'zone europe-west1-b has no a3-ultragpu-8g'*'no RDMA network profile europe-west1-b-vpc-roce'* ]]
    [[ $output = *"channel regular's default is 1.30.2-gke.100, and RDMA networks on A3 Ultra needs 1.31.4-gke.1183000; add:"*'--cluster-version 1.32.9-gke.1'* ]]
    [[ $output = *'res is not ready: CREATING'*'is for a4-highgpu-8g, not for a3-ultragpu-8g'*'open to any machine'*'1 of its 4 machines free, and 2 are needed'* ]]
    [[ ${lines[-1]} = 'gke: 7 of these stand in the way; nothing was made but that services are enabled' ]]
    [ -z "$(made create)" ]
}

@test "flex-start asks for its own version, and a version that is not offered is refused" {
    [[ $(scripts/gke plan "${ultra[@]}" --nodes 2 --spot --cluster-version 1.32.1-gke.1) = *--cluster-version=1.32.1-gke.1* ]]
    run scripts/gke plan "${ultra[@]}" --nodes 2 --flex-start --cluster-version 1.32.1-gke.1
    [ "$status" = 2 ]
    [[ $output = *'1.32.1-gke.1 is older than 1.32.2-gke.1652000, which flex-start needs'* ]]
    run gke create "${ultra[@]}" --nodes 2 --spot --cluster-version 1.33.9-gke.1
    [ "$status" = 4 ]
    [[ $output = *'channel regular does not offer 1.33.9-gke.1; it offers:'*'1.33.4-gke.1 1.33.2-gke.100'* ]]
}

@test "bad values are refused with what, where and what to do, before any command" {
    refused() { # WORDS OPTION...
        local words=$1
        shift
        run gke "$@"
        echo "$output"
        [ "$status" = 2 ]
        [[ $output = *"$words"* ]]
    }
    refused "--project takes a project's id (gcloud projects list), not 'p; rm -rf /'" create --project 'p; rm -rf /'
    refused "--zone takes a zone such as europe-west1-b (gcloud compute zones list), not 'europe-west1'" plan --zone europe-west1
    refused "--nodes takes a number from 1 to 1000, not '0'" plan --nodes 0
    refused "--nodes takes a number from 1 to 1000, not '1001'" plan --nodes 1001
    refused "--name takes" plan --name 'a$(id)'
    refused "--name takes" plan --name "$(printf 'a%.0s' {1..25})"
    refused "--reservation takes RES, RES/reservationBlocks/BLOCK" plan --reservation 'r/blocks/b'
    refused "--machine takes one of a3-ultra, a4, a3-mega, a3-high, gvnic, not 'a5'" plan --machine a5
    refused "unknown option '--frobnicate'" plan --frobnicate
    refused "unknown command 'destroy'" destroy
    refused "plan needs --nodes" plan "${ultra[@]}"
    refused "create needs one of --reservation, --flex-start, --spot and --on-demand, not 2" create "${ultra[@]}" --nodes 2 --spot --flex-start
    refused "--on-demand: a3-ultra is not sold so" plan "${ultra[@]}" --nodes 2 --on-demand
    refused "--dranet is for a3-ultra and a4" plan --machine a3-mega "${here[@]}" --nodes 2 --spot --dranet
    refused "--dranet is nothing that delete needs" delete "${ultra[@]}" --dranet
    refused "--machine-type is for gvnic alone" plan "${ultra[@]}" --nodes 2 --spot --machine-type n2-standard-8
    refused "--nodes needs a value" plan --nodes
    [ ! -e "$GOOGLE/calls" ]
}

@test "what create, delete and their advice run or say is accepted by gcloud's own parser" {
    need_gcloud
    local machine
    for machine in a3-ultra gvnic; do
        gpu_quota 0 800
        gke create --machine $machine "${here[@]}" --nodes 2 --spot >/dev/null
        READY=1 gke create --machine $machine "${here[@]}" --nodes 2 --flex-start >/dev/null
        gke delete --machine $machine "${here[@]}" --yes >/dev/null
    done
    gke create "${ultra[@]}" --nodes 2 --reservation projects/owner-1/reservations/res >/dev/null
    touch "$GOOGLE/lacks/europe-west1-b-vpc-roce" "$GOOGLE/lacks/a3-ultragpu-8g"
    rm "$GOOGLE"/answers/*
    {
        READY=0 gke create "${ultra[@]}" --nodes 2 --spot --name first || true
        gke create "${ultra[@]}" --nodes 2 --reservation res --name first || true
        local error
        for error in billing quota ZONE_RESOURCE_POOL_EXHAUSTED permission constraints/x 'being used by' else; do
            echo "firewall-rules.(create|describe) $error" >"$GOOGLE/fail"
            gke delete "${ultra[@]}" --yes || true
        done
    } >"$BATS_TEST_TMPDIR/said" 2>&1
    { cat "$GOOGLE/calls" && sed -nE 's/^  (gcloud [^|]*)$/\1/p; s/.*: (gcloud [^;]*)$/\1/p' "$BATS_TEST_TMPDIR/said"; } | grep ^gcloud | sort -u >"$BATS_TEST_TMPDIR/lines"
    (($(wc -l <"$BATS_TEST_TMPDIR/lines") > 80))
    run parse <"$BATS_TEST_TMPDIR/lines"
    echo "$output"
    [ "$status" = 0 ]
}

@test "with another name the manifests' networks are renamed, and nothing else of them" {
    gke create --machine a4 "${here[@]}" --nodes 2 --spot --name other >/dev/null
    [ "$(cat "$GOOGLE/applied")" = "$(printf 'spec:\n  vpc: other-rdma\n  vpcSubnet: other-rdma-0\n  network: other\n  name: railgauge-x')" ]
    [ -e "$GOOGLE/networks/other-rdma" ]
    [ ! -e "$GOOGLE/networks/railgauge" ]
}

@test "nodes that did not come are told, with the command that asks for them" {
    with_ultra
    READY=1 run gke create "${ultra[@]}" --nodes 2 --spot
    [ "$status" = 0 ]
    [[ $output = *'only 1 of 2 nodes are ready'*'gcloud container clusters resize railgauge --project=my-project --location=europe-west1-b --node-pool=a3-ultra --num-nodes=2'* ]]
    READY=2 run gke create "${ultra[@]}" --nodes 2 --spot
    [[ $output != *'nodes are ready'* ]]
}

# --- scripts/terraform ---

need_terraform() {
    command -v terraform >/dev/null || skip "no terraform"
    unset TF_CLI_CONFIG_FILE
    export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
}

# Its variables and what follows from them, which need no provider, in a folder of their own; what follows is the output `plan`.
terraform_plan() { # VARIABLE=VALUE...
    local folder=$BATS_TEST_TMPDIR/module/terraform value
    mkdir -p "$folder" "$folder/../gke.d"
    cp scripts/gke.d/machines.json "$folder/../gke.d"
    cp scripts/terraform/{variables,plan}.tf "$folder"
    cat >"$folder/show.tf" <<'TF'
output "plan" {
  value = {
    region          = local.region
    machine_type    = local.machine_type
    minimum_version = local.minimum_version
    ranges          = join(" ", sort([for name, range in merge(local.plain, local.rdma_subnets) : "${name}=${range}"]))
    profiles        = join(" ", values(local.rdma_network))
    firewalls       = join(" ", sort([for name, range in local.firewalls : "${name}=${range}"]))
    nics            = join(" ", [for one in local.additional_networks : "network=${one.network},subnetwork=${one.subnetwork}"])
    affinity        = jsonencode(local.affinity)
    manifests       = join(" ", local.manifests)
  }
}
TF
    for value in "$@"; do set -- "${@:2}" -var "$value"; done
    (cd "$folder" && terraform apply -no-color -auto-approve -input=false "$@" >said 2>&1) || { cat "$folder/said" && return 1; }
    (cd "$folder" && terraform output -json plan)
}

@test "the Terraform module has the format of terraform fmt, and parses" {
    need_terraform
    run terraform fmt -check -diff -recursive scripts/terraform
    echo "$output"
    [ "$status" = 0 ]
    run terraform -chdir=scripts/terraform providers
    echo "$output"
    [ "$status" = 0 ]
    [[ $output = *hashicorp/google* ]]
}

@test "the Terraform module's cluster has the addons of the one that scripts/gke makes, and all its nodes the scope that gcloud gives those with an account" {
    local addons
    addons=$(scripts/gke plan "${ultra[@]}" --nodes 2 --spot | grep -o 'addons=[^ ]*')
    [ "$(grep -oE '(gcs_fuse|gcp_filestore)_csi_driver_config' scripts/terraform/cluster.tf | sort -u | wc -l)" = "$(tr , '\n' <<<"$addons" | wc -l)" ]
    [ "$(grep -c 'oauth_scopes  *= local.scopes' scripts/terraform/cluster.tf)" = "$(grep -c ' node_config {' scripts/terraform/cluster.tf)" ]
    [ "$(sed -n 's/^  scopes = //p' scripts/terraform/plan.tf)" = '["https://www.googleapis.com/auth/cloud-platform"]' ]
}

@test "the Terraform module makes the networks, ranges, profile and order of NICs that scripts/gke makes" {
    need_terraform
    local machine plan pool
    for machine in a3-ultra a4 a3-mega a3-high gvnic; do
        scripts/gke plan --machine $machine "${here[@]}" --nodes 2 --spot --name some >"$BATS_TEST_TMPDIR/gke"
        plan=$(terraform_plan project=my-project zone=europe-west1-b machine=$machine nodes=2 capacity=spot name=some)
        told() { jq -r ".$1" <<<"$plan"; }
        pool=$(grep 'node-pools create' "$BATS_TEST_TMPDIR/gke")
        [ "$(told nics)" = "$(grep -o 'network=[^ ]*' <<<"$pool" | paste -sd ' ')" ]
        [ "$(told ranges)" = "$(sed -nE 's/.*subnets create (some-[^ ]*) .*--range=([^ ]*).*/\1=\2/p' "$BATS_TEST_TMPDIR/gke" | LC_ALL=C sort | paste -sd ' ')" ]
        [ "$(told manifests)" = "$(sed -n 's/^# the objects of //p' "$BATS_TEST_TMPDIR/gke" | paste -sd ' ')" ]
        [ "$(told firewalls)" = "$(sed -nE 's/.*firewall-rules create (some.*)-internal .*--source-ranges=([^ ]*).*/\1=\2/p' "$BATS_TEST_TMPDIR/gke" | LC_ALL=C sort | paste -sd ' ')" ]
        [ "$(told profiles)" = "$(grep -o 'network-profile=[^ ]*' "$BATS_TEST_TMPDIR/gke" | sed 's/.*=//')" ]
        [[ $pool = *" --machine-type=$(told machine_type) "* ]]
        [[ $pool = *" --location=$(told region)-b "* ]]
    done
    [ "$(terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=2 capacity=flex-start | jq -r .minimum_version)" = 1.32.2-gke.1652000 ]
    [ "$(terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=2 capacity=spot | jq -r .minimum_version)" = 1.32.2-gke.1475000 ]
    plan=$(terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=2 capacity=flex-start dranet=true)
    [ "$(jq -r '[.minimum_version, .nics, .ranges, .profiles, .manifests] | join("|")' <<<"$plan")" = '1.34.1-gke.1829001||||jobs/storage jobs/drivers/a4' ]
    [[ $(terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=2 capacity=reservation reservation=r/reservationBlocks/b) = *SPECIFIC_RESERVATION*r/reservationBlocks/b* ]]
}

@test "the Terraform module refuses the values that scripts/gke refuses" {
    need_terraform
    run terraform_plan 'project=P' zone=europe-west1 machine=a5 nodes=0 capacity=lots 'name=A b' 'reservation=x y' 'machine_type=x y' channel=slow cluster_version=latest
    echo "$output"
    [ "$status" = 1 ]
    local variable
    for variable in project zone machine nodes capacity name reservation machine_type channel cluster_version; do
        grep -q "^$variable takes " <<<"$output"
    done
    run -1 terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=1001 capacity=spot
    run -1 terraform_plan project=my-project zone=europe-west1-b machine=a4 nodes=1.5 capacity=spot
}
