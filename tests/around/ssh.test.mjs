// @ts-check
// The tunnel by SSH: the unit's own command against Debian's own sshd with our restriction, both as they are installed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { before, after, test } from "node:test";

import { follow, run } from "./docs.mjs";
import { until } from "./wait.mjs";

const docs = "/usr/local/share/doc/satreel/config/ssh";
const unit = "/usr/local/lib/systemd/system/satreel-tunnel.service";

/** The unit's settings, with lines joined as systemd joins them. */
async function settings() {
  const text = (await readFile(unit, "utf8")).replace(/\\\n/g, " ");
  return new Map([...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map((line) => [line[1], line[2]]));
}

/** A process of the tests, with what it says and when it ends. @param {string} program @param {string[]} parts */
function start(program, parts) {
  const child = spawn(program, parts, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (more) => (said += more));
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  return { child, ended, said: () => said };
}

/** The unit's command with the environment that systemd would give. @param {Record<string, string>} other */
async function tunnel(other = {}) {
  const file = (await readFile("/etc/satreel/tunnel.env", "utf8")).matchAll(/^([A-Z]+)=(.*)$/gm);
  /** @type {Record<string, string>} */
  const environment = {
    CREDENTIALS_DIRECTORY: "/run/credentials",
    ...Object.fromEntries([...file].map((line) => [line[1], line[2]])),
    ...other,
  };
  const command = (await settings()).get("ExecStart") ?? "";
  const words = command.split(/\s+/).flatMap((word) => {
    // A word that is one variable is divided at its spaces, as systemd does; one in braces is not.
    const whole = word.match(/^\$([A-Z]+)$/);
    if (whole) return environment[whole[1]].split(" ");
    return word.replace(/\$\{([A-Z_]+)\}/g, (_, name) => environment[name]);
  });
  return start("setpriv", [
    "--reuid=satreel-tunnel",
    "--regid=satreel-tunnel",
    "--clear-groups",
    "--no-new-privs",
    ...words,
  ]);
}

/** Debian's sshd as its unit starts it. */
async function sshd() {
  const server = start("/usr/sbin/sshd", ["-D", "-e"]);
  await until("sshd listens", async () => {
    assert.equal(server.child.exitCode, null, server.said());
    return server.said().includes("Server listening");
  });
  return server;
}

/** @param {number} port @param {string} said @param {string} [host] @returns {Promise<string | undefined>} */
const ask = (port, said, host = "127.0.0.1") =>
  new Promise((resolve) => {
    const line = connect({ host, port }, () => line.write(said));
    let heard = "";
    line.on("data", (more) => (heard += more));
    line.on("error", () => resolve(undefined));
    line.on("close", () => resolve(heard || undefined));
  });

// Home and the public machine are one here, so what home brings along has another port than where it goes.
const node = createServer((from) => from.once("data", (said) => from.end(`node: ${said}`)));
const forward = () =>
  `-R 127.0.0.1:10009:127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (node.address()).port}`;

/** @type {Awaited<ReturnType<typeof sshd>>} */
let server;
after(() => {
  node.close();
  server?.child.kill();
});

before(async () => {
  await new Promise((resolve) => node.listen(0, "127.0.0.1", () => resolve(undefined)));
  await appendFile("/etc/hosts", "127.0.0.1 films.example\n");
  // What Debian's installation does; its useradd is in the document, and makes the same user as sysusers does at home.
  await run("bash", [
    "-euc",
    "ssh-keygen -q -A; mkdir -p /run/sshd; id sshd >/dev/null 2>&1 || useradd --system sshd",
  ]);
  await mkdir("/root/brought", { recursive: true });
  await copyFile(`${docs}/satreel-tunnel.conf`, "/root/brought/satreel-tunnel.conf");
  // systemd is not running here: a reload is our own start, below.
  await writeFile("/usr/local/bin/systemctl", '#!/bin/sh\n[ "$*" = "reload ssh" ]\n', {
    mode: 0o755,
  });
});

test("it is set up by the commands of the document", async () => {
  // At home the key of the server is fetched, so a server is there already.
  server = await sshd();
  await follow("ssh home");
  server.child.kill();
  await server.ended;
  const fetched = await readFile("/etc/satreel/tunnel-known-hosts", "utf8");
  const [, key] = (await readFile("/etc/ssh/ssh_host_ed25519_key.pub", "utf8")).split(" ");
  assert.equal(fetched.trim(), `films.example ssh-ed25519 ${key}`);
  await copyFile("/etc/satreel/secrets/tunnel-key.pub", "/root/brought/tunnel-key.pub");
  await run("userdel", ["satreel-tunnel"]);
  await follow("ssh public", { cwd: "/root/brought" });
  const said = await run("/usr/sbin/sshd", [
    "-T",
    "-C",
    "user=satreel-tunnel,host=x,addr=127.0.0.1",
  ]);
  assert.match(said.stdout, /^permitlisten 127\.0\.0\.1:10009 127\.0\.0\.1:8420$/m);
  // As systemd shows it: one file, readable by the service's user.
  await run("bash", [
    "-euc",
    "install -d -o satreel-tunnel -m 500 /run/credentials; install -o satreel-tunnel -m 400 /etc/satreel/secrets/tunnel-key /run/credentials/ssh-key",
  ]);
  const how = await settings();
  assert.equal(how.get("LoadCredential"), "ssh-key:/etc/satreel/secrets/tunnel-key");
  assert.equal(how.get("User"), "satreel-tunnel");
  assert.deepEqual([how.get("Restart"), how.get("RestartSec")], ["always", "10"]);
});

test("it carries bytes, ends when the server is killed, and works again", async (t) => {
  for (let round = 0; round < 2; round++) {
    server = await sshd();
    const line = await tunnel({ FORWARD: forward() });
    t.after(() => line.child.kill());
    const heard = await until("an answer by the forwarded port", async () => {
      assert.equal(line.child.exitCode, null, `${line.said()}\n${server.said()}`);
      return ask(10009, "hello");
    });
    assert.equal(heard, "node: hello");
    // sshd has a process for each connection.
    const { stdout } = await run("pgrep", ["-x", "sshd"]);
    for (const pid of stdout.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
    assert.equal(await line.ended, 255, "systemd starts it again because it ended");
    await server.ended;
  }
});

test("a port that is taken ends it, since it would be no tunnel", async () => {
  server = await sshd();
  const first = await tunnel({ FORWARD: forward() });
  await until("an answer by the forwarded port", () => ask(10009, "hello"));
  const second = await tunnel({ FORWARD: forward() });
  assert.equal(await second.ended, 255);
  assert.match(second.said(), /remote port forwarding failed/);
  assert.equal(first.child.exitCode, null);
  first.child.kill();
  await first.ended;
});

test("the key opens nothing else", async () => {
  for (const other of ["127.0.0.1:10010", "0.0.0.0:10009", "127.0.0.1:22222", "/run/x.sock"]) {
    const line = await tunnel({ FORWARD: `-R ${other}:127.0.0.1:9` });
    assert.equal(await line.ended, 255, other);
    assert.match(line.said(), /forwarding failed/, other);
  }
  // By somebody who has the key and his own ideas: a command, a shell, and ways into the public machine's network.
  const login = [
    "-F",
    "none",
    "-i",
    "/run/credentials/ssh-key",
    "-o",
    "BatchMode=yes",
    "-o",
    "UserKnownHostsFile=/etc/satreel/tunnel-known-hosts",
  ];
  const shell = start("setpriv", [
    "--reuid=satreel-tunnel",
    "--regid=satreel-tunnel",
    "--clear-groups",
    "ssh",
    ...login,
    "satreel-tunnel@films.example",
    "id",
  ]);
  assert.notEqual(await shell.ended, 0);
  assert.doesNotMatch(shell.said(), /uid=/);
  const inward = start("setpriv", [
    "--reuid=satreel-tunnel",
    "--regid=satreel-tunnel",
    "--clear-groups",
    "ssh",
    ...login,
    "-W",
    "127.0.0.1:22",
    "satreel-tunnel@films.example",
  ]);
  assert.notEqual(await inward.ended, 0);
  assert.match(inward.said(), /administratively prohibited|open failed|refused/);
  server.child.kill();
  await server.ended;
});

test("another server is not believed", async () => {
  await run("bash", ["-euc", "rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -A"]);
  server = await sshd();
  const line = await tunnel({ FORWARD: forward() });
  assert.equal(await line.ended, 255);
  assert.match(line.said(), /HOST IDENTIFICATION HAS CHANGED/);
});
