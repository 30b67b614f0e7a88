// Debian's Chromium; a browser that Playwright brings itself is never fetched.
"use strict";
const { join } = require("node:path");
const top = join(__dirname, "..", "..");

module.exports = {
    testDir: __dirname,
    testMatch: "*.spec.js",
    outputDir: join(top, "build", "page", "results"),
    globalSetup: join(__dirname, "runs.js"),
    reporter: join(__dirname, "tap.js"),
    workers: 2,
    timeout: 60000,
    expect: { timeout: 10000 },
    use: {
        offline: true,
        viewport: { width: 1280, height: 900 },
        launchOptions: { executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] },
    },
};
