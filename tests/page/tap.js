// Results in the Test Anything Protocol, as tests/run counts them.
"use strict";

module.exports = class {
    onBegin(_, suite) {
        this.seen = 0;
        console.log(`1..${suite.allTests().length}`);
    }

    onTestEnd(test, result) {
        this.seen++;
        const ok = result.status === test.expectedStatus ? "ok" : "not ok";
        console.log(`${ok} ${this.seen} ${test.title}${result.status === "skipped" ? " # skip" : ""}`);
        for (const error of ok === "ok" ? [] : result.errors)
            for (const line of (error.stack ?? error.message ?? String(error.value)).split("\n"))
                console.log(`# ${line.replace(/\x1b\[[0-9;]*m/g, "")}`);
    }

    onError(error) {
        console.error(error.stack ?? error.message);
    }
};
