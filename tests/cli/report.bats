#!/usr/bin/env bats
# railgauge report on the command line; what the page shows is tested in tests/page.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    out=$BATS_TEST_TMPDIR/run page=$BATS_TEST_TMPDIR/report.html
    "$railgauge" simulate --nodes 4 --rails 2 -o "$out" >/dev/null
    command -v npm >/dev/null || skip "no npm to build the page with"
}

# What is refused leaves the report that was there as it was.
refused() { # WORD..., in the message
    echo good >"$page"
    run -2 --separate-stderr "$railgauge" report "$out" -o "$page"
    for word in "$@"; do
        [[ $stderr == *"$word"* ]] || { echo "not '$word' in: $stderr" && false; }
    done
    [ "$(cat "$page")" = good ]
    [ "$(find "$BATS_TEST_TMPDIR" -name '*.new' | wc -l)" = 0 ]
}

@test "a report is one file, and the exit status is that of writing, not of the verdict" {
    run -0 "$railgauge" report "$out" -o "$page"
    [[ $output == *"pass: Everything was measured"*"written to $page" ]]
    [ "$(head -n 1 "$page")" = '<!DOCTYPE html>' ]
    run -1 "$railgauge" simulate --nodes 4 --rails 2 --fault dead,part=tx,node=1,rail=1 -o "$out.ill"
    run -0 "$railgauge" report "$out.ill" "$out" -o "$page" --title 'Two runs'
    [[ $output == *"fail: "*"pass: "* ]]
    grep -q '<title>Two runs</title>' "$page"
}

@test "with --machine the verdict is against that machine, as compare has it; without, the run's own; of several runs the title counts" {
    jq '.expectations |= map(select(.size_bytes == 65536 and .test == "rdma_write_bw") | .expected *= 2)' tests/golden/lab.json >"$BATS_TEST_TMPDIR/lab.json"
    run -0 "$railgauge" report "$out" -o "$page" --machine "$BATS_TEST_TMPDIR/lab.json"
    wanted=$("$railgauge" compare "$out" --machine "$BATS_TEST_TMPDIR/lab.json" --format json | jq -r .summary || true)
    [[ $wanted == *"of lab are met, "*" failed"* ]]
    [ "${lines[0]}" = "$(jq -r .run_id "$out/run.json"): fail: $wanted" ]
    grep -q '"against":{"kind":"machine","name":"lab"}' "$page"
    "$railgauge" simulate --nodes 4 --rails 2 --fault dead,part=tx,node=1,rail=1 -o "$out.ill" >/dev/null || [ $? = 1 ]
    run -0 "$railgauge" report "$out" "$out.ill" -o "$page"
    grep -q '<title>railgauge: 2 runs, 1 passed</title>' "$page"
}

@test "the same runs give the same report, to the byte" {
    "$railgauge" report "$out" -o "$page"
    "$railgauge" report "$out" -o "$page.again"
    cmp "$page" "$page.again"
}

@test "a run that was killed has a report without a verdict, up to its last whole line" {
    jq '.status = "incomplete" | .incomplete_reason = "the run has not ended" | .ended_at = null | .exit_status = null' "$out/run.json" >"$out/new"
    mv "$out/new" "$out/run.json"
    rm "$out/verdict.json"
    head -c -100 "$out/measurements.ndjson" >"$out/new"
    mv "$out/new" "$out/measurements.ndjson"
    run -0 "$railgauge" report "$out" -o "$page"
    [[ $output == *"no verdict: the run ended before it was judged"* ]]
}

@test "bad documents are refused by file, line and field" {
    cp -r "$out" "$out.good"
    sed -i '3s/"size_bytes":65536/"size_bytes":0/' "$out/measurements.ndjson"
    refused "$out/measurements.ndjson: line 3: size_bytes:"
    rm -r "$out" && cp -r "$out.good" "$out"
    sed -i '2s/.*/{"half":/' "$out/measurements.ndjson"
    refused "$out/measurements.ndjson: line 2:"
    rm -r "$out" && cp -r "$out.good" "$out"
    sed -i '$d' "$out/measurements.ndjson"
    refused "$out/measurements.ndjson: holds"
    rm -r "$out" && cp -r "$out.good" "$out"
    sed -i 's/"exit_status":0/"exit_status":1/' "$out/verdict.json"
    refused "$out/verdict.json: status and exit_status disagree"
    rm -r "$out" && cp -r "$out.good" "$out"
    sed -i 's/"run_id":"[^"]*"/"run_id":"20260301T020000Z-1a2b3c4d"/' "$out/verdict.json"
    refused "$out/verdict.json: is of run 20260301T020000Z-1a2b3c4d"
    rm -r "$out" && cp -r "$out.good" "$out"
    sed -i 's/"run_id":"[^"]*"/"run_id":"20260301T020000Z-1a2b3c4d"/' "$out/measurements.ndjson"
    refused "line 1" "is of run 20260301T020000Z-1a2b3c4d"
    rm "$out/run.json"
    refused "$out is no run directory: it has no run.json"
}

@test "usage that makes no sense is refused, and what cannot be written is told" {
    run -2 --separate-stderr "$railgauge" report
    [[ $stderr == *"give the directories of one or more runs"* ]]
    run -2 --separate-stderr "$railgauge" report "$out" --machine nonesuch -o "$page"
    [[ $stderr == *"there is no machine 'nonesuch'"* ]]
    run -4 --separate-stderr "$railgauge" report "$out" -o "$BATS_TEST_TMPDIR/no/such/report.html"
    [[ $stderr == *"no/such/report.html: cannot be written"* ]]
}

@test "a history that is none, or of a newer schema, or not there, is refused, and the report that was there stays" {
    db=$BATS_TEST_TMPDIR/history.db
    refused_db() { # WORDS
        echo good >"$page"
        run -2 --separate-stderr "$railgauge" report "$out" --db "$db" -o "$page"
        [[ $stderr == "railgauge report: $db: "*"$1"* ]] || { echo "not '$1' in: $stderr" && false; }
        [ "${#stderr_lines[@]}" = 1 ]
        [ -z "$output" ]
        [ "$(cat "$page")" = good ]
    }
    refused_db "there is no such history"
    [ ! -e "$db" ]
    echo 'once upon a time there was a long enough text, which is no database at all' >"$db"
    refused_db "is no history: it is not an SQLite database"
    rm "$db"
    sqlite3 "$db" 'CREATE TABLE recipe (name TEXT)'
    refused_db "is no history, but the database of something else"
    rm "$db"
    "$railgauge" history add "$out" --db "$db"
    sqlite3 "$db" 'PRAGMA user_version = 9' >/dev/null
    refused_db "has schema version 9, and this railgauge knows"
}

@test "a report with a history is the same to the byte, and a bad run is refused with it, too" {
    db=$BATS_TEST_TMPDIR/history.db
    "$railgauge" history add "$out" --db "$db"
    "$railgauge" report "$out" --db "$db" -o "$page"
    grep -q '"history":{"name":"history.db","runs":1,' "$page"
    "$railgauge" report "$out" --db "$db" -o "$page.again"
    cmp "$page" "$page.again"
    sed -i '3s/"size_bytes":65536/"size_bytes":0/' "$out/measurements.ndjson"
    run -2 --separate-stderr "$railgauge" report "$out" --db "$db" -o "$page"
    [[ $stderr == *"$out/measurements.ndjson: line 3: size_bytes:"* ]]
}
