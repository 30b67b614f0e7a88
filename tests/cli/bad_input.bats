#!/usr/bin/env bats
# Whatever is wrong with the input: exit status 2, one clear line, nothing written. On the programs built with ASan and UBSan.

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    railgauge=$PWD/build/asan/railgauge
    work=$BATS_TEST_TMPDIR
}

# One line on standard error that holds the words, and exit status 2.
refused() { # WORDS COMMAND...
    local words=$1
    shift
    run --separate-stderr "$@"
    echo "status $status: $stderr"
    [ "$status" = 2 ]
    [ "${#stderr_lines[@]}" = 1 ]
    [ -z "$output" ]
    [[ $stderr == *"$words"* ]]
}

bats_require_minimum_version 1.5.0

@test "unknown words are refused, and what there is instead is told" {
    refused "unknown command 'measure'" "$railgauge" measure
    refused "unknown option '--frobnicate'" "$railgauge" run --frobnicate
    for command in run check simulate topology; do
        refused "unexpected word 'surplus'; see railgauge $command --help" "$railgauge" $command surplus
    done
    refused "'rdma_fly' is none of: rdma_write_bw" "$railgauge" run --test rdma_fly
    refused "there is no suite 'nightmare'; there are: " "$railgauge" run --suite nightmare
    refused "there is no machine 'abacus'; there are: " "$railgauge" run --suite demo --machine abacus --hosts a,b
    refused "option '--size' needs a value" "$railgauge" run --size
}

@test "sizes that are none are refused" {
    for size in 0 -1 1e99 64Q 2G '' 1: 8:4 1:8:1 1:8:nan 4,,8 99999999999999999999 0x10; do
        refused "--size" "$railgauge" run --test rdma_write_bw --hosts a,b --size "$size"
    done
}

@test "numbers out of range are refused" {
    refused "--duration: -1 is not from 0.01 to 3600" "$railgauge" run --duration -1
    refused "--duration: 'nan' is no number" "$railgauge" run --duration nan
    refused "--queue-pairs: 0 is not from 1 to 1024" "$railgauge" run --queue-pairs 0
    refused "--depth: '1.5' is no whole number" "$railgauge" run --depth 1.5
    refused "--mtu: 9000 is not from 256 to 4096" "$railgauge" run --mtu 9000
    refused "mtu_bytes 1500 is none of" "$railgauge" run --test rdma_write_bw --hosts a,b --mtu 1500
}

@test "settings that contradict each other are refused" {
    refused "signal_interval 16 is above depth 4" "$railgauge" run --test rdma_write_bw --hosts a,b --depth 4
    refused "both_ways is for bandwidth tests" "$railgauge" run --test rdma_write_lat --direction both_ways
    refused "exclude each other" "$railgauge" run --test rdma_write_lat --suite demo
    refused "exclude each other" "$railgauge" run --hosts a --hostfile b
    refused "could fill up with messages that ask for no completion" \
        "$railgauge" run --test rdma_write_bw --hosts a,b --depth 16 --post-list 4 --signal-interval 15
    refused "host 'a' is named twice" "$railgauge" run --test rdma_write_bw --hosts a,b,a
    refused "needs two nodes" "$railgauge" run --test rdma_write_lat --hosts a
}

suite() { # TEXT
    printf '%s' "$1" >"$work/suite.json"
    echo "$work/suite.json"
}

@test "a suite file that is empty, cut off or no JSON is refused with its name" {
    refused "suite.json: is empty" "$railgauge" run --suite "$(suite '')"
    refused "suite.json: line 1: is not JSON" "$railgauge" run --suite "$(suite 'hello')"
    refused "suite.json: line 3: is not JSON, or is cut off there" \
        "$railgauge" run --suite "$(suite "$(head -n 3 jobs/suites/demo.json | sed 's/,$/,"/')")"
    refused "cannot be read: No such file" "$railgauge" run --suite "$work/none.json"
    refused "cannot be read: Is a directory" "$railgauge" run --suite "$work/"
    refused "is a machine, but a suite was expected" "$railgauge" run --suite results-schema/machines/a3-ultra.json
}

@test "a suite with a wrong type, an unknown field or a wrong version is refused with the field" {
    refused 'defaults.depth: must be a whole number' "$railgauge" run --suite results-schema/examples/invalid/suite-depth-string.json
    refused 'unknown field "' "$railgauge" run --suite results-schema/examples/invalid/suite-unknown-field.json
    refused 'schema_version: only "1.0"' "$railgauge" run --suite results-schema/examples/invalid/suite-unknown-version.json
}

@test "a million brackets are refused" {
    head -c 1000000 /dev/zero | tr '\0' '[' >"$work/deep.json"
    refused "deep.json: line 1: is not JSON" "$railgauge" run --suite "$work/deep.json"
}

