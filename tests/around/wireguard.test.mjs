// @ts-check
// The tunnel as `satreel-wireguard` makes it, between two networks that know each other by one wire only.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";

import { follow, run } from "./docs.mjs";
import * as networks from "./networks.mjs";
import { until } from "./wait.mjs";

/** The node at home: it says who called and what it was told. */
const NODE = `require("node:net").createServer((from) => {
  from.once("data", (said) => from.end(from.remoteAddress + " said " + said));
}).listen(10009, "10.100.0.2")`;

/** @param {string} host @param {number} port @param {string} said @returns {Promise<string | undefined>} */
const ask = (host, port, said) =>
  new Promise((resolve) => {
    const line = connect({ host, port, timeout: 2000 }, () => line.write(said));
    let heard = "";
    line.on("data", (more) => (heard += more));
    line.on("error", () => resolve(undefined));
    line.on("timeout", () => line.destroy());
    line.on("close", () => resolve(heard || undefined));
  });

test("both files are made with keys of their own, for root's eyes", async () => {
  const { stdout } = await follow("wireguard");
  for (const file of [
    "/etc/wireguard/satreel.conf",
    "/root/tunnel/home.conf",
    "/root/tunnel/public.conf",
  ]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    const read = await run("wg-quick", ["strip", file]).catch(() => undefined);
    if (file.endsWith("satreel.conf")) assert.ok(read, `wg-quick can't read ${file}`);
    assert.doesNotMatch(await readFile(file, "utf8"), /^[^#]*@/m);
  }
  assert.equal((await stat("/root/tunnel")).mode & 0o777, 0o700);
  const keys = /^(?:PrivateKey|PresharedKey) = (.{44})$/gm;
  const home = [...(await readFile("/root/tunnel/home.conf", "utf8")).matchAll(keys)].map(
    (key) => key[1],
  );
  const outside = [...(await readFile("/root/tunnel/public.conf", "utf8")).matchAll(keys)].map(
    (key) => key[1],
  );
  assert.equal(new Set([...home, ...outside]).size, 3, "two private keys and a shared one");
  for (const key of [...home, ...outside]) assert.ok(!stdout.includes(key), "a key was said aloud");
});

test("keys that may be in use are not written over, and an endpoint is a host", async () => {
  const before = await readFile("/root/tunnel/home.conf", "utf8");
  for (const [host, folder] of [
    ["films.example", "/root/tunnel"],
    ["films example", "/root/other"],
    ["films.example:x", "/root/other"],
    ["$(id)\nPostUp = touch /x", "/root/other"],
  ]) {
    const refused = await run("satreel-wireguard", [host, folder]).then(
      () => assert.fail(`${host} was taken`),
      (error) => error,
    );
    assert.equal(refused.code, 2);
  }
  assert.equal(await readFile("/root/tunnel/home.conf", "utf8"), before);
});

test("a node at home is reached by the tunnel, and by nothing else", async (t) => {
  await networks.connect();
  t.diagnostic(await networks.open());
  const [program, ...words] = networks.atHome;
  const home = spawn(program, [...words, "node", "-e", NODE], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => home.kill());
  let said = "";
  home.stderr.on("data", (more) => (said += more));
  const heard = await until("an answer through the tunnel", async () => {
    assert.equal(home.exitCode, null, said);
    return ask("10.100.0.2", 10009, "hello");
  });
  assert.equal(heard, "10.100.0.1 said hello");
  assert.equal(
    await ask("192.0.2.2", 10009, "hello"),
    undefined,
    "the node is reached past the tunnel",
  );

  const allowed = (await run("wg", ["show", "satreel", "allowed-ips"])).stdout;
  assert.match(allowed, /^\S{44}\t10\.100\.0\.2\/32\n$/);
  const { stdout } = await run("wg", ["show", "satreel", "endpoints"]);
  assert.match(stdout, /\t192\.0\.2\.2:\d+\n$/, "home's address is learnt");
  await run("wg-quick", ["down", "satreel"]);
});
