# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is read in gke and steps.sh, and the other way round
# What is asked before anything is made: everything that is wrong is told at once, each with the command that shows or mends it.

need_tools() {
    need gcloud 'see https://cloud.google.com/sdk/docs/install'
    need kubectl 'gcloud components install kubectl'
    need gke-gcloud-auth-plugin 'gcloud components install gke-gcloud-auth-plugin'
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    [ -n "$(gcloud auth list --filter=status:ACTIVE '--format=value(account)' 2>"$log")" ] || die 4 "gcloud has no account: gcloud auth login"
    gcloud projects describe "$project" '--format=value(projectId)' >"$log" 2>&1 ||
        die 4 "project $project is not there, or not for this account: gcloud projects list; gcloud auth list"
}

# --- the questions; each is an array, so that plan prints what create asks ---

questions() {
    ask_type=(gcloud compute machine-types describe "$machine_type" "--project=$project" "--zone=$zone" '--format=value(name)')
    ask_profile=(gcloud compute network-profiles describe "$zone-vpc-roce" "--project=$project" '--format=value(name)')
    ask_versions=(gcloud container get-server-config "--project=$project" "--location=$zone" --format=json)
    ask_networks=(gcloud compute project-info describe "--project=$project" --format=json)
    ask_region=(gcloud compute regions describe "$region" "--project=$project" --format=json)
    ask_gpus=(gcloud beta quotas info describe "$(gpu_quota)" --service=compute.googleapis.com "--project=$project" --format=json)
    ask_reservation=(gcloud compute reservations describe "$(reservation_name)" "--project=$(reservation_project)" "--zone=$zone" --format=json)
}

gpu_quota() {
    if [ "$capacity" = on-demand ]; then echo GPUS-PER-GPU-FAMILY-per-project-region; else echo "${fact[preemptible_quota]-}"; fi
}