# Topologies, figures, trends, forecasts and a Job's last line are written and never read by the programs, so nothing could refuse them but the schema (tests/schema.bats).
@test "every invalid example of a document that is read is refused, with its name, the place in it and the reason" {
    local file name what seen=0
    for file in results-schema/examples/invalid/*; do
        name=$(basename "$file")
        rm -rf "$work/run" && mkdir "$work/run"
        cp results-schema/examples/valid/run-complete.json "$work/run/run.json"
        cp results-schema/examples/valid/measurement-bandwidth.ndjson "$work/run/measurements.ndjson"
        case $name in
            suite-*) what=$file && refused "$file: " "$railgauge" run --hosts a,b --suite "$file" ;;
            machine-*) what=$file && refused "$file: " "$railgauge" compare "$work/run" --machine "$file" ;;
            fabric-*) what=$file && refused "$file: " "$railgauge" simulate --fabric "$file" ;;
            run-*)
                what="$work/run/run.json"
                cp "$file" "$what"
                refused "$what: " "$railgauge" compare "$work/run"
                ;;
            measurement-*)
                what="$work/run/measurements.ndjson: line 1"
                cp "$file" "$work/run/measurements.ndjson"
                refused "$what: " "$railgauge" compare "$work/run"
                ;;
            verdict-*)
                what="$work/run/verdict.json"
                cp "$file" "$what"
                refused "$what: " "$railgauge" report "$work/run" -o "$work/report.html"
                [ ! -e "$work/report.html" ]
                ;;
            check-* | topology-* | figure-* | trend-* | forecast-* | job-*) continue ;;
            *) echo "nobody reads $name" && return 1 ;;
        esac
        # FILE[: line N]: [PATH: ]REASON
        [[ ${stderr#*"$what": } =~ ^[a-z\"][^:]*(: .+)?$ ]]
        seen=$((seen + 1))
    done
    [ "$seen" -ge 110 ]
}

@test "an invalid measurement is refused wherever its line stands, and nothing is printed" {
    local line
    for line in 1 300 1234; do
        rm -rf "$work/run" && mkdir "$work/run"
        "$railgauge" simulate --nodes 8 --rails 4 --pattern pairs --size 4K,8K,64K,1M,2M,4M -o "$work/run/sim" >"$work/run/said"
        sed -i "${line}s/\"size_bytes\":[0-9]*/\"size_bytes\":0/" "$work/run/sim/measurements.ndjson"
        refused "measurements.ndjson: line $line: size_bytes: 0 is not from 1 to " "$railgauge" compare "$work/run/sim"
    done
}

@test "a run directory that exists, cannot be made or has no space is refused, and nothing of it stays" {
    mkdir "$work/there" && touch "$work/there/mine"
    refused "there: exists already; a run is never written over another" \
        "$railgauge" run --test all_reduce -o "$work/there"
    [ "$(ls "$work/there")" = mine ]
    refused "cannot be made: No such file or directory" "$railgauge" run --test all_reduce -o "$work/no/such/place"
    refused "cannot be made: Not a directory" "$railgauge" run --test all_reduce -o /dev/null/run
    if ! mount -t tmpfs -o size=4k,nr_inodes=16 none "$(mkdir "$work/full" && echo "$work/full")" 2>/dev/null; then
        skip "no right to mount a file system without space"
    fi
    head -c 4096 /dev/zero >"$work/full/filler" || true
    refused "No space left on device" "$railgauge" run --test all_reduce -o "$work/full/run"
    left=$(ls "$work/full")
    umount "$work/full"
    [ "$left" = filler ]
}

@test "what is no run directory is refused alike by all that read runs" {
    echo words >"$work/file"
    for command in "history add --db $work/history.db" compare report plan "run --resume"; do
        # shellcheck disable=SC2086 # of words
        refused "$work is no run directory: it has no run.json; give the directory that \`railgauge run -o\` wrote" "$railgauge" $command "$work"
        # shellcheck disable=SC2086
        refused "$work/file is no run directory: it is a file; give" "$railgauge" $command "$work/file"
    done
}

@test "compare refuses what is no run" {
    refused "give the directory of one run" "$railgauge" compare
    refused "one run is compared at a time; to hold it against another: a --baseline b" "$railgauge" compare a b
    mkdir "$work/one"
    refused "--baseline: $work/one/ is the run itself" "$railgauge" compare "$work/one" --baseline "$work/one/"
    refused "$work is no run directory: it has no run.json; give the directory that" "$railgauge" compare "$work"
    refused "unexpected word 'surplus' after --" "$railgauge" compare "$work/one" -- surplus
    refused "--tolerance is for --baseline" "$railgauge" compare x --tolerance 3
    refused "'xml' is none of: text, json, markdown, junit, openmetrics" "$railgauge" compare x --format xml
}

