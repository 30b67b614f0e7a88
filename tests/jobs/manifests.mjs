// Checks manifests: `node manifests.mjs [--all] FILE...` prints a line for each fault, as FILE: KIND NAME: RULE: WHERE: WHAT, and ends with 1 if there
// is any. --all: tells what tests/jobs/exceptions excepts, too. --json: prints the manifests instead, as a JSON object with an array of them
// for each FILE, for other tests to look at. JOBS_PARTS: where the packages of package.json are installed.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { schemaFaults } from "./schemas.mjs";
import { policyFaults } from "./policy.mjs";

const { parseAllDocuments } = createRequire(path.resolve(process.env.JOBS_PARTS, "node_modules") + "/")("yaml");
const options = process.argv.slice(2).filter((word) => word.startsWith("--"));
const files = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const read = {};

function tell(text) {
    console.log(text);
    process.exitCode = 1;
}

for (const file of files) {
    const parsed = parseAllDocuments(fs.readFileSync(file, "utf8"));
    // A key twice, an alias that leads nowhere: what Kubernetes refuses, or reads as something else.
    for (const error of parsed.flatMap((one) => [...one.errors, ...one.warnings])) tell(`${file}: YAML: ${error.message.split("\n")[0]}`);
    const documents = parsed.filter((one) => one.errors.length === 0).map((one) => one.toJS()).filter((one) => one !== null);
    read[file] = documents;
    if (documents.length === 0) tell(`${file}: no manifest`);
    if (options.includes("--json")) continue;
    for (const one of documents) {
        const name = `${file}: ${one.kind} ${one.metadata?.name}`;
        for (const text of await schemaFaults(one)) tell(`${name}: schema: ${text}`);
        for (const text of policyFaults(one, options.includes("--all"))) tell(`${name}: ${text}`);
    }
}
if (options.includes("--json")) console.log(JSON.stringify(read));
