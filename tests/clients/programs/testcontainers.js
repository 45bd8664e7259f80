"use strict";
// What tests do with testcontainers for Node. usage: testcontainers.js NAME REGISTRY

process.env.TESTCONTAINERS_RYUK_DISABLED = "true";
const assert = require("node:assert");
const fs = require("node:fs");
const { GenericContainer, getContainerRuntimeClient, Network, Wait } = require("testcontainers");
const { NAME, attempt } = require("./attempt.js");

// Process 1 of a container ignores SIGTERM unless it traps it, and docker then waits 10 s for its end.
const until = (command) => ["sh", "-c", `trap exit TERM; ${command} & wait`];
const WAIT = until("sleep 100");

const container = (name, command) =>
    new GenericContainer("fedora").withName(`${NAME}-${name}`).withCommand(command);

async function generic() {
    // After a restart, testcontainers looks only at what follows the time at which docker saw the start.
    const started = await container("generic", until("sleep 2; echo started; sleep 100"))
        .withWaitStrategy(Wait.forLogMessage("started")).withEnvironment({ A: "b" })
        .withLabels({ a: "b" }).withTmpFs({ "/scratch": "rw" }).start();
    const { output, exitCode } = await started.exec(["sh", "-c", "echo $A"]);
    assert.deepEqual([output, exitCode], ["b\n", 0]);
    await started.restart();
    await started.stop();
}
async function port() {
    const started = await container("port", until("busybox httpd -f -h /etc"))
        .withExposedPorts(80).withWaitStrategy(Wait.forListeningPorts()).start();
    assert(started.getMappedPort(80) > 0);
    await started.stop();
}
async function files() {
    const started = await container("files", WAIT)
        .withCopyContentToContainer([{ content: "content", target: "/tmp/file" }]).start();
    assert.equal((await started.exec(["cat", "/tmp/file"])).output, "content");
    await started.stop();
}
async function network() {
    const net = await new Network().start();
    const first = await container("net1", WAIT).withNetwork(net).withNetworkAliases("other").start();
    const second = await container("net2", WAIT).withNetwork(net).start();
    const { exitCode } = await second.exec(["busybox", "ping", "-c", "1", "-w", "5", "other"]);
    assert.equal(exitCode, 0);
    await second.stop();
    await first.stop();
    await net.stop();
}
async function build() {
    fs.mkdirSync("context", { recursive: true });
    fs.writeFileSync("context/Dockerfile", `FROM fedora\nLABEL name=${NAME}\nRUN echo x >/made\nCMD ${JSON.stringify(WAIT)}\n`);
    const built = await GenericContainer.fromDockerfile("context").build(`${NAME}:built`, { deleteOnExit: false });
    const started = await built.withName(`${NAME}-built`).start();
    assert.equal((await started.exec(["cat", "/made"])).output, "x\n");
    await started.stop();
    const docker = (await getContainerRuntimeClient()).container.dockerode;
    await docker.getImage(`${NAME}:built`).remove();
}
async function bind() {
    const started = await container("bind", WAIT)
        .withBindMounts([{ source: process.cwd(), target: "/here", mode: "ro" }]).start();
    await started.stop();
}

async function main() {
    console.log(`version ${require("testcontainers/package.json").version}`);
    await attempt("a container, its log, exec", generic);
    await attempt("exposed port", port);
    await attempt("files", files);
    await attempt("network with aliases", network);
    await attempt("image from a Dockerfile", build);
    await attempt("bind mount", bind);
    process.exit(0);
}
main();
