# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is read in gke and checks.sh, and the other way round
# What is made, in order. A step is a line of words, a kind and its arguments; describe_step turns it into
#   what            the thing in words
#   look            the command that prints what is known of it; it fails where there is no such thing
#   expected        what look has to print; with among=yes, one line of what it prints, and the thing is there only then; with among=any, anything
#   create          the command that makes it
#   delete_command  the command that deletes it; none where it goes with another thing

list_steps() {
    local i role
    steps=(services account)
    for role in ${fact[node_roles]}; do steps+=("role $role"); done
    steps+=("vpc $name ${fact[main_mtu]}" "main_subnet $name" "firewall $name ${fact[range_main]}")
    if [ "$dranet" = yes ]; then
        : # GKE makes the fabric's networks with the node pool
    elif [ "${fact[fabric]}" = rdma ]; then
        steps+=("vpc $name-gvnic ${fact[mtu]}" "subnet $name-gvnic $name-gvnic $(range 0)" "firewall $name-gvnic $(range 0)" "rdma_vpc $name-rdma")
        for ((i = 0; i < fact[nics]; i++)); do steps+=("subnet $name-rdma-$i $name-rdma $(range $((i + 1)))"); done
        steps+=("policy $name-rdma" "rule $name-rdma" "association $name-rdma")
    elif [ "${fact[fabric]}" = gpu ]; then
        for ((i = 0; i < fact[nics]; i++)); do
            steps+=("vpc $name-gpu-$i ${fact[mtu]}" "subnet $name-gpu-$i $name-gpu-$i $(range $i)" "firewall $name-gpu-$i $(range $i)")
        done
    fi
    steps+=("volumes $name" "cluster $name" "pool $machine" "credentials $name" "manifests storage")
    [ "${fact[fabric]}" = none ] || [ "$dranet" = yes ] || steps+=("manifests network/$machine")
    [ "${fact[fabric]}" = none ] || steps+=("manifests drivers/$machine")
}

