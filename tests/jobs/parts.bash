# shellcheck shell=bash
# What tests of manifests run on: the packages of package.json, and a kubectl. Without them tests are skipped, which setup has to say.

fetch_parts() {
    export KUBECTL JOBS_PARTS=$PWD/build/jobs/tests WITHOUT=''
    command -v npm >/dev/null || WITHOUT="no npm to bring Kubernetes' schemas"
    KUBECTL=$(scripts/kubectl --path 2>&1) || WITHOUT=$KUBECTL
    [ -n "$WITHOUT" ] || scripts/npm_parts tests/jobs "$JOBS_PARTS"
}

skip_without_parts() { [ -z "$WITHOUT" ] || skip "$WITHOUT"; }
