// What no manifest of railgauge may do. A fault is told as RULE: WHERE: WHAT. tests/jobs/exceptions has who may, and why.
import fs from "node:fs";

const capabilities = new Set(["IPC_LOCK", "SYS_CHROOT", "SETGID", "SETUID"]);
const hostPaths = new Set(["/home/kubernetes/bin/nvidia", "/home/kubernetes/bin/gib"]);
const material = /PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bya29\.|\bAIza[0-9A-Za-z_-]{35}|\bghp_[0-9A-Za-z]{36}|"private_key"/;
const secretName = /(PASSWORD|PASSWD|TOKEN|SECRET|CREDENTIALS?|API_?KEY)$/i;

// --- what is asked of a pod, and of a container; each gives the faults as [PATH, WHAT] ---

const podRules = {
    "host-namespaces": (pod) => ["hostNetwork", "hostPID", "hostIPC"].filter((one) => pod[one]).map((one) => [one, "true"]),
    "service-account": (pod) =>
        pod.automountServiceAccountToken === false ? [] : [["automountServiceAccountToken", "not false: a token of the cluster's would be mounted"]],
    "host-paths": (pod) =>
        (pod.volumes ?? []).flatMap((volume) => {
            if (!volume.hostPath) return [];
            const mounts = containersOf(pod).flatMap(([where, one]) => (one.volumeMounts ?? []).filter((at) => at.name === volume.name).map((at) => [where, at]));
            return [
                ...(hostPaths.has(volume.hostPath.path) ? [] : [[`volumes/${volume.name}`, `${volume.hostPath.path} is the node's`]]),
                ...mounts.filter(([, at]) => !at.readOnly).map(([where, at]) => [`${where}/volumeMounts`, `${volume.hostPath.path}, at ${at.mountPath}, is not readOnly`]),
            ];
        }),
};

const containerRules = {
    privileged: (one) => (one.securityContext?.privileged ? [["securityContext", "privileged"]] : []),
    escalation: (one) =>
        one.securityContext?.privileged || one.securityContext?.allowPrivilegeEscalation === false
            ? []
            : [["securityContext", "allowPrivilegeEscalation is not false"]],
    capabilities: (one) => {
        const { drop = [], add = [] } = one.securityContext?.capabilities ?? {};
        if (one.securityContext?.privileged) return []; // has them all, and is told of
        return [
            ...(drop.includes("ALL") ? [] : [["securityContext", "does not drop ALL capabilities"]]),
            ...add.filter((name) => !capabilities.has(name)).map((name) => ["securityContext", `adds ${name}`]),
        ];
    },
    seccomp: (one, pod) => {
        const type = (one.securityContext?.seccompProfile ?? pod.securityContext?.seccompProfile)?.type;
        return type === "RuntimeDefault" || one.securityContext?.privileged ? [] : [["securityContext", `seccompProfile is ${type}, not RuntimeDefault`]];
    },
    resources: (one) => {
        const { requests = {}, limits = {} } = one.resources ?? {};
        return [
            ...["cpu", "memory"].filter((name) => !(requests[name] ?? limits[name])).map((name) => ["resources", `no request of ${name}`]),
            ...["cpu", "memory"].filter((name) => !limits[name]).map((name) => ["resources", `no limit of ${name}`]),
        ];
    },
    images: (one) =>
        /@sha256:[0-9a-f]{64}$/.test(one.image) || /:v?\d+\.\d+[\w.-]*$/.test(one.image) ? [] : [["image", `${one.image}: neither a digest nor a version`]],
    secrets: (one) =>
        (one.env ?? []).filter(({ name, value }) => secretName.test(name) && value).map(({ name }) => ["env", `${name} has its value in the manifest`]),
};

const documentRules = {
    secrets: (document) => [
        ...(document.kind === "Secret" && (document.data || document.stringData) ? [["data", "a Secret's values"]] : []),
        ...stringsOf(document).filter(([, text]) => material.test(text)).map(([where]) => [where, "looks like key material"]),
    ],
};

// --- where there are pods and containers ---

function stringsOf(value, where = []) {
    if (typeof value === "string") return [[where.join("/"), value]];
    if (value === null || typeof value !== "object") return [];
    return Object.entries(value).flatMap(([key, one]) => [...stringsOf(one, [...where, key]), ...(Array.isArray(value) ? [] : stringsOf(key, where))]);
}

// Whatever has containers is a pod, be it in a Job, a JobSet or what is to come.
function podsOf(value) {
    if (value === null || typeof value !== "object") return [];
    const inner = Object.values(value).flatMap(podsOf);
    return Array.isArray(value.containers) ? [value, ...inner] : inner;
}

function containersOf(pod) {
    return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => (pod[list] ?? []).map((one) => [`${list}/${one.name}`, one]));
}

// Each matches the beginnings of faults.
const exceptions = fs.readFileSync(new URL("exceptions", import.meta.url), "utf8").split("\n").filter((line) => line && !line.startsWith("#"))
    .map((line) => new RegExp("^(" + line + ")"));

// A document's faults; all: also those that are excepted.
export function policyFaults(document, all = false) {
    const faults = [];
    const tell = (rules, where, ...of) => {
        for (const [rule, check] of Object.entries(rules)) faults.push(...check(...of).map(([at, what]) => `${rule}: ${where}${at}: ${what}`));
    };
    tell(documentRules, "", document);
    for (const pod of podsOf(document)) {
        tell(podRules, "", pod);
        for (const [at, container] of containersOf(pod)) tell(containerRules, `${at}/`, container, pod);
    }
    const name = `${document.kind} ${document.metadata?.name}`;
    return faults.filter((fault) => all || !exceptions.some((one) => one.test(`${name}: ${fault}`)));
}
