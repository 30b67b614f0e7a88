#!/usr/bin/env bats
# The demo as a new user runs it, and what can be done with its run.

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    make -s demo >"$BATS_FILE_TMPDIR/stdout" 2>"$BATS_FILE_TMPDIR/stderr" && status=0 || status=$?
    echo "$status" >"$BATS_FILE_TMPDIR/status"
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "the demo passes" {
    cat "$BATS_FILE_TMPDIR/stdout" "$BATS_FILE_TMPDIR/stderr"
    [ "$(<"$BATS_FILE_TMPDIR/status")" = 0 ]
    grep -q '^PASS: ' "$BATS_FILE_TMPDIR/stdout"
}

@test "its run validates against the schemas" {
    scripts/validate build/demo
}

@test "it measures four flows at once on two nodes with two rails, and tells each rail and each node" {
    [ "$(jq -s '[.[] | select(.test == "rdma_write_bw" and .direction == "both_ways")] | [length, (map(.round) | unique | length)]' \
        -c build/demo/measurements.ndjson)" = "[4,1]" ]
    grep -q 'node0 r1 > node1 r1' "$BATS_FILE_TMPDIR/stdout"
    grep -q 'node1 receives, all rails' "$BATS_FILE_TMPDIR/stdout"
}

@test "no line of the report is wider than 100 columns" {
    [ "$(wc -L <"$BATS_FILE_TMPDIR/stdout")" -le 100 ]
}

@test "held against a3-ultra it fails, and each shortfall is named" {
    run build/railgauge compare build/demo --machine a3-ultra
    echo "$output"
    [ "$status" = 1 ]
    for flow in 'node0 r0 > node1 r0' 'node0 r1 > node1 r1' 'node1 r0 > node0 r0' 'node1 r1 > node0 r1'; do
        grep -q "FAIL  *$flow" <<<"$output"
    done
}

@test "its verdict against a3-ultra as JSON validates, and says what each shortfall is" {
    run build/railgauge compare build/demo --machine a3-ultra --format json
    [ "$status" = 1 ]
    echo "$output" >"$BATS_TEST_TMPDIR/verdict.json"
    scripts/validate "$BATS_TEST_TMPDIR/verdict.json"
    [ "$(jq '[.expectations[] | select(.status == "fail" and .measured < .threshold)] | length' "$BATS_TEST_TMPDIR/verdict.json")" \
        -ge 4 ]
    [ "$(jq '[.expectations[] | select(.status == "pass")] | length' "$BATS_TEST_TMPDIR/verdict.json")" = 0 ]
}

@test "held against one like it every row finds its own figure" {
    local earlier=$BATS_TEST_TMPDIR/earlier
    cp -r build/demo "$earlier"
    run --separate-stderr build/railgauge compare build/demo --baseline "$earlier" --tolerance 99 --format json
    echo "$stderr"
    [ "$status" = 0 ]
    [ "$(jq '[.expectations[] | select(.measured != .expected)] | length' <<<"$output")" = 0 ]
    [ "$(jq '[.expectations[] | select(.status == "pass")] | length' <<<"$output")" -gt 40 ]
}
