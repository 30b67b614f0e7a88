#!/usr/bin/env bats
# jobs/monitoring and what feeds it: alerts, dashboard, exporter, and the history of nights.

load parts

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    fetch_parts
    [ -z "$WITHOUT" ] || return 0
    export MANIFESTS=$BATS_FILE_TMPDIR/monitoring.json
    "$KUBECTL" kustomize jobs/monitoring >"$BATS_FILE_TMPDIR/monitoring.yaml"
    node tests/jobs/manifests.mjs --json "$BATS_FILE_TMPDIR/monitoring.yaml" | jq '.[]' >"$MANIFESTS"
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || exit 1
    skip_without_parts
    PATH=$PWD/build:$PATH
    jq '.[] | select(.kind == "Rules") | {groups: .spec.groups}' "$MANIFESTS" >"$BATS_TEST_TMPDIR/rules.yaml"
    metrics='railgauge_[a-z_0-9]*'
}

teardown() { [ -z "${exporter:-}" ] || kill "$exporter"; }

night() { # DAY WORD...: a run of the simulator, and what the nightly Job does with it
    local run=$BATS_TEST_TMPDIR/runs/$1
    railgauge simulate --nodes 4 --rails 2 --machine a3-ultra --seed "$1" -o "$run" "${@:2}" >/dev/null || [ $? = 1 ] || return
    sed -i "s/\(\"started_at\":\t*\)\"[^\"]*\"/\1\"2026-01-${1}T02:23:00Z\"/" "$run/run.json"
    bash jobs/image/railgauge-nightly "$run"
}

@test "the alert rules are what Prometheus can read, and each is told when it should be, and not else" {
    promtool check rules "$BATS_TEST_TMPDIR/rules.yaml"
    cp tests/jobs/alerts.yaml "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR"
    run promtool test rules alerts.yaml
    echo "$output"
    [ "$status" = 0 ]
    for alert in $(jq -r '.groups[].rules[].alert' rules.yaml); do grep -q "alertname: $alert" alerts.yaml; done
}

@test "rules and dashboard ask for figures that railgauge writes, with labels that they have" {
    grep -o "^$metrics" tests/golden/report.openmetrics | sort -u >"$BATS_TEST_TMPDIR/written"
    { jq -r '.. | .expr? // empty' "$BATS_TEST_TMPDIR/rules.yaml" && jq -r '.. | .expr? // .query? // empty | strings' jobs/monitoring/dashboard.json; } >"$BATS_TEST_TMPDIR/asked"
    [ "$(grep -c . "$BATS_TEST_TMPDIR/asked")" -ge 15 ]
    for name in $(grep -o "$metrics" "$BATS_TEST_TMPDIR/asked" | sort -u); do grep -qx "$name" "$BATS_TEST_TMPDIR/written"; done
    for label in $(grep -o 'by ([a-z, ]*)' "$BATS_TEST_TMPDIR/asked" | sed 's/by (//; s/[,)]//g'); do grep -q "[{,]$label=" tests/golden/report.openmetrics; done
    # As Prometheus reads them: each a rule of its own.
    jq -n --rawfile asked "$BATS_TEST_TMPDIR/asked" '{groups: [{name: "asked", rules: [$asked | split("\n")[] | select(test("railgauge_") and (test("^label_values") | not))
        | {record: "asked", expr: gsub("\\$node"; ".*")}] | unique}]}' >"$BATS_TEST_TMPDIR/asked.yaml"
    promtool check rules "$BATS_TEST_TMPDIR/asked.yaml"
}

@test "the dashboard is one that Grafana can import: ids once, panels beside each other, the data source chosen by name" {
    jq -e '[.panels[].id] | length == (unique | length)' jobs/monitoring/dashboard.json
    jq -e '[.panels[] | .gridPos | .x + .w <= 24] | all' jobs/monitoring/dashboard.json
    jq -e '[.panels[].datasource.uid] | unique == ["${datasource}"]' jobs/monitoring/dashboard.json
    jq -e '. as $whole | [.. | objects | select(.kind? == "ConfigMap")] | length == 0 and ($whole | has("uid") and has("title") and has("schemaVersion"))' jobs/monitoring/dashboard.json
    jq -e --slurpfile own jobs/monitoring/dashboard.json '.[] | select(.kind == "ConfigMap").data["dashboard.json"] | fromjson == $own[0]' "$MANIFESTS"
}

@test "a night's figures can be scraped from the exporter, run with the Deployment's own words" {
    command -v prometheus-node-exporter >/dev/null || skip "no prometheus-node-exporter"
    mkdir "$BATS_TEST_TMPDIR/runs"
    night 01 --fault slow,part=tx,node=2,rail=1,loss=20
    local port=$((20000 + RANDOM % 10000)) words
    mapfile -t words < <(jq -r '.[] | select(.kind == "Deployment").spec.template.spec.containers[0].args[]' "$MANIFESTS" |
        sed "s,/runs/metrics,$BATS_TEST_TMPDIR/runs/metrics,; s/:9100/127.0.0.1:$port/")
    prometheus-node-exporter "${words[@]}" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    exporter=$!
    for _ in {1..50}; do
        ! scrape "$port" >"$BATS_TEST_TMPDIR/scraped" 2>/dev/null || break
        sleep 0.1
    done
    grep -qx 'node_textfile_scrape_error 0' "$BATS_TEST_TMPDIR/scraped"
    [ "$(grep -c '^railgauge_' "$BATS_TEST_TMPDIR/scraped")" = "$(grep -c '^railgauge_' "$BATS_TEST_TMPDIR/runs/metrics/railgauge.prom")" ]
    grep -q '^railgauge_suspects 1$' "$BATS_TEST_TMPDIR/scraped"
    # All that are kept are asked for, and the port is the one that is scraped.
    jq -e '(.[] | select(.kind == "Deployment").spec.template.spec.containers[0].ports[0].name) as $port
        | .[] | select(.kind == "PodMonitoring").spec.endpoints[0].port == $port' "$MANIFESTS"
}

scrape() { # PORT
    python3 -c 'import sys, urllib.request; print(urllib.request.urlopen("http://127.0.0.1:" + sys.argv[1] + "/metrics").read().decode())' "$1"
}

@test "quiet nights pass, one that is worse fails once, and the figures are of the last" {
    mkdir "$BATS_TEST_TMPDIR/runs"
    local day failed=0
    for day in {01..12}; do
        run night "$day"
        [ "$status" = 0 ]
    done
    for day in {13..18}; do
        run night "$day" --fault slow,part=tx,node=2,rail=1,loss=20
        echo "$day: $status: $output"
        case $status in 0) ;; 1) failed=$((failed + 1)) && [[ $output == *sim002* ]] ;; *) false ;; esac
    done
    [ "$failed" = 1 ]
    grep -q '^railgauge_suspects 1$' "$BATS_TEST_TMPDIR/runs/metrics/railgauge.prom"
    [ "$(ls "$BATS_TEST_TMPDIR/runs/metrics")" = railgauge.prom ]
}

@test "what is no run is refused, and leaves the figures of the night before" {
    mkdir -p "$BATS_TEST_TMPDIR/runs/metrics" "$BATS_TEST_TMPDIR/runs/no"
    echo before >"$BATS_TEST_TMPDIR/runs/metrics/railgauge.prom"
    run bash jobs/image/railgauge-nightly "$BATS_TEST_TMPDIR/runs/no"
    [ "$status" = 2 ]
    [ "$(cat "$BATS_TEST_TMPDIR/runs/metrics/railgauge.prom")" = before ]
    run bash jobs/image/railgauge-nightly
    [ "$status" = 2 ]
}
