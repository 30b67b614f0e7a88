// Is a manifest what the API server would take? Kubernetes' own kinds are held against the package kubernetes-models, custom resources
// against tests/jobs/crds. Both as strictly as `kubectl apply` does: a field that is not known is a fault.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const modules = path.resolve(process.env.JOBS_PARTS, "node_modules");
const require = createRequire(modules + "/");
const Ajv = require("ajv");

// --- Kubernetes' own kinds: values by the package's validators, fields by its declarations ---

const declared = new Map();

// The fields of a type, each with the file that declares its own type, or null where that has no fields: undefined if any field goes.
function fieldsOf(file) {
    if (declared.has(file)) return declared.get(file);
    const text = fs.readFileSync(file, "utf8");
    const from = {};
    for (const [, names, where] of text.matchAll(/^import \{ ([^}]*) \} from "([^"]*)";$/gm)) {
        const target = where.startsWith(".") ? path.resolve(path.dirname(file), where.replace(/\.js$/, "")) : path.join(modules, where);
        for (const name of names.split(", ")) from[name] = target + ".d.ts";
    }
    const body = /^export interface [^{]*\{\n(.*?)^\}/ms.exec(text)?.[1];
    let fields;
    if (body !== undefined) {
        fields = new Map();
        for (const [, name, type, values] of body.matchAll(/^ {4}"([^"]+)"\??: (.*?);?$(?:\n\s+\[key: string\]: (.*);)?/gm)) {
            const own = /(?:Array<)?(\w+)>?$/.exec(type === "{" ? values : type)?.[1];
            fields.set(name, { map: type === "{", file: from[own] ?? null });
        }
    }
    declared.set(file, fields);
    return fields;
}

function unknownFields(value, file, where, faults) {
    const fields = file === null ? undefined : fieldsOf(file);
    if (fields === undefined || value === null || typeof value !== "object") return;
    if (Array.isArray(value)) return value.forEach((one, i) => unknownFields(one, file, `${where}/${i}`, faults));
    for (const [name, inner] of Object.entries(value)) {
        const field = fields.get(name);
        if (!field) faults.push(`${where}/${name}: no such field`);
        else if (!field.map) unknownFields(inner, field.file, `${where}/${name}`, faults);
        else for (const [key, one] of Object.entries(inner ?? {})) unknownFields(one, field.file, `${where}/${name}/${key}`, faults);
    }
}

// TYPE: as "batch/v1/JobTemplateSpec".
async function modelFaults(type, value, where = "") {
    const file = path.join(modules, "kubernetes-models", type);
    if (!fs.existsSync(file + ".js")) return [`${where}: Kubernetes has no ${type}`];
    const Model = (await import(pathToFileURL(file + ".js")))[path.basename(type)];
    const faults = [];
    try {
        new Model(value).validate();
    } catch (error) {
        faults.push(...error.message.split(", data").map((one) => where + one.replace(/^data/, "").replace(/ /, ": ")));
    }
    unknownFields(value, file + ".d.ts", where, faults);
    return faults;
}

// --- custom resources ---

const kinds = new Map();
for (const name of fs.readdirSync(path.join(here, "crds")).filter((one) => one.endsWith(".json"))) {
    const definition = JSON.parse(fs.readFileSync(path.join(here, "crds", name), "utf8"));
    for (const [version, schema] of Object.entries(definition.versions)) kinds.set(`${definition.group}/${version} ${definition.kind}`, schema);
}

const inner = []; // of Kubernetes' types: TYPE, value, where
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
ajv.addKeyword({
    keyword: "x-kubernetes-model",
    validate: (type, data, schema, { instancePath }) => inner.push([type, data, instancePath]) > 0,
});

// Where the server would drop what it does not know.
function closed(schema) {
    if (Array.isArray(schema)) return schema.map(closed);
    if (schema === null || typeof schema !== "object") return schema;
    const copy = {};
    for (const [key, value] of Object.entries(schema)) {
        copy[key] = key === "properties" ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, closed(one)])) : closed(value);
    }
    if (copy.properties && !copy.additionalProperties && !copy["x-kubernetes-preserve-unknown-fields"]) copy.additionalProperties = false;
    if (copy["x-kubernetes-int-or-string"]) delete copy.type;
    return copy;
}

async function customFaults(schema, document) {
    const validate = (schema.compiled ??= ajv.compile(closed(schema)));
    inner.length = 0;
    const faults = validate(document) ? [] : validate.errors.map((one) =>
        one.keyword === "additionalProperties" ? `${one.instancePath}/${one.params.additionalProperty}: no such field` : `${one.instancePath}: ${one.message}`);
    for (const [type, value, where] of [...inner]) faults.push(...(await modelFaults(type, value, where)));
    faults.push(...(await modelFaults("../@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta", document.metadata, "/metadata")));
    return faults;
}

// What is wrong with a document, one sentence a fault.
export async function schemaFaults(document) {
    const { apiVersion, kind } = document ?? {};
    if (typeof apiVersion !== "string" || typeof kind !== "string") return ["no apiVersion, or no kind"];
    const custom = kinds.get(`${apiVersion} ${kind}`);
    if (custom) return customFaults(custom, document);
    return modelFaults(`${apiVersion}/${kind}`, document);
}