@test "compare --learn refuses what it cannot learn from, and writes nothing" {
    for seed in 1 2 3; do
        "$railgauge" simulate --nodes 3 --rails 2 --size 4K --seed $seed -o "$work/good$seed" >"$work/said"
    done
    local good=("$work/good1" "$work/good2" "$work/good3")
    learn() { # WORDS RUN...
        local words=$1
        shift
        refused "$words" "$railgauge" compare --learn "$@" -o "$work/lab.json"
        [ ! -e "$work/lab.json" ]
    }
    learn "2 runs: 3 are needed at least" "${good[@]:0:2}"
    learn "are the same run" "${good[@]}" "$work/good1"
    "$railgauge" simulate --nodes 3 --rails 2 --size 4K --fault slow,part=tx,node=1,rail=0,loss=20 -o "$work/bad" >"$work/said" || [ $? = 1 ]
    learn "bad: is no good run, so nothing is learned from it: sim001, rail 0, transmit side" "${good[@]}" "$work/bad"
    "$railgauge" simulate --nodes 3 --rails 2 --size 8K -o "$work/other" >"$work/said"
    learn "are not alike: rdma_write_bw 4K (host rail) was not measured by the second" "${good[@]}" "$work/other"
    "$railgauge" simulate --nodes 3 --rails 2 --size 4K --depth 64 -o "$work/deep" >"$work/said"
    echo '{"schema_version": "1.0", "document": "suite", "name": "depths", "description": "Two in one.",
        "tests": [{"test": "rdma_write_bw"}, {"test": "rdma_write_bw", "depth": 16}]}' >"$work/depths.json"
    learn "are not alike: depth 128, then 64" "${good[@]}" "$work/deep"
    "$railgauge" simulate --nodes 3 --rails 1 --size 4K -o "$work/narrow" >"$work/said"
    learn "their nodes have different numbers of rails" "${good[@]}" "$work/narrow"
    "$railgauge" simulate --nodes 3 --rails 2 --size 4K --seed 4 -o "$work/hard" >"$work/said"
    jq '.hardware = true | .hardware_reason = null' "$work/hard/run.json" >"$work/run.json"
    mv "$work/run.json" "$work/hard/run.json"
    learn "one is of hardware and the other is not" "${good[@]}" "$work/hard"
    for seed in 1 2 3; do
        "$railgauge" simulate --nodes 3 --rails 2 --test rdma_write_lat --size 8 --seed $seed -o "$work/lat$seed" >"$work/said" || [ $? = 3 ]
    done
    jq -c 'if .sequence == 3 then .latency |= with_entries(if .key | endswith("_us") then .value |= (if type == "number" then 2 * . else . end) else . end)
        else . end' "$work/lat3/measurements.ndjson" >"$work/lines"
    mv "$work/lines" "$work/lat3/measurements.ndjson"
    learn "lat3: rdma_write_lat 8, rail: 4" "$work"/lat[123]
    learn " above the median of all runs, far outside their spread: it is no good run" "$work"/lat[123]
    for seed in 1 2 3; do
        "$railgauge" simulate --suite "$work/depths.json" --nodes 3 --rails 2 --seed $seed -o "$work/depths$seed" >"$work/said"
    done
    learn "depths1: tests 1 and 2 of the suite are both rdma_write_bw and differ in depth (128 and 16)" "$work"/depths[123]
    learn "a3-ultra is a real machine, and the runs are not of hardware" "${good[@]}" --machine a3-ultra
    learn "--learn goes with --machine and --output alone" "${good[@]}" --fleet
    refused "--learn and --output go together" "$railgauge" compare --learn "${good[@]}"
    refused "'Lab' is no name for a machine" "$railgauge" compare --learn "${good[@]}" -o "$work/Lab.json"
    echo mine >"$work/lab.json"
    refused "lab.json: exists already" "$railgauge" compare --learn "${good[@]}" -o "$work/lab.json"
    [ "$(cat "$work/lab.json")" = mine ]
}

@test "a hostfile that names nobody is refused" {
    echo "# nobody" >"$work/hosts"
    refused "hosts: names no host" "$railgauge" run --hostfile "$work/hosts"
    printf 'a slots=2\nb slots=x\n' >"$work/hosts"
    refused "hosts: line 2: slots= must be a number" "$railgauge" run --hostfile "$work/hosts"
    refused "--hosts: 'a,,b' is no list of names" "$railgauge" run --hosts a,,b
    refused "--interface: 'lo,' is no list of names" "$railgauge" run --test tcp_lat --pattern loopback --interface lo,
}
