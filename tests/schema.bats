#!/usr/bin/env bats
# The schemas against their examples, and the machines and suites against the schemas. C has no part in it: that its readers and
# writers agree with the schemas is tested where they are.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/.." || return
    schemas=results-schema
    examples=$schemas/examples
}

# Python with every schema by file name in `schemas`, and `fields`, which yields (where, schema) of each property. What stands
# under if, then, else and allOf are conditions on fields, not fields.
schema_python() {
    {
        cat <<'PYTHON'
import glob, json, os, sys
import jsonschema
schemas = {os.path.basename(path): json.load(open(path)) for path in sorted(glob.glob("results-schema/*.schema.json"))}
assert len(schemas) == 13, sorted(schemas)

def objects(schema, where):
    """Yield (where, schema) of each schema below this one, itself included."""
    yield where, schema
    for key in ("properties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from objects(inner, f"{where}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from objects(schema["items"], where + "[]")

def everything():
    for name, schema in schemas.items():
        yield from objects(schema, name)

def fields():
    for where, schema in everything():
        for name, field in schema.get("properties", {}).items():
            yield name, f"{where}.{name}", field

def resolve(name, reference):
    file, _, pointer = reference.partition("#")
    found = schemas[file or name]
    for step in filter(None, pointer.split("/")):
        found = found[step]
    return found

def complain(bad):
    print(*bad, sep="\n")
    sys.exit(bool(bad))
PYTHON
        cat
    } | /usr/bin/python3 -
}

# The kinds of documents.
kinds=(suite machine measurement run verdict check topology fabric figure trend forecast job)

@test "every schema is a valid JSON Schema of 2020-12, named after its file" {
    schema_python <<'PYTHON'
for name, schema in schemas.items():
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", name
    assert schema["$id"] == "https://railgauge.dev/schema/1.0/" + name, name
    jsonschema.Draft202012Validator.check_schema(schema)
PYTHON
}

@test "every reference between the schemas leads somewhere" {
    schema_python <<'PYTHON'
count = 0
def walk(name, value):
    global count
    if isinstance(value, dict):
        if "$ref" in value:
            resolve(name, value["$ref"])
            count += 1
        for inner in value.values():
            walk(name, inner)
    elif isinstance(value, list):
        for inner in value:
            walk(name, inner)
for name, schema in schemas.items():
    walk(name, schema)
assert count > 50, count
PYTHON
}

@test "every field of every schema has a description of its own or of what it refers to" {
    schema_python <<'PYTHON'
found = list(fields())
assert len(found) > 200, len(found)
def described(where, field):
    if "description" not in field and "$ref" in field:
        field = resolve(where.split(".schema.json")[0] + ".schema.json", field["$ref"])
    return len(field.get("description", "")) > 8
complain([f"{where} has no description" for _, where, field in found if not described(where, field)])
PYTHON
}

@test "a field with a unit in its name has a number, or null, and says the unit" {
    schema_python <<'PYTHON'
units = {"_s": "second", "_us": "microsecond", "_bytes": "byte", "_gbps": "1e9", "_per_s": "a second", "_percent": "percent"}
bad = []
for name, where, field in fields():
    if where.startswith("machine.schema.json.facts"):
        continue
    if "$ref" in field:
        field = {**resolve(where.split(".schema.json")[0] + ".schema.json", field["$ref"]), **field}
    if field.get("type") == "array":
        continue
    unit = next((word for end, word in sorted(units.items(), key=lambda u: -len(u[0])) if name.endswith(end)), None)
    kinds = field.get("type", "number" if "enum" in field else None)
    if unit and "string" in kinds:
        bad.append(f"{where} is a text")
    if unit in ("second", "microsecond", "byte") and unit not in field["description"].lower():
        bad.append(f"{where} doesn't say its unit")
complain(bad)
PYTHON
}

@test "every object is closed" {
    schema_python <<'PYTHON'
found = [(where, schema) for where, schema in everything() if "properties" in schema and "$ref" not in schema]
assert len(found) > 25, len(found)
complain([f"{where} takes unknown fields" for where, schema in found if schema.get("additionalProperties") is not False])
PYTHON
}

@test "a result holds every field: what is unknown is null, not left out, unless by earlier versions" {
    schema_python <<'PYTHON'
bad = []
for where, schema in everything():
    if where.split(".")[0] in ("measurement", "run", "verdict", "check", "figure", "trend", "forecast") and "properties" in schema and "additionalProperties" in schema:
        for name in set(schema["properties"]) - set(schema["required"]):
            field = schema["properties"][name]
            if "null" not in field.get("type", ()) or not field["description"].endswith("Earlier versions left it out."):
                bad.append(f"{where} lets {name} be left out")
complain(bad)
PYTHON
}

@test "every valid example is valid, two or more of each kind" {
    for kind in "${kinds[@]}"; do
        files=("$examples/valid/$kind-"*)
        [ "${#files[@]}" -ge 2 ]
    done
    run -0 scripts/validate "$examples"/valid/*
    [ "${#lines[@]}" -eq "$(find "$examples/valid" -type f | wc -l)" ]
}

@test "every invalid example is refused for one fault, five or more of each kind" {
    for kind in "${kinds[@]}"; do
        files=("$examples/invalid/$kind-"*)
        [ "${#files[@]}" -ge 5 ]
    done
    run -1 scripts/validate "$examples"/invalid/*
    # FILE: [line N: ]PATH: MESSAGE. Several complaints about one file are about one place in it.
    places=$(sed -E 's/^([^:]*): (line [0-9]+: )?(\$[^:]*|valid).*/\1 \3/' <<<"$output" | sort -u)
    if grep ' valid$' <<<"$places"; then
        return 1
    fi
    [ "$places" = "$(sort -u -k1,1 <<<"$places")" ]
    [ "$(wc -l <<<"$places")" -eq "$(find "$examples/invalid" -type f | wc -l)" ]
}

@test "every machine and every suite that comes with railgauge is valid" {
    run -0 scripts/validate "$schemas"/machines/*.json jobs/suites/*.json
    [ "${#lines[@]}" -ge 4 ]
    for file in "$schemas"/machines/*.json jobs/suites/*.json; do
        grep -q "\"name\": \"$(basename "$file" .json)\"" "$file"
    done
}

@test "a machine cites the sources that it lists, lists them once, and cites them all" {
    /usr/bin/python3 - "$schemas"/machines/*.json <<'PYTHON'
import json, sys
assert len(sys.argv) > 2
for path in sys.argv[1:]:
    machine = json.load(open(path))
    listed = [source["id"] for source in machine["sources"]]
    cited = set(machine["facts"].values()) | {row["source"] for row in machine["expectations"] if row["source"]}
    assert sorted(listed) == sorted(cited), (path, listed, cited)
    rows = [tuple(row.get(key) for key in ("test", "size_bytes", "direction", "memory", "variant", "queue_pairs", "scope", "metric"))
            for row in machine["expectations"]]
    assert len(rows) == len(set(rows)), path
    if machine["node_nominal_gbps"] is not None:
        assert machine["node_nominal_gbps"] == machine["rails"] * machine["line_rate_gbps"], path
PYTHON
}

@test "soft-roce has a row for everything that the demo suite measures" {
    /usr/bin/python3 - "$schemas/machines/soft-roce.json" jobs/suites/demo.json <<'PYTHON'
import json, sys
machine, suite = (json.load(open(path)) for path in sys.argv[1:])
rows = {(row["test"], row["size_bytes"], row["direction"]) for row in machine["expectations"]}
for test in suite["tests"]:
    settings = {"direction": "one_way", **suite["defaults"], **test}
    direction = settings["direction"] if test["test"].endswith("_bw") else None
    assert (test["test"], settings["sizes_bytes"], direction) in rows, test
PYTHON
}

@test "rules between fields hold: each of these changes makes a valid document invalid" {
    /usr/bin/python3 - "$examples/valid" "$BATS_TEST_TMPDIR" <<'PYTHON'
import copy, json, os, sys
end = '{"node": "a", "rail": 0, "rank": 0, "device": null}'
fault = '{"node": "a", "rail": 0, "rank": 0, "device": null, "step": "connect", "status": null, "message": "refused"}'
first = ('{"rank": 0, "node": "a", "rail": 0, "offset_bytes": 0, "expected": "0x0000000000000000", '
         '"got": "0x0000000000000001"}')
# Valid document, and changes to it one at a time: path=value, or -path where the field goes away.
changes = {
    "machine-with-expectations.json": [
        "-facts.rails", "-facts.line_rate_gbps", "-facts.mtu_bytes", "-facts.node_nominal_gbps",
        'expectations.0.metric="latency_p50_us"', 'expectations.0.scope="group"', "expectations.0.direction=null",
        "expectations.0.tolerance_percent=101", 'expectations.3.metric="bandwidth_gbps"', 'expectations.3.scope="node"',
        'expectations.3.direction="one_way"', 'expectations.5.metric="bandwidth_gbps"', 'expectations.5.scope="rail"',
        'expectations.5.direction="one_way"', "expectations.5.queue_pairs=1", "expectations.5.tolerance_percent=101",
    ],
    "measurement-bandwidth.ndjson:0": [
        "error=" + fault, "direction=null", "window=null", "path=null", "bandwidth=null", 'flow.initiator="to"',
        'group={"scope": "world", "ranks": 4}', "queue_pairs=null", 'transport="mpi"', 'backend="mpi"', 'test="all_reduce"',
        "integrity.mismatches=1", 'integrity.reason="no need"',
        "integrity.first=" + first,
    ],
    "measurement-bandwidth.ndjson:4": [
        'flow.initiator="from"', "integrity.reason=null", "integrity.words_checked=1", "integrity.mismatches=1",
    ],
    "measurement-latency.ndjson:0": [
        'direction="one_way"', "window=null", "path=null", "latency=null", 'flow.initiator="to"', 'latency.method="round_trip"',
        'latency.arrival="send_completion"',
    ],
    "measurement-latency.ndjson:2": [
        'flow.initiator="from"', 'latency.method="half_round_trip"', 'latency.arrival="receive_completion"',
    ],
    "measurement-latency.ndjson:3": [
        'flow.initiator="to"', 'latency.method="round_trip"', 'latency.arrival="last_byte"',
    ],
    "measurement-collective.ndjson:0": [
        "queue_pairs=1", "group=null", "collective=null", 'transport="verbs"', "backend=null", 'test="rdma_write_lat"',
        f'flow={{"from": {end}, "to": {end}, "initiator": "from"}}',
        'path={"mtu_bytes": 1024, "ip_version": 4, "gid_index_from": 1, "gid_index_to": 1, "payload_share": 0.9}',
    ],
    "measurement-not-ok.ndjson:1": [
        "integrity.first=null", "integrity.mismatches=0", 'status="not_run"', "reason=null",
    ],
    "run-complete.json": [
        "ended_at=null", "exit_status=null", 'incomplete_reason="it is not"', "hardware=true", "-suite.tests.0.depth",
        "-suite.tests.1.devices",
    ],
    "run-begun.json": ["incomplete_reason=null", 'hardware_reason="not known"'],
    "check-fail.json": [
        "exit_status=0", "counts.fail=0", "checks.0.mend=null", "checks.0.decides=false", "checks.0.expected=null",
        'checks.1.status="not_run"', 'checks.2.status="pass"',
    ],
    "check-inconclusive.json": ['exit_status=1', "counts.fail=1"],
    "verdict-pass.json": [
        "exit_status=3", "counts.fail=1", "counts.noisy=1", "counts.unsupported=1", "counts.not_run=1",
        "expectations.0.asked=false", "expectations.0.threshold=null", "expectations.0.tolerance_percent=null",
        "expectations.0.expected=null", "expectations.0.measured=null", "expectations.0.node=null", "expectations.0.rail=null",
        "expectations.0.peer_node=null", "expectations.0.peer_rail=null", 'expectations.0.side="rx"', "against.name=null",
    ],
    "verdict-nothing-expected.json": ['against.name="soft-roce"'],
    "verdict-against-run.json": [
        "exit_status=0", "expectations.0.reason=null", "expectations.0.ci95_low=1", "expectations.0.ci95_high=1",
        "expectations.0.nominal_percent=1", "expectations.0.ceiling_percent=1",
    ],
    "verdict-fail.json": [
        "expectations.1.side=null", "expectations.1.node=null", "expectations.1.rail=0", 'expectations.1.peer_node="node-b"',
        "expectations.1.peer_rail=0",
    ],
    "verdict-inconclusive.json": [
        "exit_status=0", "counts.fail=1", "expectations.2.reason=null", "expectations.2.measured=1",
        'expectations.4.side="tx"', 'expectations.4.peer_rail=1',
    ],
}
for name, list_of_changes in changes.items():
    file, _, line = name.partition(":")
    text = open(os.path.join(sys.argv[1], file)).read()
    valid = json.loads(text.splitlines()[int(line)] if line else text)
    for number, change in enumerate(list_of_changes):
        document = at = copy.deepcopy(valid)
        path, _, value = change.removeprefix("-").partition("=")
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            at = at[step]
        if value:
            assert at[last] != json.loads(value), (name, change)
            at[last] = json.loads(value)
        else:
            del at[last]
        with open(f"{sys.argv[2]}/{name.replace('.', '-')}-{number}.json", "w") as out:
            json.dump(document, out)
PYTHON
    run -1 scripts/validate "$BATS_TEST_TMPDIR"/*.json
    if grep ': valid$' <<<"$output"; then
        return 1
    fi
}

@test "validate reads a run directory and refuses another kind of document in it" {
    run_dir=$BATS_TEST_TMPDIR/run
    mkdir "$run_dir"
    cp "$examples/valid/run-complete.json" "$run_dir/run.json"
    cp "$examples/valid/measurement-bandwidth.ndjson" "$run_dir/measurements.ndjson"
    run -0 scripts/validate "$run_dir"
    [ "${#lines[@]}" -eq 2 ]
    cp "$examples/valid/suite-one-test.json" "$run_dir/verdict.json"
    run -1 scripts/validate "$run_dir"
    [[ "$output" == *"verdict.json: \$.document: 'suite' is not verdict"* ]]
    rm "$run_dir/run.json"
    run -2 scripts/validate "$run_dir"
}

@test "validate names the line of the measurement at fault" {
    file=$BATS_TEST_TMPDIR/measurements.ndjson
    cat "$examples/valid/measurement-latency.ndjson" "$examples/invalid/measurement-size-zero.ndjson" >"$file"
    run -1 scripts/validate "$file"
    [ "$output" = "$file: line 5: \$.size_bytes: 0 is less than the minimum of 1" ]
    : >"$file"
    run -0 scripts/validate "$file"
}

@test "validate refuses what is not JSON, repeated keys and numbers that are none" {
    odd=$BATS_TEST_TMPDIR/odd.json
    for text in '{' '[]' '' '{"document": "poem"}'; do
        printf '%s' "$text" >"$odd"
        run -1 scripts/validate "$odd"
        [ "${#lines[@]}" -eq 1 ]
    done
    sed 's/"seed":/"seed": 1, &/' "$examples/valid/run-complete.json" >"$odd"
    run -1 scripts/validate "$odd"
    [ "$output" = "$odd: \$: not JSON: an object holds the same key twice" ]
    sed 's/"error_us": [0-9.]*/"error_us": NaN/' "$examples/valid/run-complete.json" >"$odd"
    run -1 scripts/validate "$odd"
    [ "$output" = "$odd: \$: not JSON: NaN is not a JSON number" ]
}

@test "validate says how it is used, and which file can't be read, with status 2" {
    run -2 scripts/validate
    [[ "$output" == *"usage: scripts/validate"* ]]
    run -2 scripts/validate "$examples/valid/suite-one-test.json" "$BATS_TEST_TMPDIR/no-such-file.json"
    [[ "$output" == *no-such-file.json* ]]
}
