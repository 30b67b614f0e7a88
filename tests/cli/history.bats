#!/usr/bin/env bats
# railgauge history: nights of a simulated fabric, dated one a day, in an SQLite file. What it leaves is read back by sqlite3 and jq.

bats_require_minimum_version 1.5.0

nights=50 slow_from=46 # the nights from here on are slow, where one is to be

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    db=$BATS_TEST_TMPDIR/history.db
    runs=$BATS_FILE_TMPDIR/runs
}

# A night's run, of that number, into DIR: the same fabric with other noise.
a_night() { # DIR NUMBER OPTION...
    local dir=$1 number=$2 day old new
    shift 2
    "$quick" simulate --nodes 6 --rails 3 --noise 1 --seed $((number + 1)) -o "$dir" "$@" >/dev/null || [ $? = 1 ]
    day=$(date -u -d "2026-01-01 +$number days" +%Y-%m-%d)
    old=$(sed -n 's/.*"run_id":\t*"\([^"]*\)".*/\1/p' "$dir/run.json")
    new=${day//-/}T020000Z-$(printf %08x "$number")
    sed -i "s/$old/$new/; s/\(\"started_at\":\t*\)\"[^\"]*\"/\1\"${day}T02:00:00Z\"/" "$dir/run.json"
    sed -i "s/$old/$new/" "$dir/measurements.ndjson"
    rm "$dir/verdict.json" "$dir/truth.json"
}

setup_file() {
    local night rails=()
    cd "$BATS_TEST_DIRNAME/../.." || return
    export quick=$PWD/build/railgauge # so many nights are too slow with sanitizers
    mkdir -p "$BATS_FILE_TMPDIR"/runs/{well,nic,rail,node}
    for node in 0 1 2 3 4 5; do rails+=(--fault "slow,part=rx,node=$node,rail=1,loss=7"); done
    for ((night = 0; night < nights; night++)); do
        a_night "$BATS_FILE_TMPDIR/runs/well/$(printf %02d $night)" $night
        ((night < slow_from)) && continue
        a_night "$BATS_FILE_TMPDIR/runs/nic/$night" $night --fault slow,part=rx,node=3,rail=2,loss=8
        a_night "$BATS_FILE_TMPDIR/runs/rail/$night" $night "${rails[@]}"
        a_night "$BATS_FILE_TMPDIR/runs/node/$night" $night --fault slow,part=node,node=4,loss=7
    done
}

history() {
    "$railgauge" history "$@" --db "$db"
}

# The first N nights, all well, then those of another kind.
fill() { # N [KIND]
    local well=("$runs"/well/*)
    history add "${well[@]:0:$1}" ${2:+"$runs/$2"/*} >"$BATS_TEST_TMPDIR/added"
}

query() {
    sqlite3 "$db" "$1"
}

findings() {
    history trend --format json | jq -c '[.findings[] | [.status, .new, .part, .node, .rail, .side]]'
}

# Exit status 2 and one line with these words; nothing printed.
refused() { # WORDS ARGUMENT...
    local words=$1
    shift
    run --separate-stderr "$railgauge" history "$@"
    echo "status $status: $stderr"
    [ "$status" = 2 ]
    [ "${#stderr_lines[@]}" = 1 ]
    [ -z "$output" ]
    [[ $stderr == *"$words"* ]]
}

# --- adding ---

@test "runs are added and listed in the order of time, and one that is there already stays as it is" {
    run -0 history add "$runs/well/01" "$runs/well/00"
    [ "${lines[0]}" = "20260102T020000Z-00000001 added: 49 figures" ]
    query .dump >"$BATS_TEST_TMPDIR/before"
    run -0 history add "$runs/well/00"
    [ "$output" = "20260101T020000Z-00000000 is there already; to replace it, \`railgauge history remove 20260101T020000Z-00000000\`, then add it again" ]
    query .dump | diff "$BATS_TEST_TMPDIR/before" -
    run -0 history list
    [ "${#lines[@]}" = 3 ]
    [[ ${lines[1]} == "20260101T020000Z-00000000 "*" 6 "*" 18 "*" 49 "*"simulated fabric" ]]
    [[ ${lines[2]} == "20260102T020000Z-00000001 "* ]]
}

@test "sqlite3 reads the list of runs back" {
    fill 2
    history list --format csv >"$BATS_TEST_TMPDIR/runs.csv"
    sqlite3 "$BATS_TEST_TMPDIR/back.db" ".import --csv $BATS_TEST_TMPDIR/runs.csv runs"
    diff <(sqlite3 "$BATS_TEST_TMPDIR/back.db" 'SELECT run_id, started_at, suite, origin, status, nodes, ranks, figures, exit_status FROM runs') \
        <(query 'SELECT run_id, started_at, suite, origin, status, nodes, ranks, (SELECT count(*) FROM figure WHERE run = run.id), exit_status FROM run ORDER BY 2')
}

@test "a figure is the median of what the run measured" {
    history add "$runs/well/00"
    median=$(jq -s '[.[] | select(.pattern == "screen" and .flow.to.node == "sim002" and .flow.to.rail == 1) |
        .bandwidth.bandwidth_gbps] | sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end' \
        "$runs/well/00/measurements.ndjson")
    kept=$(query "SELECT value FROM figure JOIN series ON series = series.id WHERE node = 'sim002' AND rail = 1 AND side = 'rx'")
    [ "$(jq -n "$median - $kept | fabs < 1e-6")" = true ]
}

@test "an incomplete run that was resumed since takes its own place" {
    cp -r "$runs/well/00" "$BATS_TEST_TMPDIR/run"
    sed -i 's/"complete"/"incomplete"/; s/\("incomplete_reason":\t*\)null/\1"it was stopped"/' "$BATS_TEST_TMPDIR/run/run.json"
    run -0 history add "$BATS_TEST_TMPDIR/run"
    run -0 history add "$runs/well/00"
    [[ $output == *added* ]]
    [ "$(query 'SELECT count(*), status FROM run')" = "1|complete" ]
    [ "$(query 'SELECT count(*) FROM figure')" = 49 ]
    run -0 history add "$BATS_TEST_TMPDIR/run"
    [[ $output == *"is there already"* ]]
}

@test "an incomplete run that got further takes its own place, and what it got to before does not" {
    partly() { # NUMBER: so many of the run's measurements
        mkdir -p "$BATS_TEST_TMPDIR/$1"
        jq --argjson n "$1" '.status = "incomplete" | .incomplete_reason = "it was stopped" | .measurements = $n' "$runs/well/00/run.json" >"$BATS_TEST_TMPDIR/$1/run.json"
        head -n "$1" "$runs/well/00/measurements.ndjson" >"$BATS_TEST_TMPDIR/$1/measurements.ndjson"
    }
    partly 10
    partly 50
    history add "$BATS_TEST_TMPDIR/10"
    few=$(query 'SELECT count(*) FROM figure')
    run -0 history add "$BATS_TEST_TMPDIR/50"
    [[ $output == *added* ]]
    [ "$(query 'SELECT count(*), status FROM run')" = "1|incomplete" ]
    [ "$(query 'SELECT count(*) FROM figure')" -gt "$few" ]
    for earlier in 10 50; do
        run -0 history add "$BATS_TEST_TMPDIR/$earlier"
        [[ $output == *"is there already; to replace it, "* ]]
    done
    run -0 history add "$runs/well/00"
    [ "$(query 'SELECT count(*), status FROM run')" = "1|complete" ]
}

@test "a run that cannot be read is refused with its place, and what came before it is kept" {
    bad=$BATS_TEST_TMPDIR/bad
    refused "no/such/run is no run directory: it is not there" add no/such/run --db "$db"
    cp -r "$runs/well/01" "$bad"
    sed -i '7s/"size_bytes":65536/"size_bytes":-1/' "$bad/measurements.ndjson"
    run --separate-stderr "$railgauge" history add "$runs/well/00" "$bad" --db "$db"
    [ "$status" = 2 ]
    [[ $stderr == *"$bad/measurements.ndjson: line 7: size_bytes"* ]]
    [ "$(query 'SELECT run_id FROM run')" = 20260101T020000Z-00000000 ]
    rm "$bad/measurements.ndjson"
    refused "$bad/measurements.ndjson: cannot be read" add "$bad" --db "$db"
    echo '{' >"$bad/run.json"
    refused "is not JSON" add "$bad" --db "$db"
    [ "$(query 'SELECT count(*) FROM run')" = 1 ]
}

@test "a run that began at no time of the calendar, or will only begin, is refused" {
    cp -r "$runs/well/00" "$BATS_TEST_TMPDIR/run"
    run=$BATS_TEST_TMPDIR/run/run.json
    cp "$run" "$BATS_TEST_TMPDIR/good.json"
    for time in yesterday 2026-13-45T02:00:00Z 2026-02-30T02:00:00Z 05/09/2026 2026-01-01T02:00:00+02:00; do
        jq --arg time $time '.started_at = $time' "$BATS_TEST_TMPDIR/good.json" >"$run"
        refused "$run: started_at: '$time' is no time in UTC as " add "$BATS_TEST_TMPDIR/run" --db "$db"
    done
    jq --arg time "$(date -u -d '2 days' +%Y-%m-%dT%H:%M:%SZ)" '.started_at = $time' "$BATS_TEST_TMPDIR/good.json" >"$run"
    refused "; set this machine's clock right, or started_at" add "$BATS_TEST_TMPDIR/run" --db "$db"
    [ ! -e "$db" ]
    jq --arg time "$(date -u -d '12 hours' +%Y-%m-%dT%H:%M:%S.5Z)" '.started_at = $time' "$BATS_TEST_TMPDIR/good.json" >"$run"
    run -0 history add "$BATS_TEST_TMPDIR/run"
}

@test "files of a directory that name different runs are refused" {
    cp -r "$runs/well/00" "$BATS_TEST_TMPDIR/run"
    sed -i 's/20260101T020000Z-00000000/20260101T020000Z-00000001/' "$BATS_TEST_TMPDIR/run/run.json"
    refused "measurements.ndjson: line 1: is of run 20260101T020000Z-00000000, not of 20260101T020000Z-00000001: run.json, measurements.ndjson and verdict.json must name one run" \
        add "$BATS_TEST_TMPDIR/run" --db "$db"
    cp "$runs/well/00/run.json" "$BATS_TEST_TMPDIR/run/run.json"
    "$railgauge" compare "$runs/well/01" --format json >"$BATS_TEST_TMPDIR/run/verdict.json" || [ $? = 3 ]
    refused "$BATS_TEST_TMPDIR/run/verdict.json: is of run 20260102T020000Z-00000001, not of 20260101T020000Z-00000000: run.json, measurements.ndjson and" \
        add "$BATS_TEST_TMPDIR/run" --db "$db"
}

@test "runs are removed, all or none, and corrected files take their place" {
    fill 4
    refused "has no run '20260101T020000Z-0000000f'; \`railgauge history list\` shows those it has. Nothing was removed" \
        remove 20260101T020000Z-00000000 20260101T020000Z-0000000f --db "$db"
    refused "has no run '$(printf '%0200d' 7)'; " remove "$(printf '%0200d' 7)" --db "$db"
    refused "give the ids of the runs to remove" remove --db "$db"
    refused "run 20260101T020000Z-00000000 is given twice" remove 20260101T020000Z-00000000 20260101T020000Z-00000000 --db "$db"
    [ "$(query 'SELECT count(*) FROM run')" = 4 ]
    run -0 history remove 20260103T020000Z-00000002 20260101T020000Z-00000000
    [ "$output" = "2 runs removed" ]
    [ "$(query "SELECT group_concat(run_id, ' ') FROM run")" = "20260102T020000Z-00000001 20260104T020000Z-00000003" ]
    [ "$(query 'SELECT count(*) FROM figure')" = 98 ]
    [ "$(query 'SELECT count(*) FROM run_fact WHERE run NOT IN (SELECT id FROM run)')" = 0 ]
    run -0 history add "$runs/well/00"
    [[ $output == "20260101T020000Z-00000000 added: "* ]]
}

@test "kill -9 in the middle of adding loses nothing and breaks nothing" {
    local killed=0 told
    for delay in 0.02 0.05 0.08 0.11 0.14 0.17 0.2 0.25 0.3 0.4; do
        rm -f "$db"*
        "$quick" history add "$runs"/well/* --db "$db" >"$BATS_TEST_TMPDIR/told" &
        sleep $delay
        kill -9 $! 2>/dev/null || true
        wait $! || killed=$((killed + 1))
        told=$(grep -c added "$BATS_TEST_TMPDIR/told" || true)
        if [ -s "$db" ] && [ "$(query 'SELECT count(*) FROM sqlite_master')" != 0 ]; then
            [ "$(query 'PRAGMA integrity_check')" = ok ]
            [ "$(query 'SELECT count(*) FROM run')" -ge "$told" ]
            [ "$(query 'SELECT count(*) FROM run')" -le $((told + 1)) ]
            [ -z "$(query 'SELECT run FROM figure GROUP BY run HAVING count(*) <> 49')" ]
        fi
        run -0 history add "$runs"/well/*
        [ "$(query 'SELECT count(*) FROM run')" = $nights ]
    done
    echo "killed $killed times" >&3
    [ $killed -ge 1 ]
}

@test "several adds at once all land, also where none has made the file yet" {
    local pids=()
    for part in 0 1 2 3; do
        "$railgauge" history add "$runs"/well/${part}[0-4] "$runs/well/40" --db "$db" >"$BATS_TEST_TMPDIR/$part" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    [ "$(query 'SELECT count(*) FROM run')" = 21 ]
    [ "$(query 'SELECT count(*) FROM figure')" = $((21 * 49)) ]
    [ "$(cat "$BATS_TEST_TMPDIR"/[0-3] | grep -c 'is there already')" = 3 ]
}

@test "readers do not wait for a writer, and a writer waits for another" {
    history add "$runs/well/00"
    coproc sqlite3 "$db"
    echo "BEGIN IMMEDIATE; DELETE FROM run; SELECT 'locked';" >&"${COPROC[1]}"
    read -r -u "${COPROC[0]}" line
    [ "$line" = locked ]
    run -0 timeout 5 "$railgauge" history list --db "$db"
    [ "${#lines[@]}" = 2 ]
    "$railgauge" history add "$runs/well/01" --db "$db" >"$BATS_TEST_TMPDIR/out" &
    sleep 0.5
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    echo 'ROLLBACK;' >&"${COPROC[1]}"
    wait $!
    [ "$(query 'SELECT count(*) FROM run')" = 2 ]
}

# --- schemas ---

# Makes the history one of schema 1, which had no facts.
make_old() {
    query 'DROP TABLE run_fact; DROP TABLE fact; ALTER TABLE run DROP COLUMN verdict_rows; PRAGMA user_version = 1; PRAGMA journal_mode = DELETE' >/dev/null
}

@test "an older schema is migrated, and the file as it was is left beside it" {
    fill 3
    make_old
    cp "$db" "$BATS_TEST_TMPDIR/old.db"
    run -0 --separate-stderr history add "$runs/well/03"
    [[ $stderr == *"was of an older schema and has been migrated; as it was, it is in $db.schema-1.backup" ]]
    [ "$(query 'PRAGMA user_version')" = 3 ]
    [ "$(query 'SELECT count(*) FROM run')" = 4 ]
    [ "$(query 'SELECT count(*) > 0 FROM run_fact')" = 1 ]
    sqlite3 "$db.schema-1.backup" .dump | diff - <(sqlite3 "$BATS_TEST_TMPDIR/old.db" .dump)
    [ "$(sqlite3 "$db.schema-1.backup" 'PRAGMA user_version')" = 1 ]
    # a backup is never written over
    make_old
    run -0 --separate-stderr history list
    [[ $stderr == *"$db.schema-1.backup-2" ]]
    [ "$(sqlite3 "$db.schema-1.backup" 'SELECT count(*) FROM run')" = 3 ]
    run -0 --separate-stderr history list
    [ -z "$stderr" ]
}

@test "a migration whose copy cannot be written changes nothing" {
    fill 2
    make_old
    cp "$db" "$BATS_TEST_TMPDIR/old.db"
    mkdir "$db.schema-1.backup.partial"
    run -4 --separate-stderr history list
    [[ $stderr == *"could not be copied"*"nothing was changed"* ]]
    [ "$(query 'PRAGMA user_version')" = 1 ]
    query .dump | diff - <(sqlite3 "$BATS_TEST_TMPDIR/old.db" .dump)
}

@test "a newer schema, another database and what is none are refused and left as they are" {
    fill 1
    query 'PRAGMA user_version = 4'
    before=$(md5sum "$db")
    refused "has schema version 4, and this railgauge knows 3 at most" list --db "$db"
    refused "has schema version 4" add "$runs/well/01" --db "$db"
    [ "$(md5sum "$db")" = "$before" ]
    other=$BATS_TEST_TMPDIR/other.db
    sqlite3 "$other" 'CREATE TABLE recipe (name TEXT)'
    before=$(md5sum "$other")
    refused "is no history, but the database of something else" add "$runs/well/01" --db "$other"
    [ "$(md5sum "$other")" = "$before" ]
    echo 'once upon a time there was a long enough text, which is no database at all' >"$BATS_TEST_TMPDIR/text"
    refused "is no history: it is not an SQLite database" list --db "$BATS_TEST_TMPDIR/text"
    refused "there is no such history" trend --db "$BATS_TEST_TMPDIR/none.db"
    [ ! -e "$BATS_TEST_TMPDIR/none.db" ]
    : >"$BATS_TEST_TMPDIR/empty.db"
    refused "is empty" list --db "$BATS_TEST_TMPDIR/empty.db"
}

# --- trend ---

@test "of nights that are well nothing is told" {
    fill $nights
    run -0 history trend
    [[ ${lines[0]} == "Nothing new, and no regression stands." ]]
    [ "$(findings)" = '[]' ]
    history trend --format json >"$BATS_TEST_TMPDIR/trend.json"
    scripts/validate "$BATS_TEST_TMPDIR/trend.json"
}

@test "a slow NIC is named, with its date, its size and what differed; a nightly job fails once for it" {
    cp -r "$runs/nic" "$BATS_TEST_TMPDIR/nic"
    sed -i 's/\("firmware":\t*\)null/\1"28.45.1200"/' "$BATS_TEST_TMPDIR"/nic/*/run.json
    cp -r "$runs/well" "$BATS_TEST_TMPDIR/well"
    sed -i 's/\("firmware":\t*\)null/\1"28.44.1036"/' "$BATS_TEST_TMPDIR"/well/*/run.json
    well=("$BATS_TEST_TMPDIR"/well/*)
    history add "${well[@]:0:slow_from}" >/dev/null
    statuses=()
    for night in "$BATS_TEST_TMPDIR"/nic/*; do
        history add "$night" >/dev/null
        run history trend
        statuses+=("$status")
        echo "$output"
        if [ "$status" = 1 ]; then
            [[ ${lines[0]} == "WORSE: 1 new regression: sim003 rail 2 receives "*" % less since 2026-02-16." ]]
        elif [[ " ${statuses[*]} " == *" 1 "* ]]; then
            [[ ${lines[0]} == "Nothing new; 1 regression stands: sim003 rail 2 receives "*" % less since 2026-02-16." ]]
        else
            [[ ${lines[0]} == "Nothing new, and no regression stands." ]]
        fi
        [ "$status" = 0 ] || [[ $output == *"NEW, WORSE: since 2026-02-16 sim003 rail 2 receives "*" % less ("*"the NIC's firmware went"*"from 28.44.1036 to 28.45.1200, there and on 17 others"*"that did"*"not change."* ]]
    done
    echo "${statuses[@]}"
    [[ " ${statuses[*]} " == *" 0 0 "*"1"* ]]
    [ "$(grep -o 1 <<<"${statuses[*]}" | wc -l)" = 1 ]
    run history trend --format json
    [ "$(jq -r '.findings | length' <<<"$output")" = 1 ]
    [ "$(jq -r '.findings[0] | .percent < -6 and .percent > -10 and .low_percent < -7 and .high_percent > -9.5' <<<"$output")" = true ]
    [ "$(jq -c '.findings[0].environment[] | [.name, .before, .after]' <<<"$output")" = '["the NIC'"'"'s firmware","28.44.1036","28.45.1200"]' ]
    echo "$output" >"$BATS_TEST_TMPDIR/trend.json"
    scripts/validate "$BATS_TEST_TMPDIR/trend.json"
}

@test "what is new since a run or a day is told as often as it is asked for, also when several runs came at once" {
    fill $slow_from rail
    run -0 history trend
    [[ ${lines[0]} == "Nothing new; 1 regression stands: rail 1 "* ]]
    for since in 20260215T020000Z-0000002d 2026-02-16 2026-01-01 2000-01-01; do
        for _ in first second; do
            run -1 history trend --since $since
            [[ ${lines[0]} == "WORSE: 1 new regression: rail 1 "*" % less since 2026-02-16." ]]
        done
    done
    run -1 history trend --since 20260215T020000Z-0000002d --format json
    [ "$(jq -c '[.seen_run_id, .new_regressions, .findings[0].new]' <<<"$output")" = '["20260215T020000Z-0000002d",1,true]' ]
    told=$(jq -r '.findings[0].told_run_id' <<<"$output")
    run -0 history trend --since "$told"
    [[ ${lines[0]} == "Nothing new; "* ]]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *" New is what could not be told after run $told."* ]]
    # a script takes the newest run before it adds others
    [ "$(history list --format csv | tail -n 1 | cut -d, -f1)" = 20260219T020000Z-00000031 ]
    refused "--since: 'n25' is no day as 2026-01-31, and no run of the history; " trend --since n25 --db "$db"
    refused "--since: '2026-02-30' is no day" trend --since 2026-02-30 --db "$db"
    refused "--since is not for list" list --since 2026-02-16 --db "$db"
}

@test "a rail that is slow on all nodes is told once, and so is a node on all its rails" {
    fill $slow_from rail
    [ "$(findings | jq -c '[.[] | .[2:5]]')" = '[["rail",null,1]]' ]
    run history trend
    [[ $output == *"rail 1 moves "*" % less ("*"on 6 of 6 nodes"* ]]
    rm "$db"*
    fill $slow_from node
    [ "$(findings | jq -c '[.[] | .[2:5]]')" = '[["node","sim004",null]]' ]
}

@test "figures of hardware, soft-RoCE and simulations are never compared" {
    cp -r "$runs/rail" "$BATS_TEST_TMPDIR/other"
    sed -i 's/simulated fabric/soft-RoCE/' "$BATS_TEST_TMPDIR"/other/*/run.json
    fill $slow_from
    history add "$BATS_TEST_TMPDIR"/other/*
    [ "$(findings)" = '[]' ]
}

@test "trend looks at one test, node or rail alone, and tells changes of a size or more" {
    fill $slow_from nic
    [ "$(history trend --format json --rail 2 | jq '.findings | length')" = 1 ]
    [ "$(history trend --format json --rail 1 | jq '.findings | length')" = 0 ]
    [ "$(history trend --format json --node sim003 | jq '.findings | length')" = 1 ]
    [ "$(history trend --format json --node sim001 | jq '.findings | length')" = 0 ]
    [ "$(history trend --format json --least 20 | jq '.findings | length')" = 0 ]
}

@test "a name of nothing that was measured, and a history without runs, are no good news" {
    fill 2
    refused "has no series of --test rdma_read_bw; its tests: rdma_write_bw" trend --test rdma_read_bw --db "$db"
    refused "has no series of --node sim00 --rail 1; its nodes: sim000, sim001, sim002, sim003, sim004, sim005; its rails: 0, 1, 2" trend --node sim00 --rail 1 --db "$db"
    refused "has no figure of --node sim00; its nodes: sim000, " export --node sim00 --db "$db"
    history prune --before 2030-01-01
    refused "has no runs; \`railgauge history add\` puts them in" trend --db "$db"
}

@test "of a young history no change can be told, and trend says so" {
    fill 3
    run -0 history trend
    [[ $(tr -s ' \n' ' ' <<<"$output") == "Too few runs to tell whether anything has got worse: it takes "* ]]
    [ "$(history trend --format json | jq '.short_series == .series and .least_runs > 10')" = true ]
}

@test "what the last run did not measure of what the one before had is told, and is no pass" {
    fill 3
    run -0 history trend
    cp -r "$runs/well/03" "$BATS_TEST_TMPDIR/03"
    # node sim003 is not there, and of sim001 rail 2 nothing came
    jq -c 'select(([.flow.from, .flow.to] | all(.node != "sim003" and [.node, .rail] != ["sim001", 2])))' \
        "$runs/well/03/measurements.ndjson" >"$BATS_TEST_TMPDIR/03/measurements.ndjson"
    jq --argjson n "$(wc -l <"$BATS_TEST_TMPDIR/03/measurements.ndjson")" '.measurements = $n' "$runs/well/03/run.json" >"$BATS_TEST_TMPDIR/03/run.json"
    history add "$BATS_TEST_TMPDIR/03"
    run -3 history trend
    [ "${lines[0]}" = "INCOMPLETE: the last run lacks 12 of 49 series: all of sim003: 8 series; of sim001, all its rails together: 2 series; of sim001 rail 2: 2 series." ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"NOT MEASURED in the last run, 20260104T020000Z-00000003: "*" of the 49 series that the run of its suite before it has, 20260103T020000Z-00000002. all of sim003: 8 series of sim001, all its rails together: 2 series of sim001 rail 2: 2 series"* ]]
    run -3 history trend --format json
    echo "$output" >"$BATS_TEST_TMPDIR/trend.json"
    scripts/validate "$BATS_TEST_TMPDIR/trend.json"
    [ "$(jq -c '.not_measured.parts[0] | [.part, .node, .rail, .series]' <<<"$output")" = '["node","sim003",null,8]' ]
    run -0 history trend --node sim002
    # it is still said when the next night has no more
    sed 's/2026-01-04T/2026-01-05T/; s/20260104T020000Z-00000003/20260105T020000Z-00000004/' "$BATS_TEST_TMPDIR/03/run.json" >"$BATS_TEST_TMPDIR/run.json"
    sed -i 's/20260104T020000Z-00000003/20260105T020000Z-00000004/' "$BATS_TEST_TMPDIR/03/measurements.ndjson"
    mv "$BATS_TEST_TMPDIR/run.json" "$BATS_TEST_TMPDIR/03/run.json"
    cp "$db" "$BATS_TEST_TMPDIR/before.db"
    history add "$BATS_TEST_TMPDIR/03"
    run -0 history trend
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"Gone for longer: "*" series that runs of the last run's suite measured before, the last time in 20260103T020000Z-00000002."* ]]
    [[ $output != *"NOT MEASURED"* ]]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"00000002. all of sim003: 8 series of sim001"* ]]
    [ "$(history trend --format json | jq -c '.not_measured.gone_parts[0] | [.part, .node, .series]')" = '["node","sim003",8]' ]
    # the next night has nothing to miss but what came back
    mv "$BATS_TEST_TMPDIR/before.db" "$db"
    history add "$runs/well/04"
    run -0 history trend
    [[ $output != *"NOT MEASURED"* ]]
}

@test "a night that measured nothing, or was not on hardware, lacks all that those before measured" {
    for night in 00 01 02 03; do
        cp -r "$runs/well/$night" "$BATS_TEST_TMPDIR/$night"
        [ $night = 02 ] && continue
        sed -i 's/"hardware":false,"hardware_reason":"[^"]*"/"hardware":true,"hardware_reason":null/' "$BATS_TEST_TMPDIR/$night/measurements.ndjson"
        jq '.hardware = true | .hardware_reason = null' "$BATS_TEST_TMPDIR/$night/run.json" >"$BATS_TEST_TMPDIR/run.json"
        mv "$BATS_TEST_TMPDIR/run.json" "$BATS_TEST_TMPDIR/$night/run.json"
    done
    history add "$BATS_TEST_TMPDIR"/0{0,1}
    cp "$db" "$BATS_TEST_TMPDIR/before.db"
    history add "$BATS_TEST_TMPDIR/02"
    run -3 history trend
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"NOT MEASURED"*"49 of the 49 series"*"everything: 49 series; these are of hardware, the last run is of simulated fabric " ]]
    history add "$BATS_TEST_TMPDIR/03"
    run -0 history trend
    [[ $output != *"NOT MEASURED"* && $output != *"Gone"* ]]
    rm "$db"*
    mv "$BATS_TEST_TMPDIR/before.db" "$db"
    for night in 02 03; do # one after the other
        : >"$BATS_TEST_TMPDIR/$night/measurements.ndjson"
        jq '.hardware = null | .hardware_reason = null | .measurements = 0 | .status = "incomplete" | .incomplete_reason = "no rank came"' \
            "$runs/well/$night/run.json" >"$BATS_TEST_TMPDIR/$night/run.json"
        history add "$BATS_TEST_TMPDIR/$night"
        run -3 history trend
        [[ $(tr -s ' \n' ' ' <<<"$output") == "INCOMPLETE: the last run lacks 49 of 49 series: everything: 49 series. The last run measured nothing that could have got worse. "*"49 of the 49 series that the run of its suite before it has, 20260102T020000Z-00000001. everything: 49 series " ]]
    done
    rm "$db"*
    history add "$BATS_TEST_TMPDIR/02"
    run -3 history trend
}

@test "a NIC whose data arrive damaged has no figure, which is no pass" {
    fill 1
    a_night "$BATS_TEST_TMPDIR/run" 1 --fault corrupts,part=rx,node=3,rail=2
    history add "$BATS_TEST_TMPDIR/run"
    run -3 history trend
    [[ $output == *"of sim003 rail 2: 1 series"* ]]
    [ -z "$(query "SELECT value FROM figure JOIN series ON series = series.id WHERE run = 2 AND node = 'sim003' AND rail = 2 AND side = 'rx'")" ]
}

# --- export and prune ---

@test "sqlite3 reads the CSV back, figure by figure" {
    fill 4
    history export --format csv >"$BATS_TEST_TMPDIR/figures.csv"
    sqlite3 "$BATS_TEST_TMPDIR/back.db" ".import --csv $BATS_TEST_TMPDIR/figures.csv figures"
    back() { sqlite3 "$BATS_TEST_TMPDIR/back.db" "$1"; }
    [ "$(back 'SELECT count(*) FROM figures')" = $((4 * 49)) ]
    key="SELECT run_id, test, size_bytes, node, side, metric, round(value, 6) FROM"
    diff <(back "$key figures ORDER BY 1, 2, 3, 4, 5, 6, value + 0") \
        <(query "$key figure JOIN series ON series.id = series JOIN run ON run.id = run ORDER BY 1, 2, 3, 4, 5, 6, value")
}

@test "a node's name is no formula to a spreadsheet and no command to a terminal" {
    cp -r "$runs/well/00" "$BATS_TEST_TMPDIR/run"
    sed -i 's/"sim002"/"=cmd|calc"/g; s/"sim003"/"a\\u001b[31m\\u009b\\r\\"b"/g' "$BATS_TEST_TMPDIR"/run/*.{json,ndjson}
    jq '.suite.name = "nightly"' "$BATS_TEST_TMPDIR/run/run.json" >"$BATS_TEST_TMPDIR/run.json"
    mv "$BATS_TEST_TMPDIR/run.json" "$BATS_TEST_TMPDIR/run/run.json"
    history add "$BATS_TEST_TMPDIR/run"
    history export >"$BATS_TEST_TMPDIR/figures.csv"
    grep -qF ',"'"'"'=cmd|calc",' "$BATS_TEST_TMPDIR/figures.csv"
    grep -qF ',"a?[31m???""b",' "$BATS_TEST_TMPDIR/figures.csv"
    # the next night lacks these nodes, so that trend names them
    sed 's/2026-01-01T/2026-01-02T/; s/20260101T020000Z-00000000/20260102T020000Z-00000001/' "$BATS_TEST_TMPDIR/run/run.json" |
        jq '.measurements = 1' >"$BATS_TEST_TMPDIR/run.json"
    mv "$BATS_TEST_TMPDIR/run.json" "$BATS_TEST_TMPDIR/run/run.json"
    sed -i 's/20260101T020000Z-00000000/20260102T020000Z-00000001/; 1!d' "$BATS_TEST_TMPDIR/run/measurements.ndjson"
    history add "$BATS_TEST_TMPDIR/run"
    history trend >"$BATS_TEST_TMPDIR/trend" || [ $? = 3 ]
    grep -qF '=cmd|calc' "$BATS_TEST_TMPDIR/trend"
    grep -qF '[31m' "$BATS_TEST_TMPDIR/trend"
    LC_ALL=C run -1 grep -q "$(printf '[\001-\010\013-\037]')" "$BATS_TEST_TMPDIR/trend"
}

@test "jq reads the NDJSON back, each line is valid, and BigQuery's schema has just its fields" {
    fill 2
    history export --format ndjson >"$BATS_TEST_TMPDIR/figures.ndjson"
    run -0 scripts/validate "$BATS_TEST_TMPDIR/figures.ndjson"
    [ "$(jq -s length "$BATS_TEST_TMPDIR/figures.ndjson")" = 98 ]
    [ "$(jq -s '[.[].value] | add * 1e6 | round' "$BATS_TEST_TMPDIR/figures.ndjson")" = "$(query 'SELECT cast(round(sum(value) * 1e6) AS INTEGER) FROM figure')" ]
    table=results-schema/figure.bigquery.json
    [ "$(jq -c '[.[].name] | sort' $table)" = "$(jq -sc '.[0] | keys' "$BATS_TEST_TMPDIR/figures.ndjson")" ]
    nullable=$(jq -c '[.[] | select(.mode == "NULLABLE") | .name] | sort' $table)
    [ "$(jq -sc '[.[] | to_entries[] | select(.value == null) | .key] | unique' results-schema/examples/valid/figure-*)" = "$nullable" ]
    [ "$(history export --format ndjson --node sim002 --rail 1 | jq -r '.node' | sort -u)" = sim002 ]
}

@test "prune removes old runs and nothing else" {
    fill 10
    run -0 history prune --before 2026-01-04
    [ "$output" = "3 runs removed" ]
    [ "$(query 'SELECT count(*), min(started_at) FROM run')" = "7|2026-01-04T02:00:00Z" ]
    run -0 history prune --keep 2
    [ "$output" = "5 runs removed" ]
    [ "$(query 'SELECT count(*) FROM figure')" = 98 ]
    [ "$(query 'SELECT count(*) FROM run_fact WHERE run NOT IN (SELECT id FROM run)')" = 0 ]
    refused "prune needs --before DATE or --keep N" prune --db "$db"
    for date in yesterday 2026-13-45 2026-02-30 2026-1-1; do
        refused "is no date" prune --before $date --db "$db"
    done
    [ "$(query 'SELECT count(*) FROM run')" = 2 ]
}

@test "what cannot be written is no success" {
    fill 2
    for words in list trend "trend --format json" export; do
        read -ra words <<<"$words"
        run --separate-stderr sh -c '"$0" history "$@" >/dev/full' "$railgauge" "${words[@]}" --db "$db"
        [ "$status" = 4 ]
        [[ $stderr == *"the output cannot be written: No space left on device"* ]]
    done
}

@test "words and options that make no sense are refused" {
    refused "say what to do: add, list, trend, export, remove or prune"
    refused "say what to do" forget
    refused "give the directories" add
    refused "nosuch is no run directory" add "$BATS_TEST_TMPDIR/nosuch" --db "$BATS_TEST_TMPDIR/new.db"
    [ ! -e "$BATS_TEST_TMPDIR/new.db" ]
    refused "takes no words" list "$runs/well/00"
    refused "--rail is not for list" list --rail 3
    refused "trend cannot be written as csv" trend --format csv
    refused "list cannot be written as json" list --format json
    refused "export cannot be written as text" export --format text
}