reservation_name() {
    local rest=${reservation#projects/*/reservations/}
    echo "${rest%%/*}"
}

reservation_project() {
    [[ $reservation =~ ^projects/([^/]*)/ ]] && echo "${BASH_REMATCH[1]}" || echo "$project"
}

# Which questions there are for this machine and capacity, in order.
wanted_checks() {
    echo type
    [ "${fact[fabric]}" != rdma ] || echo profile
    echo versions
    echo networks
    echo region
    if [ "$capacity" = reservation ]; then
        echo reservation
    elif [ -n "${fact[accelerator]-}" ]; then
        echo gpus
    fi
}

print_checks() {
    local check
    questions
    echo "# what create asks first"
    for check in $(wanted_checks); do
        local -n command=ask_$check
        quoted "${command[@]}"
    done
}

run_checks() {
    local check
    problems=0
    questions
    for check in $(wanted_checks); do
        local -n command=ask_$check
        if answer=$("${command[@]}" 2>"$log"); then "check_$check"; else "lacks_$check"; fi
    done
    ((problems == 0)) || die 4 "$problems of these stand in the way; nothing was made but that services are enabled"
}

problem() { # WHAT HOW-TO-MEND-IT
    problems=$((problems + 1))
    printf 'gke: %s\n  %s\n' "$1" "$2" >&2
}

warn() { # WHAT COMMAND
    printf 'gke: %s\n  %s\n' "$1" "$2" >&2
}

at_least() { # VERSION MINIMUM
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# --- what the answers mean: check_X of an answer, lacks_X where there is none ---

check_type() { :; }

lacks_type() {
    problem "zone $zone has no $machine_type ($(head -n 1 "$log")); where there is:" \
        "gcloud compute machine-types list --project=$project --filter=name=$machine_type --format='value(zone)'"
}

check_profile() { :; }

lacks_profile() {
    problem "zone $zone has no RDMA network profile $zone-vpc-roce; the zones that have one:" \
        "gcloud compute network-profiles list --project=$project --filter=name~vpc-roce --format='value(name)'"
}

check_versions() {
    local version offered
    version=$(jq -r --arg channel "${channel^^}" '.channels[] | select(.channel == $channel) | .defaultVersion' <<<"$answer")
    offered=$(jq -r --arg channel "${channel^^}" '.channels[] | select(.channel == $channel) | .validVersions[]' <<<"$answer")
    if [ -n "$cluster_version" ]; then
        grep -qxF "$cluster_version" <<<"$offered" ||
            problem "channel $channel does not offer $cluster_version; it offers:" "$(sort -rV <<<"$offered" | head -n 5 | paste -sd ' ')"
    elif ! at_least "$version" "$minimum"; then
        offered=$(sort -rV <<<"$offered" | head -n 1)
        if at_least "$offered" "$minimum"; then
            problem "channel $channel's default is $version, and $minimum_is_for needs $minimum; add:" "--cluster-version $offered"
        else
            problem "channel $channel offers nothing newer than $offered, and $minimum_is_for needs $minimum; add:" "--channel rapid"
        fi
    fi
}

lacks_versions() {
    problem "GKE's versions in $zone cannot be read ($(head -n 1 "$log")):" "$(quoted "${ask_versions[@]}")"
}

# Networks that are there already need no quota.
check_networks() {
    local needed there
    needed=$(printf '%s\n' "${steps[@]}" | sed -nE 's/^(rdma_)?vpc ([^ ]*).*/\2/p')
    there=$(gcloud compute networks list "--project=$project" '--format=value(name)' 2>"$log") || there=''
    needed=$(grep -cvxF -- "$there" <<<"$needed" || true)
    need_quota NETWORKS "$needed" networks 'the project' || lacks_networks
}

# Of the answer; false where it does not tell.
need_quota() { # METRIC NEEDED WHAT WHO [DIMENSIONS]
    local limit usage
    read -r limit usage < <(jq -r --arg metric "$1" '.quotas[]? | select(.metric == $metric) | "\(.limit | floor) \(.usage | floor)"' <<<"$answer") ||
        return 1
    ((usage + $2 <= limit)) || problem "$2 $3 more are needed; $4 has $usage and may have $limit. To ask for more:" \
        "$(raise "${1//_/-}-per-project${5:+-region}" $((usage + $2)) "${5:-}")"
}

lacks_networks() {
    warn "the project's quota of networks cannot be read, so it is not checked:" "$(quoted "${ask_networks[@]}")"
}

# Every node has an address of its own that leads outside. What GPU machines need of processors comes with their GPUs.
check_region() {
    local cpus=0 family=${machine_type%%-*} of_region=("region $region" "region=$region")
    ! pool_is_there || return 0
    need_quota IN_USE_ADDRESSES $((nodes + 1)) "external addresses (of each node, and of one for the system)" "${of_region[@]}" || lacks_region
    [ "$capacity" = on-demand ] && [ -z "${fact[accelerator]-}" ] && [[ $machine_type =~ -([0-9]+)(-|$) ]] || return 0
    cpus=$((nodes * BASH_REMATCH[1]))
    need_quota "${family^^}_CPUS" $cpus "${family^^} CPUs" "${of_region[@]}" || need_quota CPUS $cpus CPUs "${of_region[@]}" || lacks_region
}

lacks_region() {
    warn "the region's quotas cannot be read, so they are not checked:" "$(quoted "${ask_region[@]}")"
}

# Run again, what the nodes that are there take is taken already.
pool_is_there() {
    gcloud container node-pools describe "$machine" "--project=$project" "--location=$zone" "--cluster=$name" '--format=value(name)' >"$log" 2>&1
}

raise() { # QUOTA VALUE [DIMENSIONS]
    quoted gcloud beta quotas preferences create --service=compute.googleapis.com "--project=$project" "--quota-id=$1" \
        "--preferred-value=$2" ${3:+"--dimensions=$3"}
}

# A limit without dimensions is for all regions that no other names. What a pool of this name has is not counted again.
check_gpus() {
    local limit needed=$((nodes * fact[gpus])) dimensions=region=$region family='' gpus=${fact[gpu_family]#NVIDIA_}
    if [ "$capacity" = on-demand ]; then family=${fact[gpu_family]} dimensions+=,gpu_family=$family; fi
    limit=$(jq -r --arg region "$region" --arg family "$family" '
        [.dimensionsInfos[]? | select((.dimensions.region // $region) == $region and (.dimensions.gpu_family // $family) == $family)
            | select(.dimensions.region or ((.applicableLocations // [$region]) | index($region)))]
        | sort_by(.dimensions | length) | last | .details.value // empty' <<<"$answer")
    [ -n "$limit" ] || limit=0
    ((limit < 0 || limit >= needed)) || problem "$nodes nodes need $needed $gpus GPUs ($capacity); the quota in $region is $limit. To ask for more:" \
        "$(raise "$(gpu_quota)" "$needed" "$dimensions")"
}

lacks_gpus() {
    warn "the quota $(gpu_quota) cannot be read ($(head -n 1 "$log")), so it is not checked:" "$(quoted "${ask_gpus[@]}")"
}

check_reservation() {
    local type count used status specific
    IFS=$'\t' read -r type count used status specific < <(jq -r '[.specificReservation.instanceProperties.machineType // "?",
        .specificReservation.count // "0", .specificReservation.inUseCount // "0", .status // "?",
        (.specificReservationRequired // false)] | @tsv' <<<"$answer")
    [ "$status" = READY ] || problem "reservation $reservation is not ready: $status. When it will be:" "$(quoted "${ask_reservation[@]}")"
    [ "$type" = "$machine_type" ] || problem "reservation $reservation is for $type, not for $machine_type:" "give another --reservation or --machine"
    [ "$specific" = true ] || problem "reservation $reservation is open to any machine, and cannot be asked for by name:" \
        "make one with gcloud compute reservations create --require-specific-reservation"
    pool_is_there || ((count - used >= nodes)) ||
        problem "reservation $reservation has $((count - used)) of its $count machines free, and $nodes are needed; who has the others:" \
            "gcloud compute instances list --project=$(reservation_project) --zones=$zone --filter=machineType~$machine_type"
}

lacks_reservation() {
    problem "reservation $reservation is not in zone $zone of project $(reservation_project) ($(head -n 1 "$log")); there are:" \
        "gcloud compute reservations list --project=$(reservation_project) --format='table(name,zone.basename(),specificReservation.count,specificReservation.inUseCount)'"
}