reverse_steps() {
    local i reversed=()
    for ((i = ${#steps[@]} - 1; i >= 0; i--)); do reversed+=("${steps[i]}"); done
    steps=("${reversed[@]}")
}

keep_steps() { # create, or delete_command: the steps that have one
    local -n action=$1
    local step kept=()
    for step in "${steps[@]}"; do
        describe_step "$step"
        ((${#action[@]} == 0)) || kept+=("$step")
    done
    steps=("${kept[@]}")
}

# The networks of the fabric share 192.168.0.0/16, out of the way of nodes, pods and services; each has room for 4,092 nodes.
range() { # NUMBER
    echo "192.168.$(($1 * 16)).0/20"
}

# The networks that a node has beside the cluster's own, in the order of its interfaces: NETWORK:SUBNET.
additional_networks() {
    local i
    if [ "$dranet" = yes ]; then
        return
    elif [ "${fact[fabric]}" = rdma ]; then
        echo "$name-gvnic:$name-gvnic"
        for ((i = 0; i < fact[nics]; i++)); do echo "$name-rdma:$name-rdma-$i"; done
    elif [ "${fact[fabric]}" = gpu ]; then
        for ((i = 0; i < fact[nics]; i++)); do echo "$name-gpu-$i:$name-gpu-$i"; done
    fi
}

describe_step() { # STEP
    local words
    read -ra words <<<"$1"
    look=() expected='' among=no create=() delete_command=()
    "step_${words[0]}" "${words[@]:1}"
}

compute() { # WORD...: begins the three commands of a thing of gcloud compute
    look=(gcloud compute "$@" describe)
    create=(gcloud compute "$@" create)
    delete_command=(gcloud compute "$@" delete)
}

step_services() {
    what="services ${apis[*]}"
    look=(gcloud services list --enabled "--project=$project" '--format=value(config.name)')
    among=yes expected=$(printf '%s\n' "${apis[@]}")
    create=(gcloud services enable "${apis[@]}" "--project=$project")
}

# The nodes' own account: the project's default one may do everything, or, in a new project, nothing.
step_account() {
    what="service account $name-nodes of the nodes"
    look=(gcloud iam service-accounts describe "$account" "--project=$project" '--format=value(email)')
    expected=$account
    create=(gcloud iam service-accounts create "$name-nodes" "--project=$project")
    delete_command=(gcloud iam service-accounts delete "$account" "--project=$project" --quiet)
}

step_role() { # ROLE
    local binding=("$project" "--member=serviceAccount:$account" "--role=$1" --condition=None)
    what="role $1 of service account $name-nodes"
    look=(gcloud projects get-iam-policy "$project" '--flatten=bindings[].members' '--format=value(bindings.role,bindings.members)')
    among=yes expected=$1$'\t'serviceAccount:$account
    create=(gcloud projects add-iam-policy-binding "${binding[@]}")
    delete_command=(gcloud projects remove-iam-policy-binding "${binding[@]}")
}

step_vpc() { # NAME MTU
    what="network $1, MTU $2"
    compute networks
    look+=("$1" "--project=$project" '--format=value(mtu)')
    expected=$2
    create+=("$1" "--project=$project" --subnet-mode=custom "--mtu=$2")
    delete_command+=("$1" "--project=$project" --quiet)
}

# An RDMA network is one from its first day: the profile can neither be added nor changed. Its MTU is the profile's.
step_rdma_vpc() { # NAME
    what="network $1 with the RDMA network profile $zone-vpc-roce"
    compute networks
    look+=("$1" "--project=$project" '--format=value(networkProfile.basename())')
    expected=$zone-vpc-roce
    create+=("$1" "--project=$project" "--network-profile=$zone-vpc-roce" --subnet-mode=custom)
    delete_command+=("$1" "--project=$project" --quiet)
}

step_subnet() { # NAME NETWORK RANGE
    what="subnet $1, $3"
    compute networks subnets
    look+=("$1" "--project=$project" "--region=$region" '--format=value(ipCidrRange)')
    expected=$3
    create+=("$1" "--project=$project" "--region=$region" "--network=$2" "--range=$3")
    delete_command+=("$1" "--project=$project" "--region=$region" --quiet)
}

step_main_subnet() { # NAME
    step_subnet "$1" "$1" "${fact[range_nodes]}"
    what+=", with ranges for pods and services"
    create+=("--secondary-range=pods=${fact[range_pods]},services=${fact[range_services]}" --enable-private-ip-google-access)
}

step_firewall() { # NETWORK SOURCES
    what="firewall rule $1-internal: the nodes of network $1 reach each other"
    compute firewall-rules
    look+=("$1-internal" "--project=$project" '--format=value(sourceRanges.list())')
    expected=$2
    create+=("$1-internal" "--project=$project" "--network=$1" --direction=INGRESS --action=ALLOW "--rules=tcp,udp,icmp" "--source-ranges=$2")
    delete_command+=("$1-internal" "--project=$project" --quiet)
}

# An RDMA network takes no firewall rules but those of a regional policy of this type. Its rules see no addresses: 0.0.0.0/0 is the only
# range there is, and secure tags tell nodes apart. The network is this cluster's alone, so all its nodes may talk.
step_policy() { # NAME
    what="firewall policy $1 of type RDMA_ROCE_POLICY"
    compute network-firewall-policies
    # The type is known to gcloud beta alone.
    look=(gcloud beta compute network-firewall-policies describe "$1" "--project=$project" "--region=$region" '--format=value(policyType)')
    expected=RDMA_ROCE_POLICY
    create=(gcloud beta compute network-firewall-policies create "$1" "--project=$project" "--region=$region" --policy-type=RDMA_ROCE_POLICY)
    delete_command+=("$1" "--project=$project" "--region=$region" --quiet)
}

step_rule() { # POLICY
    what="rule 1000 of policy $1: the nodes of the RDMA network reach each other"
    look=(gcloud compute network-firewall-policies describe "$1" "--project=$project" "--region=$region" '--flatten=rules[]'
        '--format=value(rules.priority)')
    among=yes expected=1000
    create=(gcloud compute network-firewall-policies rules create 1000 "--project=$project" "--firewall-policy=$1"
        "--firewall-policy-region=$region" --direction=INGRESS --action=allow --layer4-configs=all --src-ip-ranges=0.0.0.0/0)
}

step_association() { # NAME: of the policy and of the network
    what="policy $1 on network $1"
    look=(gcloud compute network-firewall-policies describe "$1" "--project=$project" "--region=$region" '--flatten=associations[]'
        '--format=value(associations.name)')
    among=yes expected=$1
    create=(gcloud compute network-firewall-policies associations create "--project=$project" "--name=$1" "--firewall-policy=$1"
        "--firewall-policy-region=$region" "--network=$1")
    delete_command=(gcloud compute network-firewall-policies associations delete "--project=$project" "--name=$1" "--firewall-policy=$1"
        "--firewall-policy-region=$region" --quiet)
}

# What claims were given outlives the cluster, costs money, and holds on to its network.
step_volumes() { # NETWORK
    local all=("--project=$project" "--location=$zone")
    what="Filestore on network $1, with the runs that are kept there"
    look=(gcloud filestore instances list "${all[@]}" "--filter=networks[].network~\"(^|/)$1\$\"" '--format=value(name.basename())')
    among=any
    delete_command=(bash -o pipefail -c "$(quoted "${look[@]}") | xargs -rn1 $(quoted gcloud filestore instances delete "${all[@]}" --quiet)")
}

step_cluster() { # NAME
    what="cluster $1"
    look=(gcloud container clusters describe "$1" "--project=$project" "--location=$zone"
        '--format=value(networkConfig.enableMultiNetworking,networkConfig.datapathProvider,addonsConfig.gcpFilestoreCsiDriverConfig.enabled)')
    expected=$'True\tADVANCED_DATAPATH\tTrue'
    create=(gcloud container clusters create "$1" "--project=$project" "--location=$zone" "--release-channel=$channel"
        "--network=$1" "--subnetwork=$1" --cluster-secondary-range-name=pods --services-secondary-range-name=services
        --enable-ip-alias --enable-dataplane-v2 --enable-multi-networking "--workload-pool=$project.svc.id.goog"
        "--addons=GcsFuseCsiDriver=ENABLED,GcpFilestoreCsiDriver=ENABLED" "--machine-type=${fact[system_machine_type]}" --num-nodes=1
        "--service-account=$account")
    [ -z "$cluster_version" ] || create+=("--cluster-version=$cluster_version")
    delete_command=(gcloud container clusters delete "$1" "--project=$project" "--location=$zone" --quiet)
}

step_pool() { # NAME
    local pair
    what="node pool $1 of $machine_type"
    look=(gcloud container node-pools describe "$1" "--project=$project" "--location=$zone" "--cluster=$name"
        '--format=value(config.machineType)')
    expected=$machine_type
    create=(gcloud container node-pools create "$1" "--project=$project" "--location=$zone" "--cluster=$name"
        "--machine-type=$machine_type" --image-type=COS_CONTAINERD --enable-gvnic "--service-account=$account")
    [ -z "${fact[accelerator]-}" ] || create+=(--accelerator "type=${fact[accelerator]},count=${fact[gpus]},gpu-driver-version=latest")
    case $capacity in
        reservation) create+=("--num-nodes=$nodes" --reservation-affinity=specific "--reservation=$reservation") ;;
        flex-start)
            create+=(--flex-start --enable-autoscaling --num-nodes=0 "--total-max-nodes=$nodes" --location-policy=ANY
                --reservation-affinity=none --no-enable-autorepair)
            ;;
        spot) create+=(--spot "--num-nodes=$nodes") ;;
        on-demand) create+=("--num-nodes=$nodes") ;;
    esac
    if [ "$dranet" = yes ]; then # known to gcloud beta alone
        create=(gcloud beta "${create[@]:1}" --accelerator-network-profile=auto --node-labels=cloud.google.com/gke-networking-dra-driver=true)
    fi
    for pair in $(additional_networks); do create+=(--additional-node-network "network=${pair%:*},subnetwork=${pair#*:}"); done
    delete_command=(gcloud container node-pools delete "$1" "--project=$project" "--location=$zone" "--cluster=$name" --quiet)
}

step_credentials() { # NAME
    what="access to cluster $1 for kubectl"
    create=(gcloud container clusters get-credentials "$1" "--project=$project" "--location=$zone")
}

# jobs/storage and jobs/network are written for the name railgauge; of another, the networks that they name are renamed.
step_manifests() { # FOLDER of jobs
    local folder=jobs/$1 rename
    what="the objects of $folder"
    if [ "$name" = railgauge ] || [[ $1 = drivers/* ]]; then
        create=(kubectl "--context=$context" apply -k "$folder")
    else
        rename="s/^\\( *\\(vpc\\|vpcSubnet\\|network\\): \\)railgauge\\b/\\1$name/"
        create=(bash -o pipefail -c "kubectl kustomize $folder | sed '$rename' | kubectl --context=$context apply -f -")
    fi
}

# --- doing it ---

quoted() { # WORD...: one line that a shell reads as these words
    local word line=''
    for word in "$@"; do
        [[ $word =~ ^[a-zA-Z0-9_./:=,@%+-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
        line+="${line:+ }$word"
    done
    echo "$line"
}

# Whether the thing of the step is there. One that is there but is another than asked for, and one that cannot be asked after, end it all.
exists() {
    local found line
    ((${#look[@]})) || return 1
    if ! found=$("${look[@]}" 2>"$log"); then
        grep -qiE 'not found|not_found|404|service_disabled' "$log" && return 1
        fail "it cannot be told whether this is there: $what" "${look[@]}"
    fi
    if [ "$among" = any ]; then
        [ -n "$found" ]
    elif [ "$among" = yes ]; then
        while IFS= read -r line; do grep -qxF -- "$line" <<<"$found" || return 1; done <<<"$expected"
    elif [ "$found" != "$expected" ]; then
        die 1 "$what: there is one of this name, but it is '$found' instead of '$expected'; take another --name, or delete it:
  $(quoted "${delete_command[@]}")"
    fi
}

# A service account that is new is not known everywhere at once.
do_step() { # create, or delete_command
    local -n command=$1
    local try
    for try in {1..10}; do
        ! (cd "$here/.." && "${command[@]}") >"$log" 2>&1 || return 0
        grep -qi 'service account .*does not exist' "$log" || break
        ((try == 10)) || sleep "${GKE_RETRY_S:-6}"
    done
    fail "this failed: $what" "${command[@]}"
}

fail() { # MESSAGE COMMAND...
    sed 's/^/  | /' "$log" >&2
    echo "gke: $1
  command: $(quoted "${@:2}")" >&2
    advise "$log" >&2
    die 1 "stopped there; when that is mended, run the same command again: what is done already is found"
}

# What Google's errors mean, and what to look at.
advise() { # FILE
    local text
    text=$(<"$1")
    case ${text,,} in
        *billing*)
            echo "gke: the project has no billing account; link one:
  gcloud billing accounts list
  gcloud billing projects link $project --billing-account=ACCOUNT"
            ;;
        *quota*)
            echo "gke: a quota is used up; what there is:
  gcloud compute project-info describe --project=$project --flatten=quotas --format='table(quotas.metric,quotas.limit,quotas.usage)'
  gcloud compute regions describe $region --project=$project --flatten=quotas --format='table(quotas.metric,quotas.limit,quotas.usage)'"
            ;;
        *resource_pool_exhausted* | *stockout* | *'does not have enough resources'*)
            echo "gke: zone $zone has no $machine_type left; ask for a reservation, take --flex-start, or another zone:
  gcloud compute machine-types list --filter=name=$machine_type --format='value(zone)'"
            ;;
        *permission* | *forbidden* | *403*)
            echo "gke: this account may not do that; it needs roles/compute.admin, container.admin, serviceusage.serviceUsageAdmin,
  iam.serviceAccountAdmin, iam.serviceAccountUser and resourcemanager.projectIamAdmin:
  gcloud auth list
  gcloud projects get-iam-policy $project --flatten='bindings[].members' --format='table(bindings.role,bindings.members)'"
            ;;
        *constraints/* | *'organization policy'* | *'org policy'*)
            echo "gke: a policy of the organization forbids it; its owner can say which:
  gcloud resource-manager org-policies list --project=$project"
            ;;
        *'being used by'* | *'already being used'*)
            echo "gke: something that gke did not make uses it; which nodes and rules are left:
  gcloud compute instances list --project=$project --zones=$zone
  gcloud compute firewall-rules list --project=$project --filter=name~$name"
            ;;
        *) echo "gke: what GKE did lately: gcloud container operations list --project=$project --location=$zone --limit=5" ;;
    esac
}
