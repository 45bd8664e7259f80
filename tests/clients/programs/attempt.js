"use strict";
// Runs the operations of a client one after the other, and prints how each ended.

const [NAME, REGISTRY] = process.argv.slice(2);

function timeout(milliseconds) {
    return new Promise((_, reject) => {
        setTimeout(() => reject(new Error("timeout")), milliseconds).unref();
    });
}

async function attempt(operation, work) {
    try {
        await Promise.race([work(), timeout(120_000)]);
        console.log(`ok ${operation}`);
    } catch (error) {
        const said = String(error?.message || error).replace(/\s+/g, " ");
        console.log(`failed ${operation}: ${said}`);
    }
}

module.exports = { NAME, REGISTRY, attempt };
