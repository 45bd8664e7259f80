"use strict";
// What programs do with dockerode. usage: dockerode.js NAME REGISTRY

const assert = require("node:assert");
const fs = require("node:fs");
const { PassThrough } = require("node:stream");
const Docker = require("dockerode");
const tar = require("tar-fs");
const { NAME, REGISTRY, attempt } = require("./attempt.js");

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace("unix://", "") });
const QUIET = { NetworkMode: "none", Init: true };

const make = (name, Cmd, more = {}) =>
    docker.createContainer({ Image: "fedora", name: `${NAME}-${name}`, Cmd, HostConfig: QUIET, ...more });
const text = async (stream) => Buffer.concat(await stream.toArray()).toString();
const followed = (stream) =>
    new Promise((resolve, reject) => docker.modem.followProgress(stream, (error, said) => {
        const fault = error || said.find((line) => line.error);
        return fault ? reject(new Error(fault.error || fault.message)) : resolve(said);
    }));

async function info() {
    await docker.ping();
    assert((await docker.version()).ApiVersion && (await docker.info()).ID);
}
async function run() {
    const output = new PassThrough();
    const [data, container] = await docker.run("fedora", ["echo", "out"], output, { HostConfig: QUIET });
    assert.equal(data.StatusCode, 0);
    await container.remove();
}
async function life() {
    const container = await make("life", ["sleep", "100"]);
    await container.start();
    await container.pause();
    await container.unpause();
    await container.rename({ name: `${NAME}-renamed` });
    await container.update({ Memory: 120e6, MemorySwap: 120e6 });
    await container.restart({ t: 0 });
    await container.stop({ t: 0 });
    await container.start();
    await container.kill();
    await container.wait();
    await container.remove({ v: true });
}
async function list() {
    const container = await make("list", ["true"], { Labels: { [NAME]: "x" } });
    const found = await docker.listContainers({ all: true, filters: { label: [NAME] } });
    assert.deepEqual(found.map((one) => one.Id), [container.id]);
    await container.inspect();
    await docker.getImage("fedora").history();
    await container.remove();
}
async function logs() {
    const container = await make("logs", ["echo", "one"]);
    await container.start();
    assert((await text(await container.logs({ follow: true, stdout: true }))).endsWith("one\n"));
    await container.remove();
}
async function attach() {
    const container = await make("attach", ["cat"], { OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    await container.start();
    stream.end("typed");
    assert((await text(stream)).endsWith("typed"));
    await container.remove({ force: true });
}
async function exec() {
    const container = await make("exec", ["sleep", "100"]);
    await container.start();
    const exec = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    stream.end("typed");
    assert((await text(stream)).endsWith("typed"));
    await container.remove({ force: true });
}
async function copy() {
    fs.mkdirSync("copied", { recursive: true });
    fs.writeFileSync("copied/file", "content");
    const container = await make("copy", ["true"]);
    await container.putArchive(tar.pack("copied"), { path: "/tmp" });
    assert((await text(await container.getArchive({ path: "/tmp/file" }))).includes("content"));
    await container.remove();
}
async function top() {
    const container = await make("top", ["sleep", "100"]);
    await container.start();
    assert((await container.top()).Processes.length > 0);
    assert.equal((await container.stats({ stream: false })).id, container.id);
    await container.remove({ force: true });
}
async function events() {
    const now = Math.floor(Date.now() / 1000);
    await text(await docker.getEvents({ since: now - 1, until: now }));
}
async function exported() {
    const container = await make("export", ["true"]);
    assert((await text(await container.export())).includes("bin/busybox"));
    await container.remove();
}
async function commit() {
    const container = await make("commit", ["true"]);
    try {
        await container.commit({ repo: NAME, tag: "commit" });
        await docker.getImage(`${NAME}:commit`).remove();
    } finally {
        await container.remove();
    }
}
async function build() {
    fs.mkdirSync("context", { recursive: true });
    fs.writeFileSync("context/Dockerfile", `FROM fedora\nLABEL name=${NAME}\nRUN echo x >/made\n`);
    const context = { context: `${process.cwd()}/context`, src: ["Dockerfile"] };
    await followed(await docker.buildImage(context, { t: `${NAME}:built` }));
    await docker.getImage(`${NAME}:built`).remove();
}
async function buildkit() {
    const context = { context: `${process.cwd()}/context`, src: ["Dockerfile"] };
    const stream = await docker.buildImage(context, { t: `${NAME}:kit`, version: "2" });
    await followed(stream);
    await docker.getImage(`${NAME}:kit`).remove();
}
async function tag() {
    await docker.getImage("fedora").tag({ repo: NAME, tag: "a" });
    await docker.getImage(`${NAME}:a`).remove();
}
async function save() {
    await docker.getImage("fedora").tag({ repo: NAME, tag: "saved" });
    const saved = Buffer.concat(await (await docker.getImage(`${NAME}:saved`).get()).toArray());
    await docker.getImage(`${NAME}:saved`).remove();
    fs.writeFileSync("saved.tar", saved);
    await text(await docker.loadImage("saved.tar"));
    await docker.getImage(`${NAME}:saved`).remove();
}
async function pull() {
    await followed(await docker.pull(`${REGISTRY}/word:1`));
    await docker.getImage(`${REGISTRY}/word:1`).remove();
}
async function push() {
    const repo = `${REGISTRY}/${NAME}`;
    await docker.getImage("fedora").tag({ repo, tag: "1" });
    try {
        await followed(await docker.getImage(`${repo}:1`).push({ authconfig: { username: "a", password: "b" } }));
    } finally {
        await docker.getImage(`${repo}:1`).remove();
    }
}
async function volumes() {
    await docker.createVolume({ Name: NAME, Labels: { a: "b" } });
    const volume = docker.getVolume(NAME);
    await volume.inspect();
    await docker.listVolumes({ filters: { name: [NAME] } });
    await volume.remove();
}
async function networks() {
    const network = await docker.createNetwork({ Name: NAME, Driver: "bridge" });
    const container = await make("net", ["true"], { HostConfig: {} });
    await network.connect({ Container: container.id });
    await network.disconnect({ Container: container.id });
    await network.inspect();
    await container.remove();
    await network.remove();
}
async function prune() {
    const filters = { label: { [NAME]: true } };
    await docker.pruneContainers({ filters });
    await docker.pruneVolumes({ filters });
    await docker.pruneNetworks({ filters });
    await docker.pruneImages({ filters });
}
const made = async (name, HostConfig) => (await make(name, ["true"], { HostConfig })).remove();

async function main() {
    console.log(`version ${require("dockerode/package.json").version}`);
    for (const [operation, work] of [
        ["ping, version, info", info],
        ["run", run],
        ["life of a container", life],
        ["list and inspect", list],
        ["logs", logs],
        ["attach", attach],
        ["exec", exec],
        ["putArchive, getArchive", copy],
        ["top and stats", top],
        ["events", events],
        ["export", exported],
        ["commit", commit],
        ["buildImage", build],
        ["buildImage with BuildKit", buildkit],
        ["tag and remove an image", tag],
        ["save and load", save],
        ["pull", pull],
        ["push", push],
        ["volumes", volumes],
        ["networks", networks],
        ["prune", prune],
        ["bind mount", () => made("bind", { Binds: [`${process.cwd()}:/here`] })],
        ["privileged container", () => made("privileged", { Privileged: true })],
        ["network of the host", () => made("host", { NetworkMode: "host" })],
    ]) {
        await attempt(operation, work);
    }
    process.exit(0);
}
main();
