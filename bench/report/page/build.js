// Bundles the page into one HTML file: node build.js OUT. Only the script whose hash is in the policy may run there.
"use strict";
const { createHash } = require("node:crypto");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const esbuild = require("esbuild");

const built = esbuild.buildSync({
    absWorkingDir: __dirname,
    entryPoints: ["main.js", "style.css"],
    outdir: "out",
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome100", "firefox100", "safari15"],
    charset: "utf8",
    legalComments: "none",
    nodePaths: [process.env.NODE_PATH],
});
const text = (extension) => built.outputFiles.find((file) => file.path.endsWith(extension)).text;
const script = text(".js").replaceAll("</script", "<\\/script");
const hash = createHash("sha256").update(script).digest("base64");
const parts = { "@style@": text(".css"), "@script@": script, "@hash@": hash };
const page = readFileSync(join(__dirname, "index.html"), "utf8");
writeFileSync(process.argv[2], page.replace(/@(style|script|hash)@/g, (mark) => parts[mark]));
