// Checks the manifests on standard input: prints a line for each fault, as KIND NAME: RULE: PATH: WHAT, and ends with 1 if there is any.
// --all: tells the exceptions, too. --json: prints the manifests as a JSON array instead, for other tests to look at. JOBS_PARTS: where the
// packages of package.json are installed.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { schemaFaults } from "./schemas.mjs";
import { policyFaults } from "./policy.mjs";

const { parseAllDocuments } = createRequire(path.resolve(process.env.JOBS_PARTS, "node_modules") + "/")("yaml");

let status = 0;
const fault = (text) => {
    console.log(text);
    status = 1;
};

const documents = [];
for (const parsed of parseAllDocuments(fs.readFileSync(0, "utf8"))) {
    // A key twice, an alias that leads nowhere: what Kubernetes refuses, or reads as something else.
    for (const error of [...parsed.errors, ...parsed.warnings]) fault(`YAML: ${error.message.split("\n")[0]}`);
    if (parsed.errors.length === 0 && parsed.toJS() !== null) documents.push(parsed.toJS());
}

if (process.argv[2] === "--json") {
    console.log(JSON.stringify(documents, null, 1));
} else {
    if (documents.length === 0) fault("no manifest");
    for (const one of documents) {
        const name = `${one.kind} ${one.metadata?.name}`;
        for (const text of await schemaFaults(one)) fault(`${name}: schema: ${text}`);
        for (const text of policyFaults(one, process.argv[2] === "--all")) fault(`${name}: ${text}`);
    }
}
process.exitCode = status;
